//! A run: every account of a pipeline file, once.

use std::cmp::Reverse;
use std::sync::Arc;

use chrono::Utc;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::bind::bind;
use super::progress::Progress;
use super::run_context::RunContext;
use super::run_options::RunOptions;
use super::unit::{Refusal, UnitRun};
use crate::config::Pipeline;
use crate::error::Error;
use crate::journal::RunReports;
use crate::registry::SinkRegistry;
use crate::report::{AccountReport, RunReport};

/// Finds out what would keep a run from its end, without any API call; changes nothing but the state folders that it
/// creates.
///
/// # Errors
///
/// [`ConfigErrors`] for what is wrong with the pipeline file. The reports say what stands in the way of each account.
pub async fn check(pipeline: Pipeline, registry: &SinkRegistry, options: RunOptions) -> Result<RunReport, Error> {
    let begun_at = Utc::now();
    let progress = Arc::new(Progress::new(&pipeline));
    let planned = Planned::new(pipeline, registry, options, progress, CancellationToken::new()).await?;
    let reports = planned.accounts.into_iter().map(|account| match account {
        Ok(account) => account.preview(),
        Err(report) => *report,
    });
    Ok(RunReport::new(&planned.run.pipeline, begun_at, reports.collect()))
}

/// Runs every account of `pipeline`, several at once, and reports on all of them.
///
/// `stop` ends the walks between two pages; what they have is kept, and the next run goes on from it.
///
/// # Errors
///
/// [`Error`] for what is found before the first API call and concerns every account; the reports have the rest.
pub async fn run(
    pipeline: Pipeline,
    registry: &SinkRegistry,
    options: RunOptions,
    progress: Arc<Progress>,
    stop: CancellationToken,
) -> Result<RunReport, Error> {
    let begun_at = Utc::now();
    let planned = Planned::new(pipeline, registry, options, progress, stop).await?;
    let places = Arc::new(Semaphore::new(planned.run.pipeline.limits.accounts));
    let mut reports: Vec<Option<AccountReport>> = Vec::new();
    let mut waiting = Vec::new();
    for (index, account) in planned.accounts.into_iter().enumerate() {
        match account {
            Err(report) => reports.push(Some(*report)),
            Ok(account) => {
                reports.push(None);
                waiting.push((index, account));
            }
        }
    }
    // Longest first: a long list that begins last is what everybody waits for in the end.
    waiting.sort_by_key(|(_, account)| Reverse(account.expected_calls()));
    let mut running = JoinSet::new();
    for (index, account) in waiting {
        let place = Arc::clone(&places).acquire_owned().await;
        let context = account.context();
        let span = tracing::info_span!("account", account = context.account().name, list = context.list().name());
        let work = async move {
            let _place = place;
            (index, account.run().await)
        };
        running.spawn(work.instrument(span));
    }
    while let Some(finished) = running.join_next().await {
        match finished {
            Ok((index, report)) => reports[index] = Some(report),
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
    let pipeline = &planned.run.pipeline;
    let report = RunReport::new(pipeline, begun_at, reports.into_iter().flatten().collect());
    Ok(report.record(&RunReports::new(&pipeline.journal.path)))
}

/// A run in which everything is checked and no API call was made.
struct Planned {
    run: Arc<RunContext>,
    /// One for each unit; for some there is already nothing but a report of what failed.
    accounts: Vec<Result<UnitRun, Box<AccountReport>>>,
}

impl Planned {
    async fn new(
        pipeline: Pipeline,
        registry: &SinkRegistry,
        options: RunOptions,
        progress: Arc<Progress>,
        stop: CancellationToken,
    ) -> Result<Self, Error> {
        let sinks = bind(&pipeline, registry)?;
        let run = RunContext::new(pipeline, &sinks, options, progress, stop)?;
        let mut accounts = Vec::new();
        for unit in 0..run.units.len() {
            accounts.push(match Self::account(&run, unit).await {
                Ok(account) => Ok(account),
                Err(Refusal::Pipeline(errors)) => return Err(errors.into()),
                Err(Refusal::Unit(error)) => Err(refused(&run, unit, &error)),
            });
        }
        Ok(Self { run, accounts })
    }

    async fn account(run: &Arc<RunContext>, unit: usize) -> Result<UnitRun, Refusal> {
        let account = UnitRun::plan(run, unit)?;
        account.check().await?;
        Ok(account)
    }
}

/// Reports that a list fails before its first call.
fn refused(run: &RunContext, unit: usize, error: &Error) -> Box<AccountReport> {
    let mut report = run.report(unit);
    report.fail(error);
    run.progress.units()[unit].finish(&report);
    run.note(&report);
    Box::new(report)
}
