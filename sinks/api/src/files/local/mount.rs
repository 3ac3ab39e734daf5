//! The mount of a path: by its mount point, which stays the same after a boot, or by what tells it
//! apart within a run at the least cost.
//!
//! Before it: `files`, for a report, and `find`; the trials. Behind it: the operating system.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What tells a mount from the others of this machine while all of them stay mounted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mount {
    /// Its number, which the kernel tells in one call.
    Number(u64),
    /// Its mount point, where the kernel does not tell the number.
    Point(PathBuf),
}

impl Mount {
    /// Returns the mount of `path`, which exists.
    ///
    /// # Errors
    ///
    /// If it cannot be looked at.
    pub fn of(path: &Path) -> io::Result<Self> {
        match number_of_mount(path) {
            Some(number) => Ok(Self::Number(number)),
            None => mount_of(path).map(Self::Point),
        }
    }
}

/// Returns the mount point above `path`, or above its deepest part that exists.
///
/// A device number cannot name the file system: it may be another one after a boot.
///
/// # Errors
///
/// If a part of the path cannot be looked at.
pub(super) fn mount_of(path: &Path) -> io::Result<PathBuf> {
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

/// Returns the number of the mount of `path`; `None` if the kernel does not tell it (before Linux
/// 5.8), or if nothing is there.
#[cfg(target_os = "linux")]
fn number_of_mount(path: &Path) -> Option<u64> {
    use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
    let found = statx(CWD, path, AtFlags::empty(), StatxFlags::MNT_ID).ok()?;
    let is_told = found.stx_mask & StatxFlags::MNT_ID.bits() != 0;
    is_told.then_some(found.stx_mnt_id)
}

#[cfg(not(target_os = "linux"))]
fn number_of_mount(_path: &Path) -> Option<u64> {
    None
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

    #[test]
    fn folders_have_one_mount_exactly_if_they_have_one_mount_point() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("folder");
        fs::create_dir(&folder).unwrap();
        let folders = [Path::new("/"), Path::new("/proc"), Path::new("/proc/self"), directory.path(), &folder];
        for one in folders {
            for other in folders {
                let is_one = Mount::of(one).unwrap() == Mount::of(other).unwrap();
                let is_one_point = mount_of(one).unwrap() == mount_of(other).unwrap();
                assert_eq!(is_one, is_one_point, "{} {}", one.display(), other.display());
            }
        }
    }
}
