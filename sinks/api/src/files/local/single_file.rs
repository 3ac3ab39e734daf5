//! The commit of a list that is a single file. File, manifest and marker take their names one by
//! one, in an order that never leaves a marker over another file:
//!
//! 1. the old marker comes out;
//! 2. the manifest takes its name, which decides between two owners;
//! 3. the file takes its name: without a manifest beside it, it would look foreign;
//! 4. the marker takes its name, if manifest and file are still those of this list.
//!
//! Before it: `publishing`, which looks at the place before and after. Behind it: `steps`.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use super::giving_back::TAKEN_MARKER;
use super::place::{Place, Standing, StandingList, is_marker_of};
use super::publication::{Publication, Stamp, lost};
use super::reading::{metadata, read};
use super::steps::{Renamed, exchange, remove_file, rename_to_free, sync_folder, write_file};
use crate::error::SinkError;
use crate::files::error::io_error;
use crate::files::manifest::{ManifestHead, NamedFile};
use crate::files::part::sha256_of_file;

/// The commit of a single file.
#[derive(Debug)]
pub(super) struct SingleFile<'a>(pub(super) &'a Publication<'a>);

impl SingleFile<'_> {
    /// Takes the place, unless another process disturbs. Returns whether it is taken.
    pub(super) fn take(&self, standing: Standing) -> Result<bool, SinkError> {
        let seen = match standing {
            Standing::List(found) => Some(found),
            Standing::Free => None,
        };
        // Without a lock, its publisher may have been cut off or be at work: the two look alike.
        if !self.0.is_locked && seen.as_deref().is_some_and(|found| self.0.is_older_than(found)) {
            return Ok(false);
        }
        let staged = self.0.begin()?;
        let taken = self.take_names(seen.as_deref(), &staged);
        if !matches!(taken, Ok(true)) {
            self.put_back_marker(&staged)?;
        }
        taken
    }

    /// Takes the names, if the place is still as it was seen.
    fn take_names(&self, seen: Option<&StandingList>, staged: &Place) -> Result<bool, SinkError> {
        let (place, list) = (self.place(), self.0.list);
        // Of a free place, it belongs to no manifest.
        let marker = match seen {
            Some(seen) => seen.marker.clone(),
            None => read(&place.marker())?,
        };
        let file_seen = metadata(&file_in(place))?.as_ref().map(Stamp::of);

        if let (Some(_), Some(marker)) = (seen, &marker) {
            if !self.take_out_marker(marker, staged)? {
                return Ok(false);
            }
            sync_folder(&place.folder)?;
        }
        if !self.take_manifest(seen, staged)? {
            return Ok(false);
        }
        if seen.is_none() {
            if let Some(marker) = &marker
                && !self.take_out_marker(marker, staged)?
            {
                return Ok(false);
            }
            sync_folder(&place.folder)?;
        }
        if !self.take_file(file_seen, seen, staged)? {
            return Ok(false);
        }
        sync_folder(&place.folder)?;
        if !self.has_manifest_and_file()? {
            return Ok(false);
        }
        write_if_other(&staged.marker(), &list.marker)?;
        Ok(rename_to_free(&staged.marker(), &place.marker())? == Renamed::Done)
    }

    /// Takes this list's marker out again, if it stands over another list.
    pub(super) fn withdraw_marker(&self) -> Result<(), SinkError> {
        let (marker, staged) = (&self.0.list.marker, self.0.begin()?);
        if read(&self.place().marker())?.as_ref() == Some(marker) && !self.has_manifest_and_file()? {
            self.take_out_marker(marker, &staged)?;
        }
        Ok(())
    }

    fn place(&self) -> &Place {
        &self.0.place
    }

    fn has_manifest_and_file(&self) -> Result<bool, SinkError> {
        let manifest = read(&self.place().manifest())?;
        Ok(manifest.as_ref() == Some(&self.0.list.manifest) && self.is_ours(&file_in(self.place()))?)
    }

    /// Returns whether the file at `path` is this list's.
    fn is_ours(&self, path: &Path) -> Result<bool, SinkError> {
        let Some(found) = metadata(path)? else { return Ok(false) };
        let list = self.0.list;
        Ok(list.stamp == Some(Stamp::of(&found)) || is_file_of(path, &found, list.head.files.first())?)
    }

    /// Takes out the marker, which must be `expected`; another one goes back.
    fn take_out_marker(&self, expected: &[u8], staged: &Place) -> Result<bool, SinkError> {
        let (marker, taken) = (self.place().marker(), staged.folder.join(TAKEN_MARKER));
        remove_file(&taken)?;
        match rename_to_free(&marker, &taken) {
            Ok(Renamed::Done) => {}
            Err(_) if metadata(&marker)?.is_none() => return Ok(false),
            Ok(_) => return Ok(false),
            Err(error) => return Err(error),
        }
        if read(&taken)?.as_deref() == Some(expected) {
            return Ok(true);
        }
        rename_to_free(&taken, &marker)?;
        Ok(false)
    }

    /// Puts the marker back that was taken out, if its list is in the place all the same.
    fn put_back_marker(&self, staged: &Place) -> Result<(), SinkError> {
        let (place, taken) = (self.place(), staged.folder.join(TAKEN_MARKER));
        let (Some(marker), Some(manifest)) = (read(&taken)?, read(&place.manifest())?) else { return Ok(()) };
        let Ok(head) = serde_json::from_slice::<ManifestHead>(&manifest) else { return Ok(()) };
        let file = file_in(place);
        let Some(found) = metadata(&file)? else { return Ok(()) };
        if is_marker_of(&marker, &manifest) && is_file_of(&file, &found, head.files.first())? {
            rename_to_free(&taken, &place.marker())?;
        }
        Ok(())
    }

    fn take_manifest(&self, seen: Option<&StandingList>, staged: &Place) -> Result<bool, SinkError> {
        let (manifest, place) = (&self.0.list.manifest, self.place().manifest());
        if seen.is_some_and(|seen| seen.manifest == *manifest) {
            return Ok(read(&place)?.as_ref() == Some(manifest));
        }
        let staged = staged.manifest();
        write_if_other(&staged, manifest)?;
        let Some(seen) = seen else {
            return Ok(rename_to_free(&staged, &place)? == Renamed::Done);
        };
        replace(&staged, &place, |path| Ok(read(path)?.as_ref() == Some(&seen.manifest)))
    }

    /// `found` is the file in the place, and `seen` the list there.
    fn take_file(&self, found: Option<Stamp>, seen: Option<&StandingList>, staged: &Place) -> Result<bool, SinkError> {
        let (place, staged_file) = (file_in(self.place()), file_in(staged));
        if found.is_some() && self.is_ours(&place)? {
            return Ok(true);
        }
        if !self.is_ours(&staged_file)? {
            return Err(lost(staged));
        }
        let Some(found) = found else {
            return Ok(rename_to_free(&staged_file, &place)? == Renamed::Done);
        };
        let expected = seen.and_then(|seen| seen.head.files.first());
        replace(&staged_file, &place, |path| {
            let Some(metadata) = metadata(path)? else { return Ok(false) };
            Ok(Stamp::of(&metadata) == found || is_file_of(path, &metadata, expected)?)
        })
    }
}

