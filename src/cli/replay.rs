//! `fanout replay`: delivers from the journal what sinks lack. `engine` does it.

use std::sync::Arc;

use clap::Args;

use super::arguments::{DateArguments, PipelineArguments};
use super::output::Terminal;
use super::run::accompany;
use super::summary;
use crate::config::Environment;
use crate::engine::{self, Progress, RunOptions};
use crate::error::{Error, Exit};
use crate::registry::SinkRegistry;

/// Arguments of `fanout replay`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ReplayArguments {
    #[command(flatten)]
    pipeline: PipelineArguments,
    #[command(flatten)]
    date: DateArguments,
    /// Only to this sink of the file; may be repeated [default: every sink that lacks a list]
    #[arg(long = "sink", value_name = "NAME")]
    sinks: Vec<String>,
    /// Deliver a list even if a topic has another one of its date, or cannot say whether it has
    /// this one
    #[arg(long)]
    again: bool,
}

const EXAMPLES: &str = "\
The journal keeps the last complete lists of each account (`journal.keep`). No API call is made, not even for a token.

Examples:
  fanout replay pipelines/followers.toml                              what each sink lacks
  fanout replay pipelines/followers.toml --sink lake --sink lines     what these two lack
  fanout replay pipelines/followers.toml --date 2026-01-31            the list of that day only";

/// Delivers the lists of a pipeline file's accounts from the journal.
pub(super) async fn execute(
    arguments: &ReplayArguments,
    registry: &SinkRegistry,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Error> {
    let pipeline = arguments.pipeline.load_offline(environment)?;
    let options = RunOptions { again: arguments.again, ..arguments.date.run_options() };
    let how_to_go_on = options.how_to_go_on();
    let stdout_is_taken = engine::takes_stdout(&pipeline, registry);
    let progress = Arc::new(Progress::new(&pipeline));
    let report = accompany(progress, how_to_go_on, terminal, |progress, stop| {
        engine::replay(pipeline, registry, &arguments.sinks, options, progress, stop)
    });
    let report = report.await?;
    summary::print_run(&report, &arguments.pipeline, stdout_is_taken, terminal);
    Ok(report.exit)
}
