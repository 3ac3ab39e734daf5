//! A run: every list of every account of a pipeline file, once.
//!
//! Before it: `cli`. Behind it: a [`UnitRun`] for each list of each account, all of them planned
//! before the first API call, and then the report of the run.

use std::cmp::Reverse;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use fanout_sink::files::Trials;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::at_once::at_once;
use super::bind::bind;
use super::end_one_shot::end_one_shot_sinks;
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
    let preview = |unit: PlannedUnit| async {
        match unit {
            Ok(Some(unit)) => unit.preview().await,
            Ok(None) => Vec::new(),
            Err(report) => vec![*report],
        }
    };
    let reports = at_once(planned.run.pipeline.limits.accounts, planned.units.into_iter().map(preview)).await;
    let report = RunReport::new(&planned.run.pipeline, begun_at, reports.concat());
    Ok((report, planned.run.trials.clone()))
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
        Ok(unit) => unit.iter().flat_map(UnitRun::planned).map(|report| report.cut_off(how_to_go_on)).collect(),
        Err(report) => vec![AccountReport::clone(report)],
    });
    let begun = RunReport::begin(&planned.run.pipeline, begun_at, known.collect());
    let Planned { run, units } = planned;
    let mut reports = run_units(&run, units).await.concat();
    end_one_shot_sinks(&run, &mut reports).await;
    let pipeline = &run.pipeline;
    let report = RunReport::new(pipeline, begun_at, reports);
    Ok(report.record(begun, pipeline))
}

/// Runs the units, several at once, and returns the reports of each.
///
/// The longest lists come first: a long list that begins last would delay the end of the run. Lists
/// that rest on others come after all lists that do not, each as soon as the list on which it rests
/// has ended.
async fn run_units(run: &RunContext, units: Vec<PlannedUnit>) -> Vec<Vec<AccountReport>> {
    let mut reports: Vec<Vec<AccountReport>> = Vec::new();
    let mut waiting = Vec::new();
    for (index, unit) in units.into_iter().enumerate() {
        reports.push(match unit {
            Err(report) => vec![*report],
            Ok(unit) => {
                waiting.extend(unit.map(|unit| (index, unit)));
                Vec::new()
            }
        });
    }
    waiting.sort_by_key(|(index, unit)| (run.input_of(*index).is_some(), Reverse(unit.expected_calls())));
    let places = Arc::new(Semaphore::new(run.pipeline.limits.accounts));
    let mut running = JoinSet::new();
    let mut note = |ended: Result<_, JoinError>| match ended {
        Ok((index, of_unit)) => reports[index] = of_unit,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    };
    loop {
        let is_over = |unit: usize| run.progress.units()[unit].reports().is_some();
        let is_ready = |(index, _): &(usize, UnitRun)| run.input_of(*index).is_none_or(is_over);
        if let Some(next) = waiting.iter().position(is_ready) {
            let (index, unit) = waiting.remove(next);
            let place = Arc::clone(&places).acquire_owned().await;
            // A task that has ended keeps its memory until then.
            while let Some(ended) = running.try_join_next() {
                note(ended);
            }
            let context = unit.context();
            let span = tracing::info_span!("account", account = context.account().name, list = context.list().name());
            let work = async move {
                let _place = place;
                (index, unit.run().await)
            };
            running.spawn(work.instrument(span));
            continue;
        }
        match running.join_next().await {
            Some(ended) => note(ended),
            None => return reports,
        }
    }
}

/// A unit that is ready to run; `None` if there is nothing to do; `Err` is the report of one that
/// has failed already.
type PlannedUnit = Result<Option<UnitRun>, Box<AccountReport>>;

/// A run in which every unit is planned and checked, and no API call was made.
struct Planned {
    run: Arc<RunContext>,
    /// In the order of the run's units.
    units: Vec<PlannedUnit>,
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
                Ok(Some(mut planned)) => {
                    planned.check().await?;
                    Ok(Some(planned))
                }
                Ok(None) => {
                    run.progress.units()[unit].finish(&[]);
                    Ok(None)
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
