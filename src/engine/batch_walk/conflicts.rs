//! Finds elements that share their identity with another one: the trace of rows that have moved.
//!
//! Before it: the [walk](super::walk) has settled every batch. Behind it: the walk asks for these
//! elements once more, each alone.
//!
//! Identities are compared by their hashes here. Two that have one hash by chance cost two calls;
//! the delivery compares identities as they are.

use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::settling::{BatchAnswers, Hints, Settling};
use crate::batches::{Answer, Outcome, Verdict};
use crate::engine::deliver::{DistinctCounter, Duplicates};
use crate::error::Error;
use crate::journal::JournalError;

/// Batches that are read before others get their turn, and before it is looked whether the run is
/// to stop.
pub(super) const TURN: u64 = 64;

/// Counts the identities of batches while they are settled.
#[derive(Debug)]
pub(super) struct Identities {
    counter: DistinctCounter,
    /// The batches that were added, a bit each.
    added: Vec<u64>,
    /// Whether a batch that was added has been settled again, so that the count does not hold.
    is_stale: bool,
}

impl Identities {
    /// Begins a count that may keep a temporary file in `folder`.
    pub(super) fn new(folder: &Path, batches: u64) -> Self {
        let words = batches.div_ceil(64) as usize;
        Self { counter: DistinctCounter::new(folder), added: vec![0; words], is_stale: false }
    }

    /// Begins a count that must be made from the journal.
    pub(super) fn stale(folder: &Path, batches: u64) -> Self {
        Self { is_stale: true, ..Self::new(folder, batches) }
    }

    /// Adds the elements of a batch that was settled.
    pub(super) fn add(&mut self, number: u64, batch: &BatchAnswers, verdicts: &[Verdict]) -> Result<(), JournalError> {
        let (word, bit) = (number as usize / 64, 1 << (number % 64));
        if self.added[word] & bit != 0 {
            self.is_stale = true;
        }
        if self.is_stale {
            return Ok(());
        }
        self.added[word] |= bit;
        for (_, identity) in identities(batch, verdicts) {
            self.counter.add(&identity.to_string())?;
        }
        Ok(())
    }

    /// Returns the positions of elements that share their identity with another one. Reads the
    /// journal only if there are some, or if a batch was settled twice.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if a reply cannot be read; [`Error::Interrupted`] if `stop` is cancelled.
    pub(super) async fn shared(
        self,
        settling: &Settling<'_>,
        hints: Hints,
        stop: &CancellationToken,
    ) -> Result<Duplicates, Error> {
        let counter = if self.is_stale { count(settling, hints, stop).await? } else { self.counter };
        counter.shared(|note| {
            for batch in settling.settled(hints) {
                if stop.is_cancelled() {
                    return Err(Error::Interrupted);
                }
                let batch = batch?;
                let first = batch.answers.own().start;
                for (place, identity) in identities(&batch.answers, &batch.verdicts) {
                    note(batch.positions[place - first], &identity.to_string());
                }
            }
            Ok(())
        })
    }
}

/// Counts the identities of all batches.
async fn count(settling: &Settling<'_>, hints: Hints, stop: &CancellationToken) -> Result<DistinctCounter, Error> {
    let mut counter = DistinctCounter::new(settling.journal.folder().path());
    for batch in settling.settled(hints) {
        let batch = batch?;
        for (_, identity) in identities(&batch.answers, &batch.verdicts) {
            counter.add(&identity.to_string())?;
        }
        if batch.number % TURN == 0 {
            tokio::task::yield_now().await;
            if stop.is_cancelled() {
                return Err(Error::Interrupted);
            }
        }
    }
    Ok(counter)
}

/// Returns the identities of a batch's own elements that are there, each with its place.
fn identities<'a>(batch: &'a BatchAnswers, verdicts: &'a [Verdict]) -> impl Iterator<Item = (usize, u64)> + 'a {
    let there = batch.own().zip(verdicts).filter(|(_, verdict)| verdict.outcome == Outcome::There);
    there.filter_map(|(place, verdict)| {
        let (question, answer) = &batch.answers[verdict.answer];
        let Answer::Rows { rows, .. } = answer else { return None };
        let at = question.places.iter().position(|&asked| usize::from(asked) == place)?;
        Some((place, rows[at]?.identity?))
    })
}
