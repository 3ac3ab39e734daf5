//! The commit: a staged list takes its place.
//!
//! A lock beside the place keeps publishers apart. It is held while one of them looks at the
//! place, takes it, and looks again. The steps are safe without the lock, too, because hosts may
//! share a file system and no locks: nothing is replaced that was not looked at. A folder takes an
//! empty place only if it is still empty. What comes out of a place that was not empty must be what
//! may be replaced; if not, it goes back. Lists that are single files are published one at a time,
//! each by all publishers that find it.
//!
//! Before it: `files`. Behind it: `folder` and `single_file`, which take the place.

use std::thread;
use std::time::Duration;

use super::attempt::Attempt;
use super::durable_names::sync_names;
use super::folder::take_folder;
use super::lock_file::LockFile;
use super::place::Standing;
use super::publication::Publication;
use super::single_file::SingleFile;
use super::steps::create_folders;
use super::target::Target;
use crate::error::SinkError;
use crate::files::manifest::StagedList;
use crate::files::storage::Published;

/// The tries to take a place that others take at the same moment, without sharing a lock.
const TRIES: u32 = 8;
/// The pause before the second try; it doubles.
const PAUSE: Duration = Duration::from_millis(1);

/// Publishes a list; safe to repeat. A list that is published already is left as it is, and so is a
/// newer list of the same owner.
pub(super) fn publish(target: &Target, attempt: &Attempt, list: &StagedList) -> Result<Published, SinkError> {
    create_folders(target.home())?;
    let place = target.place()?;
    let lock = LockFile::wait(&place.lock())?;
    let published = take_place(&Publication { target, attempt, list, place });
    if let Some(lock) = lock {
        lock.remove();
    }
    published
}

fn take_place(publication: &Publication<'_>) -> Result<Published, SinkError> {
    let target = publication.target;
    for number in 0..TRIES {
        if number > 0 {
            thread::sleep(PAUSE * 2_u32.pow(number - 1));
        }
        let is_taken = match look(publication)? {
            Standing::List(found) if publication.is_settled(&found) => true,
            standing => take(publication, &standing)?,
        };
        if !is_taken {
            continue;
        }
        sync_names(target.folders_above())?;
        // The last look: the syncs took time, and the lock may not be shared.
        match look(publication)? {
            Standing::List(found) if publication.is_ours(&found) => return Ok(Published::List),
            Standing::List(found) if publication.is_settled(&found) => {
                return Ok(Published::Newer(Box::new(found.head)));
            }
            _ => {}
        }
    }
    let message = format!("other processes publish in `{}` at the same time", target.folder().display());
    Err(SinkError::temporary(message)
        .with_hint("run again; if hosts share this file system without sharing its locks, let one of them publish"))
}

/// Looks at the place, in which no list of a single file is half published any more.
fn look(publication: &Publication<'_>) -> Result<Standing, SinkError> {
    if publication.place.single_file.is_some() {
        SingleFile(publication).finish_announced()?;
    }
    publication.target.standing()
}

fn take(publication: &Publication<'_>, standing: &Standing) -> Result<bool, SinkError> {
    create_folders(publication.target.home())?;
    if publication.place.single_file.is_some() {
        SingleFile(publication).take(standing)
    } else {
        take_folder(publication, standing)
    }
}
