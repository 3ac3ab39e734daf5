//! The end of a run for its one-shot sinks, which learn by it that no further list comes.
//!
//! Before it: `run` or `replay` has the report of every list. Behind it: each one-shot sink ends
//! its output.

use fanout_sink::SinkError;

use super::deliver::ask;
use super::keys::end_context;
use super::run_context::RunContext;
use crate::causes::error_chain;
use crate::error::Error;
use crate::registry::BoundSink;
use crate::report::{AccountReport, SinkOutcome, SinkState, Verdict};

/// Ends every one-shot sink, and tells it whether it has taken all lists that are for it. If one
/// cannot end, its readers lack what the reports of its lists say, so these fail.
pub(super) async fn end_one_shot_sinks(run: &RunContext, reports: &mut [AccountReport]) {
    for sink in run.one_shot.iter() {
        let context = end_context(&run.pipeline, sink);
        let is_complete = is_complete(sink, reports);
        if let Err(error) = ask(sink, async move |sink| sink.end(&context, is_complete).await).await {
            tracing::warn!(sink = sink.name(), error = error_chain(&error), "the sink cannot end its output");
            fail_lists(sink, error, reports);
        }
    }
}

/// Returns whether `sink` has taken every list that is for it.
fn is_complete(sink: &BoundSink, reports: &[AccountReport]) -> bool {
    let is_taken_or_not_for_it = |outcome: &SinkOutcome| {
        outcome.sink == sink.name() && matches!(outcome.state, SinkState::Published(_) | SinkState::NotDue)
    };
    let mut of_list = reports.iter().filter(|report| report.list == sink.section().list.name());
    of_list.all(|report| report.sinks.iter().any(is_taken_or_not_for_it))
}

/// Turns every list that `sink` has taken into one that it has failed to take. If it has taken
/// none, that is each list with which the run would count as done.
fn fail_lists(sink: &BoundSink, error: SinkError, reports: &mut [AccountReport]) {
    let state = SinkState::failed(&error);
    let error = Error::Sink { sink: sink.name().to_owned(), error };
    let is_taken = |outcome: &SinkOutcome| matches!(outcome.state, SinkState::Published(_));
    let is_of_sink = |outcome: &&SinkOutcome| outcome.sink == sink.name();
    let has_taken_any = reports.iter().flat_map(|report| &report.sinks).filter(is_of_sink).any(is_taken);
    for report in reports {
        let is_done = matches!(report.verdict, Verdict::Published | Verdict::AlreadyPublished);
        let Some(outcome) = report.sinks.iter_mut().find(|outcome| is_of_sink(&&**outcome)) else { continue };
        let has_failed = matches!(outcome.state, SinkState::Failed { .. });
        let fails = if has_taken_any { is_taken(outcome) } else { is_done && !has_failed };
        if !fails {
            continue;
        }
        outcome.state = state.clone();
        if outcome.required && is_done {
            report.fail(&error);
        }
    }
}
