//! A run: every list of every account of a pipeline file, once.
//!
//! Before it: `cli`. Behind it: a [`UnitRun`] for each list of each account, all of them planned
//! before the first API call, and then the report of the run.

use std::cmp::Reverse;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use fanout_sink::files::Trials;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::at_once::at_once;
use super::bind::bind;
use super::progress::Progress;
use super::run_context::RunContext;
use super::run_options::RunOptions;
use super::unit::UnitRun;
use crate::config::Pipeline;
use crate::error::Error;
use crate::registry::SinkRegistry;
use crate::report::{AccountReport, RunReport};
use crate::wechat::date_in_beijing;

/// Finds what would make a run fail, without any API call. Changes nothing but the state folders,
/// which it creates.
///
/// # Errors
///
/// [`ConfigErrors`](crate::config::ConfigErrors) for what is wrong with the pipeline file. The
/// reports have what would make a single account fail.
pub async fn check(pipeline: Pipeline, registry: &SinkRegistry, options: RunOptions) -> Result<RunReport, Error> {
    Ok(check_with_trials(pipeline, registry, options).await?.0)
}

/// As [`check`]; also returns what the sinks of files have tried.
pub(super) async fn check_with_trials(
    pipeline: Pipeline,
    registry: &SinkRegistry,
    options: RunOptions,
) -> Result<(RunReport, Trials), Error> {
    let begun_at = pipeline.clock.now();
    let progress = Arc::new(Progress::new(&pipeline));
    let planned = Planned::new(pipeline, registry, options, progress, CancellationToken::new()).await?;
    let preview = |unit: Result<UnitRun, Box<AccountReport>>| async {
        match unit {
            Ok(unit) => unit.preview().await,
            Err(report) => vec![*report],
        }
    };
    let reports = at_once(planned.run.pipeline.limits.accounts, planned.units.into_iter().map(preview)).await;
    Ok((RunReport::new(&planned.run.pipeline, begun_at, reports.concat()), planned.run.trials.clone()))
}

/// Runs every account of `pipeline`, several at once, and reports on all of them.
///
/// # Errors
///
/// [`Error`] for what concerns every account and is found before the first API call. The reports
/// have everything else.
///
/// # Cancellation
///
/// `stop` ends the walks between two pages. The journals keep their pages, and the next run
/// continues from them.
pub async fn run(
    pipeline: Pipeline,
    registry: &SinkRegistry,
    options: RunOptions,
    progress: Arc<Progress>,
    stop: CancellationToken,
) -> Result<RunReport, Error> {
    let begun_at = pipeline.clock.now();
    let planned = Planned::new(pipeline, registry, options, progress, stop).await?;
    let how_to_go_on = planned.run.options.how_to_go_on();
    let known = planned.units.iter().flat_map(|unit| match unit {
        Ok(unit) => unit.planned().into_iter().map(|report| report.cut_off(how_to_go_on)).collect(),
        Err(report) => vec![AccountReport::clone(report)],
    });
    let begun = RunReport::begin(&planned.run.pipeline, begun_at, known.collect());
    let places = Arc::new(Semaphore::new(planned.run.pipeline.limits.accounts));
    let mut reports: Vec<Vec<AccountReport>> = Vec::new();
    let mut waiting = Vec::new();
    for (index, unit) in planned.units.into_iter().enumerate() {
        match unit {
            Err(report) => reports.push(vec![*report]),
            Ok(unit) => {
                reports.push(Vec::new());
                waiting.push((index, unit));
            }
        }
    }
    // The longest lists first: a long list that begins last would delay the end of the run.
    waiting.sort_by_key(|(_, unit)| Reverse(unit.expected_calls()));
    let mut running = JoinSet::new();
    for (index, unit) in waiting {
        let place = Arc::clone(&places).acquire_owned().await;
        let context = unit.context();
        let span = tracing::info_span!("account", account = context.account().name, list = context.list().name());
        let work = async move {
            let _place = place;
            (index, unit.run().await)
        };
        running.spawn(work.instrument(span));
    }
    while let Some(finished) = running.join_next().await {
        match finished {
            Ok((index, of_unit)) => reports[index] = of_unit,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
    let pipeline = &planned.run.pipeline;
    let report = RunReport::new(pipeline, begun_at, reports.concat());
    Ok(report.record(begun, pipeline))
}

/// A run in which every unit is planned and checked, and no API call was made.
struct Planned {
    run: Arc<RunContext>,
    /// One for each unit; `Err` is the report of a unit that has failed already.
    units: Vec<Result<UnitRun, Box<AccountReport>>>,
}

impl Planned {
    async fn new(
        pipeline: Pipeline,
        registry: &SinkRegistry,
        options: RunOptions,
        progress: Arc<Progress>,
        stop: CancellationToken,
    ) -> Result<Self, Error> {
        check_date(&options, pipeline.clock.now())?;
        let sinks = bind(&pipeline, registry)?;
        let run = RunContext::new(pipeline, &sinks, options, progress, stop)?;
        let mut units = Vec::new();
        for unit in 0..run.units.len() {
            units.push(match UnitRun::plan(&run, unit) {
                Ok(mut planned) => {
                    planned.check().await?;
                    Ok(planned)
                }
                Err(error) => Err(refused(&run, unit, &error)),
            });
        }
        Ok(Self { run, units })
    }
}

/// Returns an error if `--date` names a day that has not come.
fn check_date(options: &RunOptions, now: DateTime<Utc>) -> Result<(), Error> {
    let today = date_in_beijing(now);
    match options.date {
        Some(date) if date > today => Err(Error::FutureDate { date, today }),
        _ => Ok(()),
    }
}

/// Makes the report of a unit that fails before its first call.
fn refused(run: &RunContext, unit: usize, error: &Error) -> Box<AccountReport> {
    let mut report = run.report(unit);
    report.date = run.options.date;
    report.fail(error);
    run.progress.units()[unit].finish(std::slice::from_ref(&report));
    run.apply_fail_fast(&report);
    Box::new(report)
}
