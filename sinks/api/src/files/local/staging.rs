//! Where lists are staged, and what is left there when one goes.

use std::fs;
use std::path::{Path, PathBuf};

use super::steps::remove_folder;
use super::target::Target;
use crate::error::SinkError;
use crate::files::error::io_error;

/// Returns the folder in which lists for `root` are staged: `<root>.staging`. A `root` that is a symbolic link is followed, so
/// that staging lies on its file system. Nothing of it needs to exist.
///
/// # Errors
///
/// If `root` has no name to stage beside, as `/` has none.
pub fn staging_of(root: &Path) -> Result<PathBuf, SinkError> {
    let absolute = std::path::absolute(root).map_err(|error| io_error("resolve", root, error))?;
    let mut resolved = absolute.clone();
    for ancestor in absolute.ancestors() {
        if let (Ok(real), Ok(rest)) = (fs::canonicalize(ancestor), absolute.strip_prefix(ancestor)) {
            resolved = real.join(rest);
            break;
        }
    }
    let Some(name) = resolved.file_name() else {
        return Err(SinkError::option(
            "root",
            format!("`{}` has no name to stage beside; name a folder", root.display()),
        ));
    };
    let mut name = name.to_owned();
    name.push(".staging");
    Ok(resolved.with_file_name(name))
}

/// Removes what is staged for a list, with every folder below `floor` that was made for it.
pub(in crate::files) fn discard(target: &Target, floor: &Path) -> Result<(), SinkError> {
    remove_folder(target.staging_of_list())?;
    let root = target.staging_root();
    for folder in target.staging_of_list().ancestors().skip(1) {
        let made_here = folder.starts_with(root) || (folder.starts_with(floor) && folder != floor);
        // A folder that is not empty is in use: another account stages there, or a list was published.
        if !made_here || fs::remove_dir(folder).is_err_and(|error| error.kind() != std::io::ErrorKind::NotFound) {
            break;
        }
    }
    Ok(())
}

/// Returns the deepest folder on the way to `path` that exists.
pub(in crate::files) fn nearest_folder(path: &Path) -> PathBuf {
    path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(path).to_owned()
}
