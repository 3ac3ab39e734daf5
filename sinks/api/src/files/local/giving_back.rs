//! Gives back what an attempt has taken out of a place and must not keep: its process was killed
//! between an exchange and the look at what came out.
//!
//! Before it: `attempt`, before it removes a folder of staging. Behind it: `place` and `steps`.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::lock_file::LockFile;
use super::place::{Place, Standing, is_marker_of};
use super::reading::{metadata, read};
use super::steps::{Renamed, exchange, rename_to_free, sync_folder};
use super::target::Target;
use crate::context::SinkContext;
use crate::error::SinkError;
use crate::files::error::io_error;
use crate::files::manifest::{ManifestHead, Owner};
use crate::files::part::sha256_of_file;
use crate::walk_id::WalkId;

/// What an attempt's folder holds besides the list that is written: the list during its commit, or
/// what came out of its place; what was moved aside; the note of the place.
pub(super) const PUBLISHING: &str = "publishing";
pub(super) const REPLACED: &str = "replaced";
pub(super) const PLACE: &str = "place";
/// The marker of a single file that came out of its place.
pub(super) const TAKEN_MARKER: &str = "marker~taken";

/// An attempt's list and its place, as the attempt notes them in its staging.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PlaceNote {
    walk: WalkId,
    begun_at: Option<DateTime<Utc>>,
    folder: PathBuf,
    single_file: Option<String>,
}

impl PlaceNote {
    pub(super) fn of(target: &Target) -> Result<Self, SinkError> {
        let SinkContext { walk, begun_at, .. } = *target.context();
        let Place { folder, single_file } = target.place()?;
        let folder = std::path::absolute(&folder).map_err(|error| io_error("resolve", &folder, error))?;
        Ok(Self { walk, begun_at, folder, single_file })
    }

    /// Writes the note. It is not synced: after a power failure, another owner's list may stay in
    /// staging until a person moves it.
    pub(super) fn write(&self, path: &Path) -> Result<(), SinkError> {
        // A path that is not UTF-8 has no note.
        let text = serde_json::to_vec(self).unwrap_or_default();
        fs::write(path, text).map_err(|error| io_error("write", path, error))
    }

    /// Reads the note of an attempt; `None` if there is none.
    fn read(attempt: &Path) -> Result<Option<Self>, SinkError> {
        Ok(read(&attempt.join(PLACE))?.and_then(|text| serde_json::from_slice(&text).ok()))
    }

    fn place(&self) -> Place {
        Place { folder: self.folder.clone(), single_file: self.single_file.clone() }
    }
}

/// Gives back what lies in the folder of an attempt and must not be removed: another owner's list,
/// a newer one of this owner, and one that was moved aside from a place that is empty now.
///
/// # Errors
///
/// If something of another owner is there and cannot be given back. It must not be removed.
pub(super) fn give_back(attempt: &Path, target: &Target) -> Result<(), SinkError> {
    let owner = target.owner();
    let note = PlaceNote::read(attempt)?;
    let single_file = note.as_ref().and_then(|note| note.single_file.clone());
    for name in [PUBLISHING, REPLACED] {
        let staged = Place { folder: attempt.join(name), single_file: single_file.clone() };
        if metadata(&staged.folder)?.is_none() {
            continue;
        }
        if let Some(note) = &note
            && note.place().home().is_dir()
        {
            GivenBack { staged: &staged, is_aside: name == REPLACED, place: note.place(), note, owner: &owner }
                .run()?;
        }
        if !is_ours(&staged, &owner) {
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
        if !self.is_due()? {
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
    fn is_due(&self) -> Result<bool, SinkError> {
        if self.staged.single_file.is_some() {
            return Ok(!is_ours(self.staged, self.owner) || self.is_marker_due()?);
        }
        let (found, there) = (self.staged.look(self.owner), self.place.look(self.owner));
        Ok(match (found, there) {
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
        })
    }

    fn give(&self) -> Result<(), SinkError> {
        if !self.is_due()? {
            return Ok(());
        }
        if self.staged.single_file.is_some() {
            return self.give_file();
        }
        // What stands there is this owner's: it took the place of what is given back.
        put(&self.staged.folder, &self.place.folder)?;
        if is_ours(self.staged, self.owner) { Ok(()) } else { put(&self.staged.folder, &self.place.folder) }
    }

    /// Gives back manifest, file and marker of another owner, and the marker of a list that is
    /// still there.
    fn give_file(&self) -> Result<(), SinkError> {
        if !is_ours(self.staged, self.owner) && self.place.look(self.owner).is_ok() {
            put(&self.staged.manifest(), &self.place.manifest())?;
            give_back_content(self.staged, &self.place)?;
        }
        if self.is_marker_due()? { put(&self.taken_marker(), &self.place.marker()) } else { Ok(()) }
    }

    fn taken_marker(&self) -> PathBuf {
        self.staged.folder.join(TAKEN_MARKER)
    }

    /// Returns whether the marker that came out belongs to the manifest in the place, which has no
    /// marker of its own.
    fn is_marker_due(&self) -> Result<bool, SinkError> {
        let Some(manifest) = read(&self.place.manifest())? else { return Ok(false) };
        let belongs = |path: &Path| Ok(read(path)?.is_some_and(|marker| is_marker_of(&marker, &manifest)));
        Ok(belongs(&self.taken_marker())? && !belongs(&self.place.marker())?)
    }
}

/// Gives back the file of the manifest in the place, if it is the one in staging.
fn give_back_content(staged: &Place, place: &Place) -> Result<(), SinkError> {
    let head = read(&place.manifest())?.and_then(|text| serde_json::from_slice::<ManifestHead>(&text).ok());
    let Some(expected) = head.and_then(|head| head.files.into_iter().next()) else { return Ok(()) };
    let (from, to) = (staged.folder.join(&expected.path), place.folder.join(&expected.path));
    if metadata(&from)?.is_some_and(|found| found.is_file() && found.len() == expected.bytes)
        && sha256_of_file(&from).map_err(|error| io_error("read", &from, error))? == expected.sha256
    {
        put(&from, &to)?;
    }
    Ok(())
}

/// Moves a file to a name, whether it is free or not.
fn put(from: &Path, to: &Path) -> Result<(), SinkError> {
    if rename_to_free(from, to)? == Renamed::Disturbed {
        exchange(from, to)?;
    }
    Ok(())
}

/// Returns whether nothing of another owner is in a folder of staging.
fn is_ours(staged: &Place, owner: &Owner) -> bool {
    if staged.single_file.is_none() {
        return staged.look(owner).is_ok();
    }
    let is_ours =
        |text: Vec<u8>| serde_json::from_slice::<ManifestHead>(&text).is_ok_and(|head| owner.may_replace(&head.owner));
    read(&staged.manifest()).is_ok_and(|text| text.is_none_or(is_ours))
}
