//! The folders of staging: which of them exist before a list, and their removal after it.
//!
//! Before it: `staged`. Behind it: `steps`.

use std::fs;
use std::path::{Path, PathBuf};

use super::steps::remove_folder;
use super::target::Target;
use crate::error::SinkError;

/// Removes the staging of a list, with every folder below `floor` that was made for it.
pub(in crate::files) fn discard(target: &Target, floor: &Path) -> Result<(), SinkError> {
    remove_folder(target.staging_of_list())?;
    let root = target.staging_root();
    for folder in target.staging_of_list().ancestors().skip(1) {
        let made_here = folder.starts_with(root) || (folder.starts_with(floor) && folder != floor);
        // A folder that is not empty is in use, by another account's staging or a published list.
        if !made_here || fs::remove_dir(folder).is_err_and(|error| error.kind() != std::io::ErrorKind::NotFound) {
            break;
        }
    }
    Ok(())
}

/// Returns the deepest folder of `path` that exists.
pub(in crate::files) fn nearest_folder(path: &Path) -> PathBuf {
    path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(path).to_owned()
}
