//! What is left when the steps of a case are done: the sinks that have crashed, and the lists that
//! must stay as they were published.
//!
//! Before it: `scene`, which notes both. Behind it: the end of the case, which lets those sinks end
//! and reads those lists once more.
//!
//! A crash of fanout closes the input of a program, and the program may end long after its
//! successor has published. If both gave one name to their files, it then removes what its
//! successor has published.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

use super::list::List;
use super::objects::remove_objects_under;
use super::outcome::{Step, Stop, broken, failed};
use super::rows::same_rows;
use super::subject::Subject;
use crate::context::SinkContext;
use crate::root::Root;
use crate::sink::Sink;

/// The aftermath of a case, which all of its scenes share.
#[derive(Clone, Default)]
pub(super) struct Aftermath(Arc<Mutex<Contents>>);

#[derive(Default)]
struct Contents {
    crashed: Vec<Box<dyn Sink>>,
    published: Vec<Published>,
    /// The places of the case in object stores, which no folder holds.
    places: Vec<Root>,
}

/// A list that a reader has found.
struct Published {
    /// The folder of its scene, which stays as long as this does.
    directory: Arc<TempDir>,
    context: SinkContext,
    list: List,
}

impl Published {
    /// Returns whether `self` and `other` are lists of one place: one replaces the other.
    fn shares_the_place_of(&self, other: &Self) -> bool {
        let place = |published: &Self| {
            let SinkContext { account, app_id, list, date, simulated, .. } = published.context.clone();
            (published.directory.path().to_owned(), account, app_id, list, date, simulated)
        };
        place(self) == place(other)
    }
}

impl Aftermath {
    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a sink that has crashed. Its destructor runs at the end of the case, so nothing of it
    /// is cleaned up before.
    pub(super) fn keep(&self, sink: Box<dyn Sink>) {
        self.contents().crashed.push(sink);
    }

    /// Notes that a reader has found `list`.
    pub(super) fn note(&self, directory: Arc<TempDir>, context: SinkContext, list: List) {
        let found = Published { directory, context, list };
        let mut contents = self.contents();
        contents.published.retain(|published| !published.shares_the_place_of(&found));
        contents.published.push(found);
    }

    /// Notes a place of the case in an object store. Its objects are removed at the end.
    pub(super) fn note_place(&self, place: Root) {
        let mut contents = self.contents();
        if !contents.places.contains(&place) {
            contents.places.push(place);
        }
    }

    /// Returns the places of the case in object stores.
    pub(super) fn places(&self) -> Vec<Root> {
        self.contents().places.clone()
    }

    /// Forgets the lists in `directory`: they were removed.
    pub(super) fn forget(&self, directory: &Path) {
        self.contents().published.retain(|published| published.directory.path() != directory);
    }

    /// Removes what the case has left in object stores, whether it has failed or not.
    pub(super) fn clean(&self) -> Step {
        let places = std::mem::take(&mut self.contents().places);
        places.iter().try_for_each(remove_objects_under).map_err(|error| failed("removing the objects", error.as_ref()))
    }

    /// Lets the crashed sinks end, and reads every published list once more.
    pub(super) async fn end(&self, subject: &dyn Subject) -> Step {
        let (crashed, published) = {
            let mut contents = self.contents();
            (std::mem::take(&mut contents.crashed), std::mem::take(&mut contents.published))
        };
        if crashed.is_empty() {
            return Ok(());
        }
        drop(crashed);
        for Published { directory, context, list } in published {
            const WHEN: &str = "after the attempts that crashed have ended";
            let found = subject.read(directory.path(), &context).await;
            match found.map_err(|error| failed(&format!("reading the published list {WHEN}"), error.as_ref()))? {
                None => return broken(format!("the published list is gone {WHEN}")),
                Some(found) => same_rows(list.schema(), &list.rows, &found.rows)
                    .map_err(|message| Stop::Broken(format!("{WHEN}: {message}")))?,
            }
        }
        Ok(())
    }
}
