//! The folder of all staging for a root.
//!
//! Before it: `target`, and the engine, which tries the folder. Behind it: the operating system.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::SinkError;
use crate::files::error::io_error;

/// Returns the folder in which lists for `root` are staged: `<root>.staging`. If `root` is a
/// symbolic link, its target counts, so that staging is on the same file system. Neither path needs
/// to exist.
///
/// # Errors
///
/// If `root` has no folder name (as `/` has none), so that staging has no place beside it.
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
            format!(
                "`{}` has no folder name, and staging needs a folder beside it; name another folder",
                root.display()
            ),
        ));
    };
    let mut name = name.to_owned();
    name.push(".staging");
    Ok(resolved.with_file_name(name))
}
