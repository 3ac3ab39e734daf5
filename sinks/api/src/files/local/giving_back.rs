//! Gives back what an attempt has taken out of a place and must not keep: its process was killed
//! between an exchange and the look at what came out.
//!
//! Before it: `attempt`, before it removes a folder of staging. Behind it: `place` and `steps`.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::lock_file::LockFile;
use super::place::{Place, Standing};
use super::reading::{metadata, read};
use super::steps::{Renamed, exchange, rename_to_free, sync_folder};
use super::target::Target;
use crate::context::SinkContext;
use crate::error::SinkError;
use crate::files::error::io_error;
use crate::files::manifest::Owner;
use crate::walk_id::WalkId;

/// What an attempt's folder holds besides the list that is written: the list during its commit, or
/// what came out of its place; what was moved aside.
pub(super) const PUBLISHING: &str = "publishing";
pub(super) const REPLACED: &str = "replaced";

/// An attempt's list and its place, as the attempt notes them in its lock file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PlaceNote {
    walk: WalkId,
    begun_at: Option<DateTime<Utc>>,
    folder: PathBuf,
    is_single_file: bool,
}

impl PlaceNote {
    pub(super) fn of(target: &Target) -> Result<Self, SinkError> {
        let SinkContext { walk, begun_at, .. } = *target.context();
        let folder =
            std::path::absolute(target.folder()).map_err(|error| io_error("resolve", target.folder(), error))?;
        Ok(Self { walk, begun_at, folder, is_single_file: target.is_single_file() })
    }

    /// Returns the note as a line. A path that is not UTF-8 has no note.
    pub(super) fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the note in a lock file; `None` if there is none.
    pub(super) fn read(lock: &Path) -> Result<Option<Self>, SinkError> {
        Ok(read(lock)?.and_then(|text| serde_json::from_slice(&text).ok()))
    }

    fn place(&self) -> Place {
        Place { folder: self.folder.clone(), single_file: None }
    }
}

/// Gives back what lies in the folder of an attempt and must not be removed: another owner's list,
/// a newer one of this owner, and one that was moved aside from a place that is empty now. `note`
/// is that of the attempt; after a power failure it may be missing, and another owner's list stays
/// in staging until a person moves it.
///
/// # Errors
///
/// If something of another owner is there and cannot be given back. It must not be removed.
pub(super) fn give_back(attempt: &Path, note: Option<&PlaceNote>, target: &Target) -> Result<(), SinkError> {
    let owner = target.owner();
    // A single file is published from elsewhere: only this owner's lists are in its staging.
    if note.map_or(target.is_single_file(), |note| note.is_single_file) {
        return Ok(());
    }
    for name in [PUBLISHING, REPLACED] {
        let staged = Place { folder: attempt.join(name), single_file: None };
        if metadata(&staged.folder)?.is_none() {
            continue;
        }
        if let Some(note) = note
            && note.place().home().is_dir()
        {
            GivenBack { staged: &staged, is_aside: name == REPLACED, place: note.place(), note, owner: &owner }
                .run()?;
        }
        if staged.look(&owner).is_err() {
            let message = format!("`{}` holds a list that this sink must not remove", staged.folder.display());
            let hint = "a run was killed when another owner published in the same place: move it to where it belongs";
            return Err(SinkError::permanent(message).with_hint(hint));
        }
    }
    Ok(())
}

/// A folder of staging, and the place whose content may be in it.
struct GivenBack<'a> {
    staged: &'a Place,
    /// Whether the folder was moved aside, so that its place was empty for a moment.
    is_aside: bool,
    note: &'a PlaceNote,
    place: Place,
    owner: &'a Owner,
}

impl GivenBack<'_> {
    fn run(&self) -> Result<(), SinkError> {
        // Nearly always there is nothing to give back, and no lock is needed to see that.
        if !self.is_due() {
            return Ok(());
        }
        let lock = LockFile::wait(&self.place.lock())?;
        let given = self.give().and_then(|()| sync_folder(self.place.home()));
        if let Some(lock) = lock {
            lock.remove();
        }
        given
    }

    /// Returns whether the folder holds what belongs to the place.
    fn is_due(&self) -> bool {
        let (found, there) = (self.staged.look(self.owner), self.place.look(self.owner));
        match (found, there) {
            // It cannot go back while another owner has the place.
            (_, Err(_)) | (Ok(Standing::Free), _) => false,
            (Err(_), Ok(_)) => true,
            (Ok(Standing::List(found)), Ok(there)) => {
                let is_of_attempt = found.head.is_of(self.note.walk, self.note.begun_at);
                let may_return = match there {
                    Standing::Free => self.is_aside,
                    Standing::List(there) => found.head.order() > there.head.order(),
                };
                may_return && found.is_complete() && !is_of_attempt
            }
        }
    }

    fn give(&self) -> Result<(), SinkError> {
        if !self.is_due() {
            return Ok(());
        }
        // What stands there is this owner's: it took the place of what is given back.
        put(&self.staged.folder, &self.place.folder)?;
        if self.staged.look(self.owner).is_ok() { Ok(()) } else { put(&self.staged.folder, &self.place.folder) }
    }
}

/// Moves a folder to a name, whether it is free or not.
fn put(from: &Path, to: &Path) -> Result<(), SinkError> {
    if rename_to_free(from, to)? == Renamed::Disturbed {
        exchange(from, to)?;
    }
    Ok(())
}
