//! A list that is complete in its journal before the first sink is open.
//!
//! Before it: the [batch walk](crate::engine::batch_walk) has ended. Behind it:
//! [`list_delivery`](super::list_delivery) has it fed to the sinks.
//!
//! Everything here is a function of the journal, so a second delivery is like the first.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use fanout_sink::Snapshot;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::distinct::Duplicates;
use super::row_feed::Outlet;
use crate::config::Pipeline;
use crate::engine::threads::Threads;
use crate::error::Error;
use crate::journal::BatchJournal;
use crate::source::SourceError;

/// A list that is complete in its journal. Its methods block, unless they say otherwise.
pub(in crate::engine) trait CompleteList: fmt::Debug + Send + Sync {
    /// Returns the journal of its walk.
    fn journal(&self) -> &BatchJournal;

    /// Returns the journal of its walk, to decide it.
    fn journal_mut(&mut self) -> &mut BatchJournal;

    /// Returns whether the facts of the decided list say that no row shares with another one what
    /// only one of them can have.
    fn is_free_of_conflicts(&self, decided: &Snapshot) -> bool;

    /// Finds the elements that share with another one what only one of them can have.
    ///
    /// # Errors
    ///
    /// [`JournalError`](crate::journal::JournalError) if a reply cannot be read;
    /// [`Error::Interrupted`] if `stop` is cancelled.
    fn conflicts(&self, stop: &CancellationToken) -> Result<Duplicates, Error>;

    /// Hands the rows to `outlet`; `conflicts` is what [`conflicts`](Self::conflicts) found.
    ///
    /// # Errors
    ///
    /// As [`conflicts`](Self::conflicts).
    fn feed(&self, conflicts: &Duplicates, outlet: Outlet, stop: &CancellationToken) -> Result<ListFacts, Error>;

    /// Looks at the facts of a list that is to be decided. It may log a warning.
    ///
    /// # Errors
    ///
    /// [`SourceError`] if the list does not count as complete.
    fn check(&self, facts: &ListFacts, pipeline: &Pipeline) -> Result<(), SourceError>;
}

/// The facts of a list that was handed to every sink. None of them depends on the sinks.
#[derive(Clone, Debug)]
pub(in crate::engine) struct ListFacts {
    /// Rows that every sink was given.
    pub(super) rows: u64,
    /// See [`Snapshot::digest`].
    pub(super) digest: String,
    /// When the first and the last reply were fetched that rows are from.
    pub(super) fetched_between: (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
    /// See [`Snapshot::proof`].
    pub(super) proof: Map<String, Value>,
}

/// Finds the conflicts of a list, unless the facts of the decided list say that there are none.
///
/// # Errors
///
/// As [`CompleteList::conflicts`].
pub(in crate::engine) async fn conflicts(
    list: Arc<dyn CompleteList>,
    decided: Option<&Snapshot>,
    stop: CancellationToken,
) -> Result<Duplicates, Error> {
    if decided.is_some_and(|decided| list.is_free_of_conflicts(decided)) {
        return Ok(Duplicates::default());
    }
    let found = tokio::task::spawn_blocking(move || list.conflicts(&stop)).await;
    found.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// Hands a list to `outlet`, on a thread of its own.
///
/// # Errors
///
/// As [`CompleteList::feed`], and [`Error::Thread`] if the system refuses the thread.
pub(super) async fn feed(
    threads: &Threads,
    list: Arc<dyn CompleteList>,
    conflicts: Duplicates,
    outlet: Outlet,
    stop: CancellationToken,
) -> Result<ListFacts, Error> {
    let work = move || list.feed(&conflicts, outlet, &stop);
    threads.start("row feed", work).await.map_err(Error::Thread)?.finish().await
}
