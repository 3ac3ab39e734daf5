//! `fanout check`: what would keep a run from its end.

use clap::Args;

use super::arguments::{DateArguments, PipelineArguments};
use super::output::Terminal;
use super::summary;
use crate::SinkRegistry;
use crate::config::Environment;
use crate::engine;
use crate::error::{Error, Exit};

/// Arguments of `fanout check`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CheckArguments {
    #[command(flatten)]
    pipeline: PipelineArguments,
    #[command(flatten)]
    date: DateArguments,
}

const EXAMPLES: &str = "\
Examples:
  fanout check pipelines/followers.toml
  fanout check pipelines/followers.toml --account brand --set journal.path=/data/state";

/// Checks a pipeline file, its sinks and its state.
pub(super) async fn execute(
    arguments: &CheckArguments,
    registry: &SinkRegistry,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Error> {
    let pipeline = arguments.pipeline.load(environment)?;
    let report = engine::check(pipeline, registry, arguments.date.selection()).await?;
    terminal.result(&if arguments.pipeline.json { summary::json(&report) } else { summary::of_check(&report) });
    summary::print_failures(&report, terminal);
    Ok(report.exit)
}
