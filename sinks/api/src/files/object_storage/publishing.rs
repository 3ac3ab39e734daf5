//! The commit: the manifest, the old marker away, the object, the marker.
//!
//! The manifest comes first, because it is written under a condition: a publisher that was
//! overtaken stops before it changes anything. The old marker holds the digest of the old manifest,
//! so it counts no more from then on. A reader that asks only whether the marker is there finds the
//! old object behind it, which is whole.
//!
//! Before it: `files`. Behind it: a [`Bucket`](super::bucket::Bucket).

use std::thread;
use std::time::Duration;

use super::files::{ObjectFiles, SharedUpload};
use super::place::StandingList;
use crate::error::SinkError;
use crate::files::manifest::{Marker, StagedList, render};
use crate::files::objects::Put;
use crate::files::storage::Published;

/// The tries to write a manifest that others write at the same moment.
const TRIES: u32 = 5;
/// The pause before the second try; it doubles.
const PAUSE: Duration = Duration::from_millis(20);

/// Publishes a list; safe to repeat. A list that is published already is left as it is, and so is a
/// newer list of the same owner.
pub(super) fn publish(files: &ObjectFiles, list: &StagedList) -> Result<Published, SinkError> {
    let Some(upload) = &files.upload else {
        return Err(SinkError::permanent("the list has no object, so it cannot be committed"));
    };
    let (bucket, place) = (&*files.bucket, &files.place);
    for number in 0..TRIES {
        if number > 0 {
            thread::sleep(PAUSE * 2_u32.pow(number - 1));
        }
        let standing = place.look(bucket, &files.owner)?;
        if let Some(published) = settled(files, list, standing.as_ref())? {
            return Ok(published);
        }
        if upload.lock().is_completed {
            return finish(files, list, upload);
        }
        let seen = standing.as_ref().map(|standing| &standing.version);
        match bucket.put_if_unchanged(&place.manifest(), &list.manifest, seen)? {
            Put::Changed => continue,
            Put::Written => {}
        }
        bucket.delete(&place.marker())?;
        // Another publisher may have written its manifest since.
        if !is_ours(files, list)? {
            continue;
        }
        complete(upload)?;
        return finish(files, list, upload);
    }
    Err(disturbed(files))
}

/// Returns what stands there, if nothing is left to do: this list, or a newer one of the same
/// owner.
fn settled(
    files: &ObjectFiles,
    list: &StagedList,
    standing: Option<&StandingList>,
) -> Result<Option<Published>, SinkError> {
    let Some(found) = standing else { return Ok(None) };
    let is_ours = found.manifest == list.manifest;
    if !is_ours && found.head.order() <= list.head.order() {
        return Ok(None);
    }
    let (bucket, place) = (&*files.bucket, &files.place);
    if !place.is_complete(bucket, found)? {
        // What stood there at the beginning was left by a crash. What is newer than that is on its
        // way, and its publisher may be about to complete it.
        let is_left_over = is_ours || files.at_open.as_ref() == Some(&found.version);
        return if is_left_over { Ok(None) } else { Err(disturbed(files)) };
    }
    if !is_ours {
        return Ok(Some(Published::Newer(Box::new(found.head.clone()))));
    }
    // A loader may have taken the object away.
    let is_there = place.objects(bucket, &found.head)?.missing == 0;
    Ok(is_there.then_some(Published::List))
}

/// The one step that a reader of the object sees.
fn complete(upload: &SharedUpload) -> Result<(), SinkError> {
    let mut progress = upload.lock();
    progress.parts.complete()?;
    progress.is_completed = true;
    Ok(())
}

/// Writes the marker, unless another publisher has written its manifest since. The parts are spent
/// then, so only another delivery can publish the list.
fn finish(files: &ObjectFiles, list: &StagedList, upload: &SharedUpload) -> Result<Published, SinkError> {
    if !is_ours(files, list)? {
        return Err(disturbed(files));
    }
    let marker: Marker = serde_json::from_slice(&list.marker)
        .map_err(|error| SinkError::permanent("cannot read the marker back").with_source(error))?;
    let marker = Marker { upload: upload.lock().name.clone(), ..marker };
    files.bucket.put(&files.place.marker(), &render(&marker)?)?;
    Ok(Published::List)
}

/// Returns whether the manifest there is the one of this list.
fn is_ours(files: &ObjectFiles, list: &StagedList) -> Result<bool, SinkError> {
    let found = files.bucket.get(&files.place.manifest())?;
    Ok(found.is_some_and(|(manifest, _)| manifest == list.manifest))
}

/// Once the parts are spent, the same commit cannot succeed any more.
fn disturbed(files: &ObjectFiles) -> SinkError {
    let place = files.place.url(&files.place.folder);
    let is_spent = files.upload.as_ref().is_some_and(|upload| upload.lock().is_completed);
    let message = format!("other processes publish in `{place}` at the same time");
    let error = if is_spent { SinkError::aborted(message) } else { SinkError::temporary(message) };
    error.with_hint("run again, and let one of them publish")
}
