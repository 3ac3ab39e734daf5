//! Begins a walk of batches: its first reply makes it visible.
//!
//! Before it: the [unit](crate::engine::unit) has planned the walk, and pinned its input. Behind
//! it: the walk is in the state with its first reply, and the [walk](super::walk) asks for the
//! rest.
//!
//! A walk without a reply does not exist. The first batch is asked for alone, and the second one if
//! need be: around them it is measured how many of the day's calls a batch takes. If there is no
//! reply about the first one, a few others decide whether it is the reason, or WeChat is down.

use super::call::{Call, Replied};
use super::forecast::{self, Measured};
use super::input::Input;
use super::patience;
use super::settling::{BatchAnswers, Hints, verify};
use crate::batches::{Answer, Asked, Question, Round, Seam, Settled};
use crate::causes::error_chain;
use crate::engine::unit_context::UnitContext;
use crate::error::Error;
use crate::journal::{BatchDraft, BatchJournal, End, JournalError, Numbered};
use crate::source::{BatchSource, CallsLeft};

/// The requests that decide whether the first one has failed because of its followers.
const OTHERS: u64 = 2;

/// A walk of batches that is to begin.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct NewBatches<'a> {
    pub(in crate::engine) context: &'a UnitContext,
    pub(in crate::engine) source: &'a BatchSource,
    pub(in crate::engine) input: &'a Input,
    /// What is asked for: all that the draft does not have as copied rows.
    pub(in crate::engine) asked: &'a Asked,
}

/// Asks for the first batch, and begins the walk of `draft` with it.
///
/// # Errors
///
/// [`SourceError`](crate::source::SourceError) if the calls that are left do not suffice, or there
/// is no first reply; [`Error::Interrupted`] if the run is to stop. Then no walk has begun.
pub(in crate::engine) async fn begin_batches(new: NewBatches<'_>, draft: BatchDraft) -> Result<BatchJournal, Error> {
    let now = || new.context.run.pipeline.clock.now();
    let begun = new.begin(draft).await;
    begun.map_err(|error| forecast::with_batches_left(error, 0, new.asked.batches(), now()))
}

