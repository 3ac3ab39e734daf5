//! `fanout run`: reads the lists of a pipeline file's accounts once, and publishes them.
//! `engine` does it.

use std::sync::Arc;

use clap::Args;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::arguments::{DateArguments, PipelineArguments};
use super::interrupt::{self, Signals};
use super::output::Terminal;
#[cfg(feature = "simulator")]
use super::{night, simulate};
use super::{progress, summary};
use crate::config::Environment;
use crate::engine::{self, Progress, RunOptions};
use crate::error::{Error, Exit};
use crate::metrics::Metrics;
use crate::registry::SinkRegistry;
use crate::report::{RunReport, Verdict};

/// Arguments of `fanout run`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(after_help = EXAMPLES)]
pub(super) struct RunArguments {
    #[command(flatten)]
    pipeline: PipelineArguments,
    #[command(flatten)]
    date: DateArguments,
    /// Begin a new walk, even if there is one to finish or today's is published already
    #[arg(long)]
    fresh: bool,
    /// Deliver a list even if a topic has another one of its date, or cannot say whether it has
    /// this one
    #[arg(long)]
    again: bool,
    /// Let the changes of this run pass, even if they are more than `changes.max_change_percent`,
    /// or must begin anew because the list before is gone or damaged; also a list of tags that has
    /// none any more
    #[arg(long)]
    accept_change: bool,
    /// Stop all accounts as soon as one fails
    #[arg(long)]
    fail_fast: bool,
}

const EXAMPLES: &str = "\
Examples:
  fanout run pipelines/demo.toml                                  23,000 made-up followers, no account needed
  fanout run pipelines/followers.toml                             the real lists
  fanout run pipelines/followers.toml --account brand --json      one account, and the report as JSON
  fanout run pipelines/followers.toml --account 'brand-*'         the accounts that match a pattern
  fanout run pipelines/followers.toml --shard 0/4                 a quarter of the accounts; other machines read the rest
  fanout run pipelines/changes.toml --list changes                who came and who left, and no other list that sinks take
  fanout run pipelines/followers.toml --simulate 1_000_000        the same pipeline, made-up followers

The same command continues a run that was cut off.";

/// Runs a pipeline file.
pub(super) async fn execute(
    arguments: &RunArguments,
    registry: &SinkRegistry,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Error> {
    let pipeline = arguments.pipeline.load(environment, registry)?;
    #[cfg(feature = "simulator")]
    let (pipeline, _simulator) = {
        night::begin_next(&pipeline);
        simulate::stand_in(pipeline).await?
    };

    let options = RunOptions {
        fresh: arguments.fresh,
        again: arguments.again,
        accept_change: arguments.accept_change,
        fail_fast: arguments.fail_fast,
        ..arguments.date.run_options()
    };
    let how_to_go_on = options.how_to_go_on();
    let stdout_is_taken = engine::takes_stdout(&pipeline, registry);
    let progress = Arc::new(Progress::new(&pipeline));
    let metrics = Metrics::begin(&pipeline, Arc::clone(&progress)).await?;
    let span = tracing::info_span!("run", pipeline = pipeline.name);
    let report = accompany(progress, how_to_go_on, terminal, |progress, stop| {
        engine::run(pipeline, registry, options, progress, stop).instrument(span)
    });
    let report = report.await?;
    metrics.end(&report);
    summary::print_run(&report, &arguments.pipeline, stdout_is_taken, terminal);
    if report.accounts.iter().any(|account| account.verdict == Verdict::Interrupted) {
        terminal.note(how_to_go_on);
    }
    Ok(report.exit)
}

/// Does the work of a pipeline while its progress is shown and signals are handled.
pub(super) async fn accompany<Work: Future<Output = Result<RunReport, Error>>>(
    progress: Arc<Progress>,
    how_to_go_on: &'static str,
    terminal: &Terminal,
    work: impl FnOnce(Arc<Progress>, CancellationToken) -> Work,
) -> Result<RunReport, Error> {
    let stop = CancellationToken::new();
    let watching = interrupt::watch(Signals::catch(), stop.clone(), terminal.clone(), how_to_go_on);
    let watching = tokio::spawn(watching);
    let showing = tokio::spawn(progress::show(Arc::clone(&progress), terminal.clone()));
    let result = work(progress, stop).await;
    watching.abort();
    showing.abort();
    // The only error is that it was cancelled. After this, it draws no more.
    let _ = showing.await;
    terminal.clear_bars();
    result
}
