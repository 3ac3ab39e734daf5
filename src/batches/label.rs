//! The label that a question leaves beside its reply in the journal.
//!
//! Before it: the engine journals a reply. Behind it: a later run reads which question the reply
//! answers, and that it was asked about the same elements.
//!
//! ```text
//!   round | count of runs | first place, last place, step of each run | SHA-256 of the OpenIDs
//!    1 B         1 B                       3 B each                              32 B
//! ```
//!
//! A run is places at equal distances, upwards or downwards: a whole batch is one run, and two in
//! the order of the second round.

use sha2::{Digest, Sha256};

use super::question::{Question, Round, WIDTH};

/// The rounds, each at the byte that stands for it.
const ROUNDS: [Round; 4] = [Round::First, Round::Again, Round::Single, Round::SingleAgain];

/// The length of the digest.
const DIGEST: usize = 32;

/// Why a label does not tell its question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// The bytes are no label.
    #[error("the label of a reply cannot be read: expected a round, places of one batch and a digest")]
    Malformed,
    /// The question was about other elements.
    #[error("a reply in the journal is about other OpenIDs than its batch has; the input of the walk has changed")]
    IdsDiffer,
}

impl Question {
    /// Returns the label of the question. `ids` are the OpenIDs of the whole batch, one a place.
    ///
    /// # Panics
    ///
    /// If the question has a place that the batch does not have.
    pub fn label(&self, ids: &[&str]) -> Vec<u8> {
        let runs = runs(&self.places);
        let mut label = Vec::with_capacity(2 + Run::LEN * runs.len() + DIGEST);
        label.push(self.round as u8);
        label.push(runs.len() as u8);
        label.extend(runs.iter().flat_map(|run| [run.first, run.last, run.step]));
        label.extend(digest(&self.places, ids));
        label
    }

    /// Reads a label. `ids` are the OpenIDs of the whole batch, one a place.
    ///
    /// # Errors
    ///
    /// If the bytes are no label, or if the question was about other OpenIDs.
    pub fn read(label: &[u8], ids: &[&str]) -> Result<Self, LabelError> {
        let (&[round, count], rest) = label.split_first_chunk().ok_or(LabelError::Malformed)?;
        let (runs, stored) = rest.split_at_checked(Run::LEN * usize::from(count)).ok_or(LabelError::Malformed)?;
        let round = *ROUNDS.get(usize::from(round)).ok_or(LabelError::Malformed)?;
        let mut places = Vec::with_capacity(WIDTH);
        for run in runs.chunks_exact(Run::LEN) {
            Run { first: run[0], last: run[1], step: run[2] }.extend(&mut places);
        }
        if places.is_empty() || places.len() > WIDTH || stored.len() != DIGEST {
            return Err(LabelError::Malformed);
        }
        if places.iter().any(|place| usize::from(*place) >= ids.len()) || digest(&places, ids) != *stored {
            return Err(LabelError::IdsDiffer);
        }
        Ok(Self { round, places })
    }
}

/// Places at equal distances.
#[derive(Clone, Copy, Debug)]
struct Run {
    first: u8,
    last: u8,
    /// The distance; 0 if there is only one place.
    step: u8,
}

impl Run {
    /// Its length in a label.
    const LEN: usize = 3;

    /// Takes a place in, if it stands at the same distance.
    fn takes(&mut self, place: u8) -> bool {
        let is_upwards = place > self.last;
        let step = place.abs_diff(self.last);
        let fits = self.step == 0 || (self.step == step && is_upwards == (self.last > self.first));
        if fits && step > 0 {
            (self.last, self.step) = (place, step);
        }
        fits && step > 0
    }

    /// Adds its places to others.
    fn extend(self, places: &mut Vec<u8>) {
        let step = usize::from(self.step.max(1));
        if self.first <= self.last {
            places.extend((self.first..=self.last).step_by(step));
        } else {
            places.extend((self.last..=self.first).rev().step_by(step));
        }
    }
}

/// Returns the runs of places.
fn runs(places: &[u8]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for &place in places {
        if !runs.last_mut().is_some_and(|run| run.takes(place)) {
            runs.push(Run { first: place, last: place, step: 0 });
        }
    }
    runs
}

/// Returns the digest of the OpenIDs at some places, each behind its length.
fn digest(places: &[u8], ids: &[&str]) -> [u8; DIGEST] {
    let mut digest = Sha256::new();
    for place in places {
        let id = ids[usize::from(*place)];
        digest.update((id.len() as u64).to_le_bytes());
        digest.update(id);
    }
    digest.finalize().into()
}
