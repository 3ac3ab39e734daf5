//! Makes the names of a published list durable: its own, and those of the folders above it.
//!
//! Before it: `publishing` has moved the list to its place. Behind it: the operating system.
//!
//! The name of a folder above the list is synced once a process, not once a list: thousands of
//! lists lie in the folder of one date. A folder is recognised by its device, its inode and its
//! birth, because an inode is used again. Where the file system tells no birth, every name is
//! synced each time.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use super::steps::sync_folder;
use crate::error::SinkError;
use crate::files::error::io_error;
use crate::files::sync;

/// What tells a folder from every other one, also from one that had its place before.
type Identity = (u64, u64, SystemTime);

/// The folders whose names this process has made durable.
static DURABLE: Mutex<Option<HashSet<Identity>>> = Mutex::new(None);

/// Syncs `folders`, innermost first: the first has just been given the list, and each of the others
/// holds the one before it.
///
/// # Errors
///
/// If a folder cannot be synced.
pub(super) fn sync_names<'a>(folders: impl Iterator<Item = &'a Path>) -> Result<(), SinkError> {
    let mut inner = None;
    for folder in folders {
        if inner.is_none_or(|inner| !is_durable(inner)) {
            // Before the sync: the folder that has the name now is the one whose name is synced.
            let identity = inner.and_then(identity);
            sync_folder(folder)?;
            if let Some(identity) = identity {
                with_durable(|durable| durable.insert(identity));
            }
        }
        inner = Some(folder);
    }
    inner.map_or(Ok(()), sync_outer)
}

/// Syncs the names of `folder` and of the folders further out, which may have been made with it.
fn sync_outer(folder: &Path) -> Result<(), SinkError> {
    let mut inner = folder;
    for outer in folder.ancestors().skip(1) {
        let outer = if outer.as_os_str().is_empty() { Path::new(".") } else { outer };
        let (Ok(within), Ok(around)) = (fs::metadata(inner), fs::metadata(outer)) else { break };
        // A mount point is no name that could be lost. Nobody takes these folders away and makes
        // them again while lists are published below them, so they need no birth.
        if within.dev() != around.dev() {
            break;
        }
        let identity = (within.dev(), within.ino(), SystemTime::UNIX_EPOCH);
        if !with_durable(|durable| durable.contains(&identity)) {
            match sync::sync_folder(outer) {
                // This user has made nothing in it.
                Err(error) if error.kind() == ErrorKind::PermissionDenied => break,
                synced => synced.map_err(|error| io_error("sync the folder", outer, error))?,
            }
            with_durable(|durable| durable.insert(identity));
        }
        inner = outer;
    }
    Ok(())
}

fn is_durable(folder: &Path) -> bool {
    identity(folder).is_some_and(|identity| with_durable(|durable| durable.contains(&identity)))
}

fn identity(folder: &Path) -> Option<Identity> {
    let metadata = fs::metadata(folder).ok()?;
    Some((metadata.dev(), metadata.ino(), metadata.created().ok()?))
}

fn with_durable<T>(look: impl FnOnce(&mut HashSet<Identity>) -> T) -> T {
    look(DURABLE.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_synced_once_and_again_when_another_folder_has_it() {
        let directory = tempfile::tempdir().unwrap();
        let [outer, inner] = [directory.path().join("out"), directory.path().join("out/dt")];
        let sync = || sync_names([&*inner, &*outer].into_iter());
        fs::create_dir_all(&inner).unwrap();
        if identity(&inner).is_none() {
            return;
        }
        assert!(!is_durable(&inner));
        sync().unwrap();
        assert!(is_durable(&inner));
        assert!(!is_durable(&outer), "what holds it was not synced");
        fs::remove_dir(&inner).unwrap();
        sync().unwrap_err();
        fs::create_dir(&inner).unwrap();
        assert!(!is_durable(&inner));
        sync().unwrap();
        assert!(is_durable(&inner));
    }
}
