//! The OpenIDs of a decided walk of followers, by position.
//!
//! Before it: the journal of that walk. Behind it: they are the [input](super::input::Input) of a
//! walk of batches.
//!
//! A position is the one that a sink of the followers' list was given: rows that repeat an earlier
//! one have none. Of the pages only the last two that were used are decoded.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use arrow::array::{Array, StringArray};
use fanout_sink::arrow;
use tokio_util::sync::CancellationToken;

use super::openids::Openids;
use crate::engine::deliver::{DistinctCount, Duplicates};
use crate::engine::difference::OpenidPass;
use crate::engine::proof::{FollowerProof, Proof};
use crate::error::Error;
use crate::journal::{Journal, JournalError, JournaledPage, RestsOn, WalkFolder};
use crate::wechat::{PageReply, decode, openid_prefix};

/// Pages that stay decoded. Batches are asked for in order, and a batch may lie on two pages.
const DECODED: usize = 2;

/// The OpenIDs of a decided walk of followers.
#[derive(Debug)]
pub(super) struct FollowersInput {
    journal: Journal,
    duplicates: Duplicates,
    /// Where each page of the journal begins.
    starts: Vec<Start>,
    /// The rows that have a position.
    rows: u64,
    /// What most OpenIDs of the list begin with; `None` if they do not agree.
    prefix: Option<String>,
    decoded: Mutex<VecDeque<(usize, StringArray)>>,
}

/// The beginning of a page.
#[derive(Clone, Copy, Debug)]
struct Start {
    /// The rows of the pages before it.
    row: u64,
    /// The rows of the pages before it that have a position.
    position: u64,
}

impl FollowersInput {
    /// Opens the decided walk `folder`, on which a walk rests as `rests_on` says. It reads every
    /// page, on a thread of its own.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if a page cannot be read; [`Error::Changed`] if the list is not the one on
    /// which the walk rests; [`Error::Interrupted`] if `stop` is cancelled.
    pub(super) async fn open(folder: &WalkFolder, rests_on: &RestsOn, stop: &CancellationToken) -> Result<Self, Error> {
        let folder = folder.clone();
        let snapshot = folder.decision().map(|decision| &decision.snapshot);
        let repeated = snapshot.and_then(FollowerProof::of).map(|proof| proof.duplicates);
        let decided = snapshot.map(|snapshot| (snapshot.rows, snapshot.digest.clone()));
        let changed = |what: String| Error::Changed { walk: rests_on.walk.to_string(), what };
        if decided != Some((rests_on.rows, rests_on.digest.clone())) {
            return Err(changed("its decision is another one, or has gone".to_owned()));
        }
        let open = move || Journal::open(folder);
        let journal = blocking(open).await?;
        let duplicates = if repeated == Some(0) {
            Duplicates::default()
        } else {
            DistinctCount::of(journal.reader(), journal.folder().path(), stop.clone()).await?.duplicates
        };
        let stop = stop.clone();
        let input = blocking(move || Self::index(journal, duplicates, &stop)).await?;
        if input.rows != rests_on.rows {
            return Err(changed(format!("it has {} followers, expected {}", input.rows, rests_on.rows)));
        }
        Ok(input)
    }

    /// Finds where each page begins.
    fn index(journal: Journal, duplicates: Duplicates, stop: &CancellationToken) -> Result<Self, Error> {
        let mut starts = Vec::with_capacity(journal.pages() as usize);
        let (mut row, mut position) = (0, 0);
        let mut prefix = None;
        for page in journal.reader() {
            if stop.is_cancelled() {
                return Err(Error::Interrupted);
            }
            let openids = openids_of(&page?)?;
            if starts.is_empty() {
                prefix = openid_prefix::of_most(openids.iter().flatten()).map(str::to_owned);
            }
            starts.push(Start { row, position });
            let end = row + openids.len() as u64;
            let repeated = match duplicates.count() {
                0 => 0,
                _ => (row..end).filter(|&row| duplicates.contains(row)).count() as u64,
            };
            position += openids.len() as u64 - repeated;
            row = end;
        }
        Ok(Self { journal, duplicates, starts, rows: position, prefix, decoded: Mutex::default() })
    }

    /// Returns the OpenIDs at `positions`, which ascend.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if a page can no longer be read.
    ///
    /// # Panics
    ///
    /// If there is no such position.
    pub(super) fn openids(&self, positions: &[u64]) -> Result<Openids, JournalError> {
        let mut openids = Openids::default();
        let mut rest = positions;
        while let Some(&first) = rest.first() {
            assert!(first < self.rows, "position {first} of {}", self.rows);
            let page = self.starts.partition_point(|start| start.position <= first) - 1;
            let end = self.starts.get(page + 1).map_or(self.rows, |next| next.position);
            let (here, behind) = rest.split_at(rest.partition_point(|&position| position < end));
            self.openids_of_page(page, here, &mut openids)?;
            rest = behind;
        }
        Ok(openids)
    }

    /// Adds the OpenIDs at `positions`, which all lie on this page.
    fn openids_of_page(&self, page: usize, positions: &[u64], openids: &mut Openids) -> Result<(), JournalError> {
        let values = self.page(page)?;
        let start = self.starts[page];
        if self.duplicates.count() == 0 {
            for position in positions {
                openids.push(values.value((position - start.position) as usize));
            }
            return Ok(());
        }
        let rows = (0..values.len()).filter(|&row| !self.duplicates.contains(start.row + row as u64));
        let mut wanted = positions.iter().peekable();
        for (position, row) in (start.position..).zip(rows) {
            if wanted.next_if_eq(&&position).is_some() {
                openids.push(values.value(row));
            }
        }
        Ok(())
    }

    /// Returns a page, decoded.
    fn page(&self, page: usize) -> Result<StringArray, JournalError> {
        let mut decoded = self.decoded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = decoded.iter().position(|(number, _)| *number == page) {
            let found = decoded.remove(place).expect("it was found there");
            decoded.push_back(found.clone());
            return Ok(found.1);
        }
        let journaled = self.journal.page(page as u64 + 1)?;
        let values = openids_of(&journaled)?;
        if decoded.len() == DECODED {
            decoded.pop_front();
        }
        decoded.push_back((page, values.clone()));
        Ok(values)
    }

    /// Returns what most OpenIDs of the list begin with; `None` if they do not agree.
    pub(super) fn prefix(&self) -> Option<&str> {
        self.prefix.as_deref()
    }
}

impl OpenidPass for FollowersInput {
    fn rows(&self) -> u64 {
        self.rows
    }

    fn each(&self, take: &mut dyn FnMut(u64, &str) -> Result<(), Error>) -> Result<(), Error> {
        let (mut row, mut position) = (0, 0);
        for page in self.journal.reader() {
            for openid in openids_of(&page?)?.iter().flatten() {
                if !self.duplicates.contains(row) {
                    take(position, openid)?;
                    position += 1;
                }
                row += 1;
            }
        }
        Ok(())
    }
}

/// Decodes a page that the journal accepted.
fn openids_of(page: &JournaledPage) -> Result<StringArray, JournalError> {
    match decode(&page.body) {
        Ok((PageReply::Page(_), openids)) => Ok(openids),
        Ok((PageReply::Error(error), _)) => Err(page.damaged(&error)),
        Err(error) => Err(page.damaged(&error)),
    }
}

/// Does work that reads much from the disk, on a thread for such work.
async fn blocking<T: Send + 'static, E: Into<Error> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())).map_err(Into::into)
}
