//! How far each batch of a walk is: three bytes a batch, so that a walk of ten million followers
//! takes a third of a megabyte.
//!
//! Before it: the [walk](super::walk) notes what it has asked and settled. Behind it: the walk
//! finds the batches that are to be asked next.

use crate::batches::{Outcome, Verdict};

/// How far a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Stage {
    /// Nothing was asked.
    Unasked,
    /// Something was asked, and the batch is to be settled.
    Open,
    /// Single questions are to be asked, when their time has come.
    Singles,
    /// Each of its elements has an outcome.
    Done,
}

/// The stages of all batches.
#[derive(Debug)]
pub(super) struct Table {
    stages: Vec<u8>,
    /// Elements of each batch without a usable outcome: refused, unreadable. They are at most a
    /// hundred.
    failed: Vec<[u8; 2]>,
    refused: u64,
    unreadable: u64,
}

impl Table {
    pub(super) fn new(batches: u64) -> Self {
        let batches = batches as usize;
        Self { stages: vec![Stage::Unasked as u8; batches], failed: vec![[0; 2]; batches], refused: 0, unreadable: 0 }
    }

    pub(super) fn is(&self, batch: u64, stage: Stage) -> bool {
        self.stages[batch as usize] == stage as u8
    }

    /// Sets the stage of a batch that is not done.
    pub(super) fn set(&mut self, batch: u64, stage: Stage) {
        self.fail(batch, [0; 2]);
        self.stages[batch as usize] = stage as u8;
    }

    /// Notes that a batch is done.
    pub(super) fn done(&mut self, batch: u64, verdicts: &[Verdict]) {
        let of = |outcome| verdicts.iter().filter(|verdict| verdict.outcome == outcome).count() as u8;
        self.fail(batch, [of(Outcome::Refused), of(Outcome::Unreadable)]);
        self.stages[batch as usize] = Stage::Done as u8;
    }

    fn fail(&mut self, batch: u64, failed: [u8; 2]) {
        let before = std::mem::replace(&mut self.failed[batch as usize], failed);
        self.refused = self.refused + u64::from(failed[0]) - u64::from(before[0]);
        self.unreadable = self.unreadable + u64::from(failed[1]) - u64::from(before[1]);
    }

    /// Returns the first batch at `stage`.
    pub(super) fn first(&self, stage: Stage) -> Option<u64> {
        memchr::memchr(stage as u8, &self.stages).map(|batch| batch as u64)
    }

    /// Opens every batch that is settled or waits for single questions, and returns their numbers.
    pub(super) fn reopen(&mut self) -> Vec<u64> {
        let settled = [Stage::Singles as u8, Stage::Done as u8];
        let batches: Vec<u64> =
            (0..).zip(&self.stages).filter(|(_, stage)| settled.contains(stage)).map(|(batch, _)| batch).collect();
        for &batch in &batches {
            self.set(batch, Stage::Open);
        }
        batches
    }

    /// Returns how many elements are refused, and how many unreadable.
    pub(super) fn failed(&self) -> (u64, u64) {
        (self.refused, self.unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(outcomes: &[Outcome]) -> Vec<Verdict> {
        outcomes.iter().map(|&outcome| Verdict { outcome, answer: 0 }).collect()
    }

    #[test]
    fn elements_without_an_outcome_are_counted_once_however_often_their_batch_is_settled() {
        let mut table = Table::new(3);
        table.done(1, &verdicts(&[Outcome::There, Outcome::Refused, Outcome::Unreadable, Outcome::Refused]));
        table.done(2, &verdicts(&[Outcome::Unreadable]));
        assert_eq!(table.failed(), (2, 2));
        table.done(1, &verdicts(&[Outcome::There, Outcome::Refused]));
        assert_eq!(table.failed(), (1, 1));
        assert_eq!(table.first(Stage::Unasked), Some(0));
        assert_eq!(table.reopen(), [1, 2]);
        assert_eq!(table.failed(), (0, 0));
        assert_eq!(table.first(Stage::Open), Some(1));
    }
}
