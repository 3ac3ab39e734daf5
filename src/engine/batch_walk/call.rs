//! One request of a batch walk: it is made on a task of its own, and its reply is read there.
//!
//! Before it: the [walk](super::walk) knows what to ask. Behind it: the walk journals the reply.

use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::{DateTime, SubsecRound, Utc};

use super::answer::{answer, label};
use super::settling::BatchAnswers;
use crate::batches::{Answer, Question, Round};
use crate::engine::budget::{Budget, Lease, footprint};
use crate::journal::Numbered;
use crate::source::{BatchSource, Fetched, SourceError};

/// Bytes of a reply about one element: more than any that was seen, less than some could be.
const ROW: u64 = 512;

/// A request that is to be made.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) batch: u64,
    pub(super) question: Question,
}

/// A request that was made.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) call: Call,
    pub(super) result: Result<Replied, SourceError>,
    /// How long it took, with its repetitions.
    pub(super) took: Duration,
    /// The bytes of the reply, until it is journaled.
    pub(super) _lease: Lease,
}

/// The reply to a request.
#[derive(Debug)]
pub(super) struct Replied {
    pub(super) reply: Numbered,
    pub(super) answer: Answer,
}

impl Call {
    /// Makes the request. `batch` knows the OpenIDs; `cost` is added to the label of the reply.
    pub(super) fn make(
        self,
        batch: &BatchAnswers,
        source: &BatchSource,
        budget: &Budget,
    ) -> impl Future<Output = Ended> + Send + use<> {
        let asked = batch.asked_by(&self.question);
        let label = label(&self.question, &batch.openids.to_vec(), None);
        let (source, budget) = (source.clone(), budget.clone());
        async move {
            let lease = budget.reserve(footprint(asked.len() as u64 * ROW)).await;
            let begun = Instant::now();
            let fetched = match self.question.round {
                Round::First | Round::Again => source.batch(self.batch, &asked.to_vec()).await,
                Round::Single | Round::SingleAgain => source.single(self.batch, asked.get(0)).await,
            };
            let took = begun.elapsed();
            let result = fetched.map(|Fetched { body, fetched_at }| Replied {
                answer: answer(&self.question, &asked, &body),
                reply: Numbered { number: self.batch, label, fetched_at, body },
            });
            Ended { call: self, result, took, _lease: lease }
        }
    }
}

impl Replied {
    /// Returns what stands in the place of a reply if there was none: the rules take it for one
    /// that cannot be read.
    pub(super) fn none(call: &Call, batch: &BatchAnswers, at: DateTime<Utc>) -> Self {
        let label = label(&call.question, &batch.openids.to_vec(), None);
        let reply = Numbered { number: call.batch, label, fetched_at: at.trunc_subsecs(6), body: Bytes::new() };
        Self { reply, answer: Answer::Unreadable }
    }

    /// Notes how many of the day's calls the request has taken.
    pub(super) fn with_cost(mut self, question: &Question, batch: &BatchAnswers, cost: u64) -> Self {
        self.reply.label = label(question, &batch.openids.to_vec(), Some(cost));
        self
    }
}
