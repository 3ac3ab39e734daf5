//! A staged list becomes visible at its target.

use std::fs;
use std::path::Path;

use super::steps::{create_folders, remove_file, rename_once, replace_folder, sync_folder};
use super::target::Target;
use crate::error::SinkError;
use crate::files::manifest::ManifestFile;

/// Returns whether the target carries this very list: the same manifest and marker, and every file in its size.
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

/// Puts the staged list in the place of what is at the target.
pub(in crate::files) fn publish(target: &Target, files: &[ManifestFile]) -> Result<(), SinkError> {
    if target.is_single_file() { publish_file(target, files) } else { publish_folder(target) }
}

/// Makes the names that lead to a published list durable.
pub(in crate::files) fn sync_names(target: &Target) -> Result<(), SinkError> {
    target.folders_above().try_for_each(sync_folder)
}

fn publish_folder(target: &Target) -> Result<(), SinkError> {
    let folder = target.folder();
    create_folders(folder.parent().unwrap_or(Path::new(".")))?;
    replace_folder(target.staging(), folder, &target.staging_of_list().join("replaced"))
}

/// The old marker goes first and the new one comes last, so a marker always vouches for what is there. The manifest
/// comes before the file: a file without one would look foreign after a crash between the two.
fn publish_file(target: &Target, files: &[ManifestFile]) -> Result<(), SinkError> {
    let (staging, folder) = (target.staging(), target.folder());
    let (manifest, marker) = (target.manifest_name()?, target.marker_name()?);
    create_folders(folder)?;
    remove_file(&folder.join(&marker))?;
    sync_folder(folder)?;
    rename_once(&staging.join(&manifest), &folder.join(&manifest))?;
    for file in files {
        rename_once(&staging.join(&file.path), &folder.join(&file.path))?;
    }
    sync_folder(folder)?;
    rename_once(&staging.join(&marker), &folder.join(&marker))
}
