//! The commit: a staged list becomes visible at its target.
//!
//! Before it: `staged`. Behind it: `steps`.

use std::fs;
use std::path::Path;

use super::steps::{create_folders, remove_file, rename_once, replace_folder, sync_names_in};
use super::target::Target;
use crate::error::SinkError;
use crate::files::manifest::ManifestFile;

/// Returns whether the target holds this list already: the same manifest and marker, and every file
/// with its size.
pub(in crate::files) fn is_published(
    target: &Target,
    manifest: &[u8],
    marker: &[u8],
    files: &[ManifestFile],
) -> Result<bool, SinkError> {
    let folder = target.folder();
    let holds = |name: String, content: &[u8]| fs::read(folder.join(name)).is_ok_and(|found| found == content);
    let whole = |file: &ManifestFile| {
        fs::symlink_metadata(folder.join(&file.path)).is_ok_and(|found| found.is_file() && found.len() == file.bytes)
    };
    Ok(holds(target.manifest_name()?, manifest) && holds(target.marker_name()?, marker) && files.iter().all(whole))
}

/// Replaces what is at the target by the staged list.
pub(in crate::files) fn publish(target: &Target, files: &[ManifestFile]) -> Result<(), SinkError> {
    if target.is_single_file() { publish_file(target, files) } else { publish_folder(target) }
}

/// Makes the names of the folders above a published list durable.
pub(in crate::files) fn sync_names(target: &Target) -> Result<(), SinkError> {
    target.folders_above().try_for_each(sync_names_in)
}

fn publish_folder(target: &Target) -> Result<(), SinkError> {
    let folder = target.folder();
    create_folders(folder.parent().unwrap_or(Path::new(".")))?;
    replace_folder(target.staging(), folder, &target.staging_of_list().join("replaced"))
}

/// Removes the old marker first and publishes the new one last, so a marker always matches the file
/// that is there. Publishes the manifest before the file: after a crash between the two, a file
/// without a manifest would look foreign.
fn publish_file(target: &Target, files: &[ManifestFile]) -> Result<(), SinkError> {
    let (staging, folder) = (target.staging(), target.folder());
    let (manifest, marker) = (target.manifest_name()?, target.marker_name()?);
    create_folders(folder)?;
    remove_file(&folder.join(&marker))?;
    sync_names_in(folder)?;
    rename_once(&staging.join(&manifest), &folder.join(&manifest))?;
    for file in files {
        rename_once(&staging.join(&file.path), &folder.join(&file.path))?;
    }
    sync_names_in(folder)?;
    rename_once(&staging.join(&marker), &folder.join(&marker))
}
