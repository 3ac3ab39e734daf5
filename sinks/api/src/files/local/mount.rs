//! The file system of a path, named by its mount point, which stays the same after a boot.
//!
//! Before it: `files`, for a report, and `find`. Behind it: the operating system.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Returns the mount point above `path`, or above its deepest part that exists.
///
/// A device number cannot name the file system: it may be another one after a boot.
///
/// # Errors
///
/// If a part of the path cannot be looked at.
pub fn mount_of(path: &Path) -> io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    let existing = absolute.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("/"));
    let real = fs::canonicalize(existing)?;
    for ancestor in real.ancestors() {
        if is_mount_point(ancestor)? {
            return Ok(ancestor.to_owned());
        }
    }
    Ok(PathBuf::from("/"))
}

/// Returns whether `path` is a mount point.
pub(super) fn is_mount_point(path: &Path) -> io::Result<bool> {
    match says_mount_root(path) {
        Some(is_root) => Ok(is_root),
        // This does not detect a bind mount, which has the device number of its parent.
        None => match path.parent() {
            Some(parent) => Ok(fs::metadata(path)?.dev() != fs::metadata(parent)?.dev()),
            None => Ok(true),
        },
    }
}

/// Returns whether `path` is a mount point; `None` if the kernel does not tell (before Linux 5.8).
#[cfg(target_os = "linux")]
fn says_mount_root(path: &Path) -> Option<bool> {
    use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
    let found = statx(CWD, path, AtFlags::empty(), StatxFlags::empty()).ok()?;
    let knows = found.stx_attributes_mask.contains(StatxAttributes::MOUNT_ROOT);
    knows.then(|| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

#[cfg(not(target_os = "linux"))]
fn says_mount_root(_path: &Path) -> Option<bool> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_lies_below_the_nearest_mount_whether_it_exists_or_not() {
        assert_eq!(mount_of(Path::new("/")).unwrap(), Path::new("/"));
        assert_eq!(mount_of(Path::new("/proc/self/not/there")).unwrap(), Path::new("/proc"));
        let directory = tempfile::tempdir().unwrap();
        let mount = mount_of(directory.path()).unwrap();
        assert_eq!(mount_of(&directory.path().join("not/there")).unwrap(), mount);
        let link = directory.path().join("link");
        std::os::unix::fs::symlink("/proc", &link).unwrap();
        assert_eq!(mount_of(&link.join("not")).unwrap(), Path::new("/proc"));
    }
}