impl NewBatches<'_> {
    async fn begin(self, draft: BatchDraft) -> Result<BatchJournal, Error> {
        let (batches, rows) = (self.asked.batches(), self.input.rows());
        self.context.progress().set_batches(batches, self.asked.len());
        if batches == 0 {
            let fetched_at = self.context.run.pipeline.clock.now();
            return Ok(draft.begin_ended(End { total: rows, fetched_at })?);
        }
        let before = self.calls_left().await?;
        self.check(batches, before)?;
        let Begun { first, measured, after, unanswered } = self.ask_first(before).await?;
        let next = first.replied.reply.number + 1;
        if next >= batches || !matches!(measured, Measured::Unclear(_)) {
            let first = match measured {
                Measured::Cost(cost) => first.with_cost(cost, self),
                Measured::Unclear(_) | Measured::Unknown => first,
            };
            // Nothing has begun yet if the walk is refused here.
            self.check(batches - 1, after)?;
            return self.journal(draft, &first, &unanswered);
        }
        let mut journal = self.journal(draft, &first, &unanswered)?;
        let second = BatchAnswers::none(self.asked, self.input, next)?;
        let question = self.first_question(&second, next);
        let (second, last) = match self.ask(second, Call { batch: next, question }, after).await {
            Ok(asked) => asked,
            // The walk asks once more.
            Err(Error::Source(error)) if error.may_be_of_elements() => return Ok(journal),
            Err(error) => return Err(error),
        };
        let cost = measured.decide(second.measured(after, last), second.question.places.len());
        let second = match cost {
            Some(cost) => second.with_cost(cost, self),
            None => second,
        };
        self.append(&mut journal, &second.replied.reply)?;
        self.check(batches - 2, last).map_err(|error| patience::give_up(&journal, error))?;
        Ok(journal)
    }

    /// Begins the journal with the first reply. Behind it stands what had no reply.
    fn journal(self, draft: BatchDraft, first: &Asking, unanswered: &[Replied]) -> Result<BatchJournal, Error> {
        let mut journal = draft.begin(&first.replied.reply)?;
        self.count(first.replied.reply.number);
        for Replied { reply, .. } in unanswered {
            self.append(&mut journal, reply)?;
        }
        Ok(journal)
    }

    fn append(self, journal: &mut BatchJournal, reply: &Numbered) -> Result<(), Error> {
        if !journal.has(reply.number) {
            self.count(reply.number);
        }
        Ok(journal.append(reply)?)
    }

    /// Asks for batches until there is a first reply; `before` are the calls that are left.
    async fn ask_first(self, before: CallsLeft) -> Result<Begun, Error> {
        let batch = BatchAnswers::none(self.asked, self.input, 0)?;
        let call = Call { batch: 0, question: self.first_question(&batch, 0) };
        let error = match self.ask(batch.clone(), call.clone(), before).await {
            Ok((first, after)) => {
                let measured = first.measured(before, after);
                return Ok(Begun { first, measured, after, unanswered: Vec::new() });
            }
            Err(Error::Source(error)) if error.may_be_of_elements() => error,
            Err(error) => return Err(error),
        };
        let mut failed = vec![(batch.clone(), call.clone())];
        for (batch, call) in self.others(batch, call)? {
            let before = if before.is_stated { self.calls_left().await? } else { before };
            match self.ask(batch.clone(), call.clone(), before).await {
                Ok((first, after)) => {
                    let now = self.context.run.pipeline.clock.now();
                    let unanswered: Vec<_> =
                        failed.iter().map(|(batch, call)| Replied::none(call, batch, now)).collect();
                    let (requests, error) = (unanswered.len(), error_chain(&error));
                    tracing::warn!(
                        requests,
                        error,
                        "WeChat answers, but not about the followers of the first requests"
                    );
                    return Ok(Begun { measured: first.measured(before, after), first, after, unanswered });
                }
                Err(Error::Source(error)) if error.may_be_of_elements() => failed.push((batch, call)),
                Err(error) => return Err(error),
            }
        }
        Err(error.into())
    }

    /// Returns the requests that decide whether the first one, `call`, has failed because of the
    /// followers of its `batch`: those of other batches and, if there are too few, of its halves.
    fn others(self, mut batch: BatchAnswers, call: Call) -> Result<Vec<(BatchAnswers, Call)>, JournalError> {
        let mut others = Vec::new();
        for number in 1..self.asked.batches().min(OTHERS + 1) {
            let other = BatchAnswers::none(self.asked, self.input, number)?;
            let question = self.first_question(&other, number);
            others.push((other, Call { batch: number, question }));
        }
        batch.answers.push((call.question, Answer::Unreadable));
        if let Settled::Ask(halves) = self.settle(&batch) {
            others.extend(halves.into_iter().map(|question| (batch.clone(), Call { batch: 0, question })));
        }
        others.truncate(OTHERS as usize);
        Ok(others)
    }

    fn settle(self, batch: &BatchAnswers) -> Settled {
        let way = verify(self.context.run.pipeline.profiles.verify);
        batch.settle(Seam::default(), Hints::default(), way)
    }

    /// Returns the first question about a batch.
    fn first_question(self, batch: &BatchAnswers, number: u64) -> Question {
        let question = match self.settle(batch) {
            Settled::Ask(questions) => questions.into_iter().next(),
            Settled::Waits | Settled::Done(_) => None,
        };
        // A batch of which no element travels with others is asked about alone.
        let alone = || Question { round: Round::Single, places: vec![u8::from(number > 0)] };
        question.unwrap_or_else(alone)
    }

    async fn calls_left(self) -> Result<CallsLeft, Error> {
        let run = &self.context.run;
        let left = run.or_stopped(self.source.calls_left()).await??;
        let calls_a_day = forecast::calls_a_day(left, &run.pipeline.source.profiles);
        self.context.progress().set_calls_a_day(calls_a_day);
        Ok(left)
    }

    fn check(self, batches: u64, left: CallsLeft) -> Result<(), Error> {
        let pipeline = &self.context.run.pipeline;
        let cost = self.source.cost();
        forecast::check_days(self.context.list(), batches, cost, left, pipeline)?;
        Ok(forecast::check(batches, cost, left, &pipeline.source.quota, pipeline.clock.now())?)
    }

    /// Makes a request about a batch, and returns the reply with the calls that are left after it;
    /// `before` were left before it.
    async fn ask(self, batch: BatchAnswers, call: Call, before: CallsLeft) -> Result<(Asking, CallsLeft), Error> {
        let question = call.question.clone();
        let budget = self.context.budget();
        let replied = self.context.run.or_stopped(call.make(&batch, self.source, budget)).await?.result?;
        let after = if before.is_stated { self.calls_left().await? } else { before };
        Ok((Asking { batch, question, replied }, after))
    }

    fn count(self, batch: u64) {
        self.context.progress().add_page(self.asked.own(batch));
    }
}

/// The first request with a reply.
struct Begun {
    first: Asking,
    /// What it has told of the cost of a batch.
    measured: Measured,
    /// The calls that are left after it.
    after: CallsLeft,
    /// What takes the place of the replies to the requests before it.
    unanswered: Vec<Replied>,
}

/// A request about a batch, and its reply.
struct Asking {
    batch: BatchAnswers,
    question: Question,
    replied: Replied,
}

impl Asking {
    fn measured(&self, before: CallsLeft, after: CallsLeft) -> Measured {
        match self.question.round {
            Round::First => Measured::of(before, after, self.question.places.len()),
            _ => Measured::Unknown,
        }
    }

    /// Notes the cost of a batch for this run, and beside the reply for later ones.
    fn with_cost(self, cost: u64, new: NewBatches<'_>) -> Self {
        tracing::info!(cost, "how many of the day's calls a batch takes was measured");
        new.source.set_cost(cost);
        new.context.progress().set_cost(cost);
        let replied = self.replied.with_cost(&self.question, &self.batch, cost);
        Self { replied, ..self }
    }
}
