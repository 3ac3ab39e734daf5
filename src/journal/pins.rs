//! The pins of a walk: the records that other walks rest on it.
//!
//! Before it: the engine pins the walk that a new one rests on, without the lock of its list.
//! Behind it: [`prune`](super::prune) keeps a walk that is pinned.
//!
//! A pin and a removal may happen at once. The removal renames the walk's folder first and looks
//! for pins afterwards, and a pin never creates that folder anew. So either the removal sees the
//! pin and gives the folder back, or the pin fails.

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use fanout_sink::WalkId;

use super::disk;
use super::error::JournalError;
use super::record::{GIVEN_UP, NEW, OLD, PINS, Pin};

/// Writes a pin of the walk in the folder `walk`. It is durable when this returns.
pub(super) fn write(walk: &Path, pin: &Pin) -> Result<(), JournalError> {
    let folder = walk.join(PINS);
    let write = || {
        match DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(JournalError::io("create the folder", &folder)(error));
            }
            _ => disk::sync_folder(walk)?,
        }
        disk::write_record(&path(walk, pin), pin)
    };
    write().map_err(|error| match error {
        JournalError::Io { error, .. } if error.kind() == ErrorKind::NotFound => {
            JournalError::Gone { path: walk.to_owned() }
        }
        error => error,
    })
}

/// Removes a pin of the walk in the folder `walk`, if it is there.
pub(super) fn remove(walk: &Path, pin: &Pin) -> Result<(), JournalError> {
    let path = path(walk, pin);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(JournalError::io("remove", &path)(error)),
        _ => Ok(()),
    }
}

fn path(walk: &Path, pin: &Pin) -> PathBuf {
    walk.join(PINS).join(format!("{}.{}.json", pin.list, pin.walk))
}

/// Returns whether a walk rests on the one in the folder `walk`, which may have another name while
/// it is removed. The pin of a walk that was removed does not count.
pub(super) fn hold(walk: &Path) -> Result<bool, JournalError> {
    let account = walk.parent().and_then(Path::parent).expect("a walk lies in the folder of a list of an account");
    for name in disk::names(&walk.join(PINS))? {
        // Half a pin is not one: its writer either goes on, or finds the folder renamed.
        let Some(name) = name.strip_suffix(".json") else { continue };
        let pinned_by = name.split_once('.').and_then(|(list, walk)| Some((list, walk.parse().ok()?)));
        // A name that fanout has not written may be a newer version's.
        let Some((list, walk)) = pinned_by else { return Ok(true) };
        if exists(&account.join(list), walk)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns whether a walk of the list in the folder `list` exists, is a draft, or is being removed:
/// a removal may give it back. One that was given up counts no more.
fn exists(list: &Path, walk: WalkId) -> Result<bool, JournalError> {
    // In the order in which its folder is renamed, and once more after it may have been given back.
    for end in [NEW, "", OLD, ""] {
        let path = list.join(format!("{walk}{end}"));
        if path.try_exists().map_err(JournalError::io("look at", &path))? {
            let given_up = path.join(GIVEN_UP);
            return Ok(!given_up.try_exists().map_err(JournalError::io("look at", &given_up))?);
        }
    }
    Ok(false)
}
