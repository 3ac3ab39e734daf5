//! Whether what is at a list's place can be replaced. A trial beside it cannot show that: it
//! depends on the folder or file itself.
//!
//! Before it: `target`, which checks the places of a list. Behind it: the operating system.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::mount::is_mount_point;
use super::traces::{Traces, new_name};
use crate::error::SinkError;
use crate::files::error::io_error;

/// The bit of a folder's mode under which only the owner of a file may remove or move it.
const STICKY: u32 = 0o1000;

/// The number by which Linux names the type of an overlay.
#[cfg(target_os = "linux")]
const OVERLAY: u64 = 0x794c_7630;

/// Checks that `path`, if something is there, can be moved to staging and replaced. Changes
/// nothing. `staging` is asked for that folder only if a move has to be tried: most places are
/// free.
///
/// # Errors
///
/// If it is a mount point, may not be moved by this user, or lies in a lower layer of an overlay;
/// and those of `staging`.
pub(super) fn check_replaceable(
    path: &Path,
    staging: impl FnOnce() -> Result<PathBuf, SinkError>,
) -> Result<(), SinkError> {
    let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(()) };
    let failed = |error| io_error("replace", path, error);
    if is_mount_point(path).map_err(failed)? {
        return Err(SinkError::permanent(format!(
            "`{}` is a mount point, and a list replaces what is there by one rename",
            path.display()
        ))
        .with_hint("mount a folder above it instead, or choose another `root` or `layout`"));
    }
    if metadata.is_dir() {
        access(path, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| failed(error.into()))?;
    }
    if needs_a_try(path, &metadata) { try_to_move(path, &staging()?) } else { Ok(()) }
}

/// Returns whether only a move shows that `path` can be moved.
fn needs_a_try(path: &Path, metadata: &Metadata) -> bool {
    let is_in_sticky_folder = path
        .parent()
        .and_then(|parent| fs::metadata(parent).ok())
        .is_some_and(|parent| parent.permissions().mode() & STICKY != 0);
    is_in_sticky_folder || (metadata.is_dir() && is_on_overlay(path))
}

/// Moves `path` to the name of a folder that is not empty. That never succeeds, and the error says
/// whether only this is wrong.
fn try_to_move(path: &Path, staging: &Path) -> Result<(), SinkError> {
    let mut traces = Traces::default();
    let folder = staging.join(new_name());
    traces.paths.push(folder.clone());
    traces.make_folder(&folder)?;
    fs::write(folder.join("part"), []).map_err(|error| io_error("write a file in", staging, error))?;
    match fs::rename(path, &folder).map_err(|error| (error.kind(), error)) {
        Err((ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists | ErrorKind::IsADirectory, _)) => Ok(()),
        Err((ErrorKind::CrossesDevices, error)) => {
            let error = io_error("replace", path, error);
            Err(error.with_hint(
                "the folder lies in a lower layer of an overlay, which moves none of its folders: remove it \
                there, or choose a `root` on a volume",
            ))
        }
        Err((_, error)) => Err(io_error("replace", path, error)),
        // The file system has replaced a folder that was not empty.
        Ok(()) => {
            // What is there now is the list, and is not removed.
            traces.paths.clear();
            fs::rename(&folder, path).map_err(|error| io_error("move back", &folder, error))
        }
    }
}

#[cfg(target_os = "linux")]
fn is_on_overlay(path: &Path) -> bool {
    rustix::fs::statfs(path).is_ok_and(|system| system.f_type as u64 == OVERLAY)
}

#[cfg(not(target_os = "linux"))]
fn is_on_overlay(_path: &Path) -> bool {
    false
}
