//! The folder in which a list is staged: made where the list will be published, and then moved to
//! staging.
//!
//! So the list has the group, mode and access list (ACL) that the operating system gives to
//! what is made there, whichever they are: the folder inherits them from the place, and the files
//! inherit from the folder. To set them afterwards would take more: only a member of a group may
//! give a file to it, and each kind of access list is set in another way.
//!
//! Before it: `attempt` begins a list. Behind it: the operating system.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::move_error::{Move, Moved};
use super::nearest::nearest_existing;
use super::steps::{TRIES, create_folders};
use super::target::Target;
use crate::error::SinkError;
use crate::files::error::io_error;
use crate::files::part::sha256;

/// Creates the folder `staging` for a list, as one that is made where the list will be published.
pub(super) fn create_like(target: &Target, staging: &Path) -> Result<(), SinkError> {
    // The name is the list's, so that the next attempt removes what a killed one has left. Readers
    // skip hidden names.
    let owner = sha256(target.staged_path().as_os_str().as_encoded_bytes());
    let name = format!(".fanout-new-{}", &owner[..16]);
    for folder in target.folders_above() {
        remove_left(&folder.join(&name), staging);
    }
    let mut attempts = 0;
    loop {
        attempts += 1;
        create_folders(staging.parent().unwrap_or(Path::new(".")))?;
        let (home, _) = nearest_existing(target.home()).map_err(|error| io_error("use", target.home(), error))?;
        let made = home.join(&name);
        let step = Move { staging: staging.parent().unwrap_or(staging), home: &home, moved: Moved::Folder };
        let result = fs::create_dir(&made)
            .map_err(|error| (error.kind(), io_error("create a folder in", &home, error)))
            .and_then(|()| fs::rename(&made, staging).map_err(|error| (error.kind(), step.error(error))));
        let Err((kind, error)) = result else { return Ok(()) };
        // It is in the way only for a moment, if another run of this list has made it.
        let _ = fs::remove_dir(&made);
        match kind {
            // Another run has removed its empty folders, or this one.
            ErrorKind::NotFound | ErrorKind::AlreadyExists if attempts < TRIES => {}
            // A single file is moved, not its folder; a file system may move files and no folders.
            _ if target.is_single_file() => return create_folders(staging),
            _ => return Err(error),
        }
    }
}

/// Removes what a killed attempt has left. A power failure may have taken the move to staging and
/// not the files. They are removed in staging: nothing is deleted below a name that others use.
fn remove_left(made: &Path, staging: &Path) {
    let is_full = fs::remove_dir(made).is_err_and(|error| error.kind() == ErrorKind::DirectoryNotEmpty);
    if is_full && fs::rename(made, staging).is_ok() {
        // What cannot be removed is in the way, which the next step says.
        let _ = fs::remove_dir_all(staging);
    }
}
