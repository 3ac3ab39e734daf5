//! `fanout run`: every account of a pipeline file, once.

use std::sync::Arc;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::arguments::PipelineArguments;
use super::interrupt::{self, Signals};
use super::output::Terminal;
#[cfg(feature = "simulator")]
use super::simulate;
use super::{progress, summary};
use crate::SinkRegistry;
use crate::config::{Environment, Pipeline};
use crate::engine::{self, Outcome, Progress, RunReport, Selection};
use crate::error::{Error, Exit};

/// Arguments of `fanout run`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct RunArguments {
    #[command(flatten)]
    pipeline: PipelineArguments,
    /// Begin a new walk, even if there is one to finish or today's is published already
    #[arg(long)]
    fresh: bool,
    /// Deliver a list to a sink that cannot tell whether it has it: a state that was lost, and a mark that is gone
    #[arg(long)]
    again: bool,
}

const EXAMPLES: &str = "\
Examples:
  fanout run pipelines/demo.toml                                  23,000 made-up followers, no account needed
  fanout run pipelines/followers.toml                             the real lists
  fanout run pipelines/followers.toml --account brand --json      one account, for a machine to read
  fanout run pipelines/followers.toml --simulate 1_000_000        the same pipeline, made-up followers

A run that was cut off is continued by the same command.";

/// Runs a pipeline file.
pub(super) async fn execute(
    arguments: &RunArguments,
    registry: &SinkRegistry,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Error> {
    let pipeline = arguments.pipeline.load(environment)?;
    #[cfg(feature = "simulator")]
    let (pipeline, _simulator) = simulate::stand_in(pipeline).await?;

    let selection = arguments.pipeline.selection(arguments.fresh, arguments.again);
    let how_to_go_on = selection.how_to_go_on();
    let report = accompany(pipeline, registry, selection, terminal).await?;
    let text = if arguments.pipeline.json { summary::json(&report) } else { summary::of_run(&report) };
    if summary::has_rows_on_stdout(&report) {
        terminal.result_aside(&text);
    } else {
        terminal.result(&text);
    }
    summary::print_failures(&report, terminal);
    if report.accounts.iter().any(|account| account.outcome == Outcome::Interrupted) {
        terminal.note(how_to_go_on);
    }
    Ok(report.exit)
}

/// Runs a pipeline while its progress is shown and signals are heard.
async fn accompany(
    pipeline: Pipeline,
    registry: &SinkRegistry,
    selection: Selection,
    terminal: &Terminal,
) -> Result<RunReport, Error> {
    let stop = CancellationToken::new();
    let progress = Arc::new(Progress::new(&pipeline));
    let watching = interrupt::watch(Signals::catch(), stop.clone(), terminal.clone(), selection.how_to_go_on());
    let watching = tokio::spawn(watching);
    let showing = tokio::spawn(progress::show(Arc::clone(&progress), terminal.clone()));
    let result = engine::run(pipeline, registry, selection, progress, stop).await;
    watching.abort();
    showing.abort();
    // It was cancelled, which is what its error says; after this it draws nothing any more.
    let _ = showing.await;
    terminal.clear_bars();
    result
}
