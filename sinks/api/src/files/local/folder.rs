//! The commit of a list that has a folder of its own: the folder takes its place by one rename, or
//! changes places with an older list.
//!
//! Before it: `publishing`, which looks at the place before and after. Behind it: `steps`.

use std::path::Path;

use super::place::{Place, Standing};
use super::publication::{Publication, lost};
use super::reading::{metadata, names_in, read};
use super::steps::{Renamed, exchange, remove_folder, rename_to_free};
use crate::error::SinkError;

/// Takes the place, unless another process disturbs. Returns whether it is taken.
pub(super) fn take_folder(publication: &Publication<'_>, standing: &Standing) -> Result<bool, SinkError> {
    let staged = Place { folder: publication.attempt.begin_commit()?, single_file: None };
    if read(&staged.manifest())?.as_ref() != Some(&publication.list.manifest) {
        return Err(lost(&staged));
    }
    let place = &publication.place.folder;
    if !give_back_aside(publication)? {
        return Ok(false);
    }
    // What was free a moment ago must still be free. Only an empty folder changes places.
    if matches!(standing, Standing::Free)
        && metadata(place)?.is_none_or(|_| names_in(place).is_ok_and(|names| !names.is_empty()))
    {
        return Ok(rename_to_free(&staged.folder, place)? == Renamed::Done);
    }
    match exchange(&staged.folder, place)? {
        Renamed::Disturbed => return Ok(false),
        Renamed::Unsupported => return move_aside(publication, &staged.folder),
        Renamed::Done => {}
    }
    if publication.may_replace(&staged) {
        return Ok(true);
    }
    // If the place has been emptied since, a simple rename gives it back.
    if exchange(&staged.folder, place)? == Renamed::Disturbed {
        rename_to_free(&staged.folder, place)?;
    }
    Ok(false)
}

/// Takes the place on a file system that cannot exchange two folders: for a moment there is no
/// list, but never a mixed one.
pub(super) fn move_aside(publication: &Publication<'_>, staged: &Path) -> Result<bool, SinkError> {
    let (place, aside) = (&publication.place.folder, publication.attempt.replaced());
    remove_folder(&aside)?;
    if rename_to_free(place, &aside)? != Renamed::Done {
        return Ok(false);
    }
    Ok(give_back_aside(publication)? && rename_to_free(staged, place)? == Renamed::Done)
}

/// Gives back what was moved aside and may not be replaced. Returns whether there was nothing to
/// give back. While another publisher has the place, it stays aside: until the next try, or until
/// the next attempt gives it back.
fn give_back_aside(publication: &Publication<'_>) -> Result<bool, SinkError> {
    let aside = Place { folder: publication.attempt.replaced(), single_file: None };
    if publication.may_replace(&aside) {
        return Ok(true);
    }
    rename_to_free(&aside.folder, &publication.place.folder)?;
    Ok(false)
}
