//! The requests that are to be made, in the order in which they were wanted, and which batches have
//! requests that wait or are under way.
//!
//! Before it: the [walk](super::walk) has settled a batch, and something is to be asked about it.
//! Behind it: the walk makes the requests.

use std::collections::{HashMap, VecDeque};

use super::call::Call;
use crate::batches::Question;

/// The requests of a walk that are to be made or under way.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Call>,
    /// How many requests of a batch wait or are under way.
    pending: HashMap<u64, usize>,
}

impl Queue {
    /// Adds requests of a batch.
    pub(super) fn push(&mut self, batch: u64, questions: Vec<Question>) {
        if !questions.is_empty() {
            *self.pending.entry(batch).or_default() += questions.len();
            self.waiting.extend(questions.into_iter().map(|question| Call { batch, question }));
        }
    }

    /// Returns the next request, which is under way from now on.
    pub(super) fn pop(&mut self) -> Option<Call> {
        self.waiting.pop_front()
    }

    /// Notes that a request of a batch has ended.
    pub(super) fn ended(&mut self, batch: u64) {
        if let Some(pending) = self.pending.get_mut(&batch) {
            *pending -= 1;
            if *pending == 0 {
                self.pending.remove(&batch);
            }
        }
    }

    /// Returns whether a request of a batch waits or is under way.
    pub(super) fn has(&self, batch: u64) -> bool {
        self.pending.contains_key(&batch)
    }
}
