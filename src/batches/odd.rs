//! Which elements of a batch are odd, and which of its ends no neighbouring batch has seen.
//!
//! Before it: the first round is complete. Behind it: odd elements are asked for alone, and the
//! others once more without them.

use std::collections::HashSet;

use super::alone;
use super::answer::Row;
use super::batch::Batch;
use super::facts::Shared;
use super::places::Places;
use super::question::{Round, WIDTH};
use super::replies::Reply;

/// What is to be asked for alone before anybody believes the batch.
#[derive(Debug, Default)]
pub(super) struct Oddities {
    /// The places that travel, and of which the first round says nothing that can be believed
    /// because others in the batch are well. They are left out of the second round.
    pub(super) odd: Places,
    /// The ends of the batch of which no other batch says anything. Alone they are asked whether
    /// rows have moved. Place 0 may be among them, though it is not the batch's own.
    pub(super) ends: Places,
    /// Whether the places that are not odd are believed only if a second round says the same.
    pub(super) is_suspicious: bool,
}

/// So few elements have no order in which none has the neighbours of another order.
const FEW: usize = 3;

impl Oddities {
    pub(super) fn of(batch: &Batch<'_>) -> Self {
        let mut oddities = Self::default();
        oddities.note_rows(batch);
        oddities.note_seams(batch);
        oddities.note_far_end(batch);
        oddities.is_suspicious = !oddities.odd.is_empty() || is_suspicious(batch);
        if oddities.is_suspicious && oddities.others(batch).count() <= FEW {
            oddities.odd = batch.travelling().collect();
        }
        oddities
    }

    /// Returns the places that travel and are not odd, in ascending order.
    pub(super) fn others(&self, batch: &Batch<'_>) -> impl DoubleEndedIterator<Item = u8> {
        let odd = self.odd;
        batch.travelling().filter(move |place| !odd.contains(*place))
    }

    /// Notes the rows that are missing, not there, without identity, or with one that another has.
    fn note_rows(&mut self, batch: &Batch<'_>) {
        let have_identities = have_identities(batch);
        let mut identities = Vec::with_capacity(WIDTH);
        for place in batch.travelling() {
            let row = batch.first_row(place);
            match row {
                Some(Row { is_there: true, identity, .. }) if identity.is_some() || !have_identities => {}
                _ => self.odd.insert(place),
            }
            identities.extend(row.and_then(|row| row.identity).map(|identity| (identity, place)));
        }
        identities.sort_unstable();
        for pair in identities.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            self.odd.insert(pair[0].1);
            self.odd.insert(pair[1].1);
        }
    }

    /// Notes the shared elements of which the batches beside it say something else, or nothing.
    fn note_seams(&mut self, batch: &Batch<'_>) {
        for (place, says) in batch.seams() {
            let Some(row) = batch.first_row(place) else { continue };
            if says == Shared::Says(row) {
                continue;
            }
            self.ends.insert(place);
            if says != Shared::Nothing || alone::is_doubted(&batch.replies, place) {
                self.odd.insert(place);
            }
        }
    }

    /// Notes the last own place that travels, unless the next batch has it too. An end that a reply
    /// alone does not find proves nothing, so it is odd.
    fn note_far_end(&mut self, batch: &Batch<'_>) {
        let Some(end) = batch.travelling().next_back().filter(|place| batch.own().contains(place)) else { return };
        let is_shared = !batch.facts.is_last && end + 1 == batch.own().end;
        if is_shared {
            return;
        }
        self.ends.insert(end);
        if alone::is_doubted(&batch.replies, end) {
            self.odd.insert(end);
        }
    }
}

/// Returns whether the rows of the batch are expected to have identities.
fn have_identities(batch: &Batch<'_>) -> bool {
    let mut rows = batch.travelling().filter_map(|place| batch.first_row(place));
    batch.facts.walk_has_identities || rows.any(|row| row.identity.is_some())
}

/// Returns whether the first round has something that a healthy batch does not have, beside its
/// odd elements: a reply with rows of others, or more than one reply. Parts share no element, so
/// nothing shows whether rows have moved within one.
fn is_suspicious(batch: &Batch<'_>) -> bool {
    let mut replies = batch.replies.of(Round::First);
    batch.is_verified_twice()
        || replies.next().is_some_and(Reply::is_strange)
        || replies.next().is_some()
        || (!have_identities(batch) && has_equal_times(batch))
}

/// Returns whether two elements have the same `since`. Where rows have no identities, a row that
/// stands twice shows in nothing else.
fn has_equal_times(batch: &Batch<'_>) -> bool {
    let mut seen = HashSet::new();
    let mut times = batch.travelling().filter_map(|place| batch.first_row(place)?.since);
    !times.all(|since| seen.insert(since))
}
