//! The state of a published list: by its manifest, its marker and the sizes of its files. The bytes
//! of the files are not read.
//!
//! Before it: `storage`, for a sink's `find`, with the report of the commit. Behind it: the engine,
//! which delivers a list that is gone again.

use std::fs;
use std::path::{Path, PathBuf};

use super::mount::mount_of;
use super::place::FilesFound;
use super::reading::{metadata, names_in, read};
use crate::error::SinkError;
use crate::files::error::io_error;
use crate::files::manifest::{ManifestHead, is_marker_of};
use crate::files::names::{Names, manifest_name, marker_name};
use crate::found::Found;
use crate::sink::SinkReport;

/// Returns the state of the list of `report`, in the place that the report names. `root` is where
/// lists go today; `None` if they go to no folder.
pub(in crate::files) fn find(root: Option<&Path>, names: &Names, report: &SinkReport) -> Result<Found, SinkError> {
    let Some(place) = Place::of(report) else { return Ok(Found::Unknown) };
    let folder = root.map(|root| Ok(root.join(names.folder()?))).transpose()?;
    let found = place.look(folder.as_deref(), names)?;
    match found {
        // The list is there: its mount point does not matter.
        Found::Held | Found::Replaced => {}
        _ => place.check_mount(report)?,
    }
    Ok(found)
}

/// The place of a list, from its report.
struct Place {
    folder: PathBuf,
    files: Vec<PathBuf>,
    /// The name of the first file.
    first: String,
}

impl Place {
    /// Returns the place that a report names; `None` if it names none.
    fn of(report: &SinkReport) -> Option<Self> {
        // A path that is not UTF-8 has replacement characters in the report, and cannot be opened.
        let is_path = |location: &str| location.starts_with('/') && !location.contains(char::REPLACEMENT_CHARACTER);
        let files: Vec<PathBuf> = report.outputs.iter().map(|output| PathBuf::from(&output.location)).collect();
        let folder = files.first()?.parent()?.to_owned();
        let first = files.first()?.file_name()?.to_str()?.to_owned();
        report.outputs.iter().all(|output| is_path(&output.location)).then_some(Self { folder, files, first })
    }

    /// Looks at the place. `todays` is the folder in which the list would be published today.
    fn look(&self, todays: Option<&Path>, names: &Names) -> Result<Found, SinkError> {
        // `layout` and the account's name may have changed since the commit, so the manifest is
        // looked for under the names that it may have beside the file of the report.
        let is_todays =
            todays.and_then(|folder| fs::canonicalize(folder).ok()).is_some_and(|folder| folder == self.folder);
        let is_single_file = metadata(&self.folder.join(manifest_name(Some(&self.first))))?.is_some()
            || (is_todays && names.single_file()?.is_some());
        let single_file = is_single_file.then_some(self.first.as_str());
        let [manifest, marker] =
            [manifest_name(single_file), marker_name(single_file)].map(|name| self.folder.join(name));
        let Some(content) = read(&manifest)? else {
            return self.look_without_manifest(is_todays && !is_single_file, &manifest, &marker);
        };
        let head = match ManifestHead::of_list(&content, names.context(), &manifest.display().to_string()) {
            Ok(head) => head,
            Err(other) => return Ok(other),
        };
        let FilesFound { missing, altered } = FilesFound::of(&self.folder, &head)?;
        if let Some(problem) = altered {
            return Ok(Found::Altered(problem));
        }
        // The manifest says that the rest is ours, so the list can be published over it again. A
        // loader may have taken files away, or a crash may have come before the marker.
        Ok(match read(&marker)? {
            Some(found) if !is_marker_of(&found, &content) => {
                Found::Altered(format!("`{}` belongs to another manifest", marker.display()))
            }
            Some(_) if missing == 0 => Found::Held,
            _ => Found::Gone,
        })
    }

    /// Looks for anything else in the place. `replaces_folder` is whether the list, if it is
    /// delivered again, replaces the folder; then the folder must hold nothing else.
    fn look_without_manifest(&self, replaces_folder: bool, manifest: &Path, marker: &Path) -> Result<Found, SinkError> {
        for file in &self.files {
            if metadata(file)?.is_some() {
                let (file, manifest) = (file.display(), manifest.display());
                return Ok(Found::Altered(format!("`{file}` is there, and `{manifest}` is missing")));
            }
        }
        if let Some(obstacle) = self.obstacle()? {
            return Ok(Found::Taken(format!("`{}` is not a folder", obstacle.display())));
        }
        if !replaces_folder {
            return Ok(Found::Gone);
        }
        let names = names_in(&self.folder)?;
        Ok(match names.iter().find(|name| self.folder.join(name) != marker) {
            Some(name) => Found::Taken(format!("`{}` holds `{name}` and no manifest", self.folder.display())),
            None => Found::Gone,
        })
    }

    /// Returns the deepest part of the folder's path that exists, if it is not a folder. A link to
    /// a folder counts as one.
    fn obstacle(&self) -> Result<Option<&Path>, SinkError> {
        for path in self.folder.ancestors() {
            if metadata(path)?.is_some() {
                return Ok((!path.is_dir()).then_some(path));
            }
        }
        Ok(None)
    }

    /// Checks that the place is on the file system on which the list was published, if the report
    /// has its mount point.
    fn check_mount(&self, report: &SinkReport) -> Result<(), SinkError> {
        let Some(noted) = &report.mount else { return Ok(()) };
        let mount = mount_of(&self.folder).map_err(|error| io_error("look at", &self.folder, error))?;
        let mount = mount.display().to_string();
        if mount == *noted {
            return Ok(());
        }
        let message = format!(
            "the list was published in `{}` below the mount point `{noted}`, and that folder is below `{mount}` now",
            self.folder.display()
        );
        Err(SinkError::permanent(message).with_hint("is its disk mounted?"))
    }
}
