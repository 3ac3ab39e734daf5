//! `fanout check`: finds what would make a run fail. `engine` tries it.

use clap::Args;

use super::arguments::{DateArguments, PipelineArguments};
use super::output::Terminal;
#[cfg(feature = "simulator")]
use super::simulate;
use super::{findings, summary};
use crate::config::{Environment, Pipeline};
use crate::engine;
use crate::error::{Error, Exit};
use crate::registry::SinkRegistry;

/// Arguments of `fanout check`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CheckArguments {
    #[command(flatten)]
    pipeline: PipelineArguments,
    #[command(flatten)]
    date: DateArguments,
    /// Also try token, remaining calls and one page of each account, and write where a run will
    /// write
    #[arg(long)]
    connect: bool,
    /// With `--connect`: fetch no page, which would be one of today's calls
    #[arg(long, requires = "connect")]
    no_calls: bool,
}

const EXAMPLES: &str = "\
Examples:
  fanout check pipelines/followers.toml                           without any API call
  fanout check pipelines/followers.toml --connect                 also tries token, quota, a page, folders, disks, clock; with hints
  fanout check pipelines/followers.toml --account brand --set journal.path=/data/state";

/// Checks a pipeline file, its sinks and its state.
pub(super) async fn execute(
    arguments: &CheckArguments,
    registry: &SinkRegistry,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Error> {
    let pipeline = arguments.pipeline.load(environment, registry)?;
    if arguments.connect {
        return connect(arguments, pipeline, registry, terminal).await;
    }
    let warnings = engine::reader_warnings(&pipeline, registry)?;
    let report = engine::check(pipeline, registry, arguments.date.run_options()).await?;
    terminal.result(&if arguments.pipeline.json {
        summary::json(&report)
    } else {
        summary::of_check(&report, terminal.width())
    });
    for (sink, warning) in &warnings {
        terminal.warning(&format!("sink `{sink}`: {}", warning.message), &warning.hint);
    }
    summary::print_failures(&report, terminal);
    Ok(report.exit)
}

/// Tries what a run will need.
async fn connect(
    arguments: &CheckArguments,
    pipeline: Pipeline,
    registry: &SinkRegistry,
    terminal: &Terminal,
) -> Result<Exit, Error> {
    #[cfg(feature = "simulator")]
    let (pipeline, _simulator) = simulate::stand_in(pipeline).await?;
    let options = arguments.date.run_options();
    let report = engine::check_connected(pipeline, registry, options, !arguments.no_calls).await?;
    terminal.result(&if arguments.pipeline.json {
        summary::json(&report)
    } else {
        findings::render(&report, terminal.width())
    });
    Ok(report.exit)
}
