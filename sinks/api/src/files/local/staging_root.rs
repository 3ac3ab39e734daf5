//! Where lists are staged.

use std::fs;
use std::path::{Path, PathBuf};

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
