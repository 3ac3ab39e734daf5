//! Looks for the list of a walk at the sinks that have published it, before a run says so.
//!
//! Before it: the [unit](crate::engine::unit) has chosen a walk, whose commit records say which
//! sinks have published it. Behind it: [`publication`](super::publication) delivers the list to the
//! sinks that lack it or have lost it; `inspect` shows what was found.
//!
//! | found | what follows |
//! | --- | --- |
//! | held, replaced, unknown | the list counts as published |
//! | gone | it is delivered again; with `when_gone = "ignore"` it counts as published |
//! | taken, altered, or the sink cannot look | the sink fails; the others still receive the list |

use std::collections::BTreeSet;

use fanout_sink::files::objects::ObjectUrl;
use fanout_sink::{Found, SinkContext, SinkError, SinkReport};
use tokio::runtime::Handle;
use tracing::Instrument as _;

use super::sink_task::{panicked, with_retries};
use crate::config::WhenGone;
use crate::engine::unit_context::UnitContext;
use crate::error::Error;
use crate::journal::{Commit, Decision, JournalError, ListFolder, WalkFolder};
use crate::registry::BoundSink;
use crate::report::{FoundList, SinkOutcome, SinkState};

/// The sinks of a list before anything is delivered in this run: what they have, and what they
/// lack.
pub(in crate::engine) struct Looked {
    /// One for each sink of the list, in the order of the pipeline file. A sink that is to receive
    /// the list is [`SinkState::NotReached`].
    pub(in crate::engine) outcomes: Vec<SinkOutcome>,
    /// The worst failure of a required sink.
    pub(in crate::engine) failure: Option<Error>,
}

/// What one sink answered about a list that it has published.
pub(crate) struct Look {
    /// `None` if the sink could not look.
    pub(crate) found: Option<FoundList>,
    /// The error with which a run would fail the sink.
    pub(crate) problem: Option<SinkError>,
}

impl Looked {
    /// Looks for the list of `walk`, one of the walks of `state`, at each sink that has published
    /// it. An undecided walk is published nowhere.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if a commit record cannot be read; [`Error::Interrupted`] if the run is to
    /// stop. The failure of a sink is in its outcome.
    pub(in crate::engine) async fn at(
        context: &UnitContext,
        state: &ListFolder,
        walk: &WalkFolder,
    ) -> Result<Self, Error> {
        let mut looked = Self::unseen(context, walk)?;
        let Some(decision) = walk.decision() else { return Ok(looked) };
        for (sink, outcome) in context.sinks().iter().zip(&mut looked.outcomes) {
            let Some(commit) = context.commit(walk, sink)? else { continue };
            let mut look =
                context.run.or_stopped(look(sink, list_context(context, sink, decision), &commit.report)).await?;
            if look.found == Some(FoundList::Gone) && is_replaced(state, walk, &commit)? {
                look.found = Some(FoundList::Replaced);
            }
            outcome.found = look.found;
            let mut problem = look.problem;
            let delivers_again = sink.section().when_gone == WhenGone::Deliver;
            if look.found == Some(FoundList::Gone) && delivers_again {
                outcome.state = SinkState::NotReached;
                let context = list_context(context, sink, decision);
                problem = ask(sink, async move |sink| sink.check(&context).await).await.err();
            }
            if let Some(error) = problem {
                outcome.state = SinkState::failed(&error);
                if outcome.required {
                    let error = Error::Sink { sink: sink.name().to_owned(), error };
                    looked.failure = [looked.failure.take(), Some(error)].into_iter().flatten().reduce(Error::worse);
                }
            }
        }
        Ok(looked)
    }

    /// Takes the commit records at their word: for a walk that is delivered only to the sinks that
    /// have no record of it.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if a commit record cannot be read.
    pub(in crate::engine) fn unseen(context: &UnitContext, walk: &WalkFolder) -> Result<Self, JournalError> {
        let outcome = |sink: &BoundSink| {
            let state = match context.commit(walk, sink)? {
                Some(commit) => SinkState::AlreadyPublished(commit.report),
                None if is_due(walk, sink) => SinkState::NotReached,
                None => SinkState::NotDue,
            };
            Ok(SinkOutcome {
                sink: sink.name().to_owned(),
                required: sink.section().required,
                one_shot: sink.is_one_shot(),
                found: None,
                state,
            })
        };
        Ok(Self { outcomes: context.sinks().iter().map(outcome).collect::<Result<_, _>>()?, failure: None })
    }

    /// As [`unseen`](Self::unseen), for a walk that is delivered only because it is owed: a
    /// one-shot sink is owed nothing.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if a commit record cannot be read.
    pub(in crate::engine) fn owed(context: &UnitContext, walk: &WalkFolder) -> Result<Self, JournalError> {
        let mut looked = Self::unseen(context, walk)?;
        for outcome in looked.outcomes.iter_mut().filter(|outcome| outcome.one_shot) {
            outcome.state = SinkState::NotDue;
        }
        Ok(looked)
    }

    /// Has the sinks named in `behind` fail, unless they have the list: they lack an earlier one,
    /// which comes first.
    pub(in crate::engine) fn hold_back(&mut self, behind: &BTreeSet<String>) {
        for outcome in self.outcomes.iter_mut().filter(|outcome| behind.contains(&outcome.sink)) {
            if !matches!(outcome.state, SinkState::NotReached) {
                continue;
            }
            let message = "it lacks earlier changes, which it has not taken in this run";
            let error = SinkError::temporary(message).with_hint("see why; these changes follow when it has the others");
            outcome.state = SinkState::failed(&error);
            if outcome.required {
                let error = Error::Sink { sink: outcome.sink.clone(), error };
                self.failure = [self.failure.take(), Some(error)].into_iter().flatten().reduce(Error::worse);
            }
        }
    }