/// Returns the path of the list's file.
fn file_in(place: &Place) -> PathBuf {
    place.folder.join(place.single_file.as_deref().unwrap_or_default())
}

/// Returns whether a file is the one of a manifest. It is read only if its size is right.
fn is_file_of(path: &Path, found: &Metadata, expected: Option<&NamedFile>) -> Result<bool, SinkError> {
    match expected {
        Some(expected) if found.is_file() && found.len() == expected.bytes => {
            let digest = sha256_of_file(path).map_err(|error| io_error("read", path, error))?;
            Ok(digest == expected.sha256)
        }
        _ => Ok(false),
    }
}

/// Replaces the file at `place`, if it is the expected one. Without an exchange of two files, the
/// look comes before the rename and not after it.
fn replace(
    staged: &Path,
    place: &Path,
    is_expected: impl Fn(&Path) -> Result<bool, SinkError>,
) -> Result<bool, SinkError> {
    match exchange(staged, place)? {
        Renamed::Done if is_expected(staged)? => Ok(true),
        Renamed::Done => {
            if exchange(staged, place)? == Renamed::Disturbed {
                rename_to_free(staged, place)?;
            }
            Ok(false)
        }
        Renamed::Unsupported if is_expected(place)? => {
            fs::rename(staged, place).map_err(|error| io_error("publish", place, error))?;
            Ok(true)
        }
        Renamed::Disturbed | Renamed::Unsupported => Ok(false),
    }
}

/// Makes sure that a small staged file has this content: what came out of the place may be there.
fn write_if_other(path: &Path, content: &[u8]) -> Result<(), SinkError> {
    if read(path)?.as_deref() == Some(content) {
        return Ok(());
    }
    remove_file(path)?;
    write_file(path, content)
}