    /// Returns whether a sink is to receive the list.
    pub(in crate::engine) fn has_work(&self) -> bool {
        self.outcomes.iter().any(|outcome| matches!(outcome.state, SinkState::NotReached))
    }
}

/// Returns whether the list of a walk is for a sink. One of changes is for the sinks that there
/// were when the walk began; for a one-shot sink if it tells what has changed, not who follows.
pub(in crate::engine) fn is_due(walk: &WalkFolder, sink: &BoundSink) -> bool {
    let changes = walk.header().plan.as_ref().and_then(|plan| plan.changes.as_ref());
    if sink.is_one_shot() {
        return changes.is_none_or(|plan| plan.from.is_some());
    }
    let of_decision = walk.decision().map(|decision| &decision.sinks);
    let named = changes.map(|changes| of_decision.unwrap_or(&changes.sinks));
    named.is_none_or(|named| named.iter().any(|name| name == sink.name()))
}

/// Looks for a list at a sink that has published it, as `report` of its commit says. `context` is
/// the list's, with its facts and its digest.
pub(crate) async fn look(sink: &BoundSink, context: SinkContext, report: &SinkReport) -> Look {
    let report = report.clone();
    let failed = |found, problem: SinkError| Look { found, problem: Some(problem) };
    match ask(sink, async move |sink| sink.find(&context, &report).await).await {
        Ok(Found::Held) => Look { found: Some(FoundList::Held), problem: None },
        Ok(Found::Replaced) => Look { found: Some(FoundList::Replaced), problem: None },
        Ok(Found::Gone) => Look { found: Some(FoundList::Gone), problem: None },
        Ok(Found::Unknown) => Look { found: Some(FoundList::Unknown), problem: None },
        Ok(Found::Taken(what)) => {
            let message = format!("something else is in the place of the published list: {what}");
            let hint = "move it away, or give the sink another place; `fanout replay` then delivers the list again, \
                        without a call";
            failed(Some(FoundList::Taken), SinkError::permanent(message).with_hint(hint))
        }
        Ok(Found::Altered(what)) => {
            let message = format!("the published list was changed: {what}");
            let hint = "put it back as it was, or remove all that is left of it; `fanout replay` then delivers it again, \
                        without a call";
            failed(Some(FoundList::Altered), SinkError::permanent(message).with_hint(hint))
        }
        Err(error) => failed(None, error),
    }
}

/// Makes a call of a sink that is not open, on a thread of its own, because it may block. A
/// temporary error is retried.
pub(in crate::engine) async fn ask<T: Send + 'static>(
    sink: &BoundSink,
    call: impl AsyncFn(&BoundSink) -> Result<T, SinkError> + Send + 'static,
) -> Result<T, SinkError> {
    ask_once(sink, async move |sink| with_retries(&sink.section().retry, async || call(sink).await).await).await
}

/// Makes a call as [`ask`] does, and does not repeat it.
pub(in crate::engine) async fn ask_once<T: Send + 'static>(
    sink: &BoundSink,
    call: impl AsyncFnOnce(&BoundSink) -> Result<T, SinkError> + Send + 'static,
) -> Result<T, SinkError> {
    let (sink, runtime) = (sink.clone(), Handle::current());
    let span = tracing::info_span!("sink", sink = sink.name());
    let work = move || runtime.block_on(call(&sink).instrument(span));
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(panicked()))
}

fn list_context(context: &UnitContext, sink: &BoundSink, decision: &Decision) -> SinkContext {
    let list = &decision.snapshot;
    let context = context.sink_context(sink, list.walk, list.date);
    context.with_facts(list.begun_at, Some(list.rows)).with_digest(&list.digest)
}

/// Returns whether the sink of `commit` has published a newer walk to a file or object of this one.
/// If the newer list is gone, too, it alone is delivered again. Other places say nothing: lists of
/// many dates may have one table.
fn is_replaced(state: &ListFolder, walk: &WalkFolder, commit: &Commit) -> Result<bool, JournalError> {
    let places = commit.report.outputs.iter().map(|output| output.location.as_str());
    let files: Vec<&str> = places.filter(|place| is_one_list(place)).collect();
    for newer in state.walks()?.iter().filter(|newer| newer.header().walk.number() > walk.header().walk.number()) {
        let report = newer.commit(&commit.recipient)?.map(|commit| commit.report).unwrap_or_default();
        if report.outputs.iter().any(|output| files.contains(&output.location.as_str())) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns whether a location holds one list: it is a file or an object.
fn is_one_list(location: &str) -> bool {
    location.starts_with('/') || ObjectUrl::split(location).is_some()
}

#[cfg(test)]
mod tests {
    use super::is_one_list;

    #[test]
    fn files_and_objects_hold_one_list_and_tables_may_hold_many() {
        for location in ["/lake/dt=2026-11-22/part-0.parquet", "s3://lake/lists/a.parquet", "az://lake/a.ndjson"] {
            assert!(is_one_list(location), "{location}");
        }
        for location in ["lake.followers", "https://db.example/followers", "lake/followers"] {
            assert!(!is_one_list(location), "{location}");
        }
    }
}
