//! Delivers complete lists from the journal alone, without a call, to sinks that lack them.
//!
//! Before it: `cli`. Behind it: a [`UnitRun`] for each decided walk, one after another.

use std::sync::Arc;

use chrono::Utc;
use tokio_util::sync::CancellationToken;

use super::bind::bind;
use super::progress::Progress;
use super::run_context::RunContext;
use super::run_options::RunOptions;
use super::unit::{Refusal, UnitRun};
use crate::config::{ConfigErrors, Pipeline, did_you_mean};
use crate::error::{Error, Exit};
use crate::registry::{BoundSink, SinkRegistry};
use crate::report::{AccountReport, RunReport};

/// Delivers the newest complete list of each date to the sinks in `names` that lack it, or to all
/// that lack it if `names` is empty. With a date in `options`, only the list of that date. Makes no
/// API call.
///
/// Every sink counts as required: if one fails, the replay fails, also where a run would not.
///
/// # Errors
///
/// [`ConfigErrors`] for a name that is not in the pipeline file, and for everything else that is
/// wrong with the file. The reports, one for each walk, have the rest.
pub async fn replay(
    pipeline: Pipeline,
    registry: &SinkRegistry,
    names: &[String],
    options: RunOptions,
    progress: Arc<Progress>,
    stop: CancellationToken,
) -> Result<RunReport, Error> {
    let begun_at = Utc::now();
    let sinks = select(bind(&pipeline, registry)?, names, &pipeline)?;
    let run = RunContext::new(pipeline, &sinks, options, progress, stop)?;
    let units: Vec<usize> = (0..run.units.len()).filter(|&unit| !run.units[unit].sinks.is_empty()).collect();
    let known = units.iter().map(|&unit| run.report(unit).cut_off(run.options.how_to_go_on()));
    let begun = RunReport::begin(&run.pipeline, begun_at, known.collect());
    let mut reports = Vec::new();
    for unit in units {
        let walks = walks_of(&run, unit).await?;
        for report in &walks {
            run.progress.units()[unit].finish(report);
        }
        reports.extend(walks);
    }
    let pipeline = &run.pipeline;
    let report = RunReport::new(pipeline, begun_at, reports);
    Ok(report.record(begun, pipeline))
}

/// Returns the sinks in `names`, as required ones; all of them if `names` is empty.
fn select(sinks: Vec<BoundSink>, names: &[String], pipeline: &Pipeline) -> Result<Vec<BoundSink>, ConfigErrors> {
    let known: Vec<&str> = sinks.iter().map(BoundSink::name).collect();
    let unknown = names.iter().filter(|name| !known.contains(&name.as_str()));
    let problems = unknown.map(|name| {
        let hint = did_you_mean(name, &known);
        let message =
            format!("found no sink `{name}`, which `--sink` asks for; expected one of `{}`{hint}", known.join("`, `"));
        pipeline.problem("sinks", message)
    });
    ConfigErrors::check(problems.collect(), Some(()))?;
    let is_selected = |sink: &BoundSink| names.is_empty() || names.iter().any(|name| name == sink.name());
    Ok(sinks.into_iter().filter(is_selected).map(BoundSink::into_required).collect())
}

/// Delivers the walks of one unit, oldest first. After one that fails comes the next.
async fn walks_of(run: &Arc<RunContext>, unit: usize) -> Result<Vec<AccountReport>, ConfigErrors> {
    let failed = |error: &Error| {
        let mut report = run.report(unit);
        report.fail(error);
        report
    };
    let walks = match UnitRun::replays(run, unit) {
        Ok(walks) => walks,
        Err(error) => return Ok(vec![failed(&error)]),
    };
    let mut reports = Vec::new();
    for walk in walks {
        let report = match walk.check().await {
            Ok(()) => walk.run().await,
            Err(Refusal::Pipeline(errors)) => return Err(errors),
            Err(Refusal::Unit(error)) => failed(&error),
        };
        let is_interrupted = report.exit == Exit::Interrupted;
        reports.push(report);
        if is_interrupted {
            break;
        }
    }
    Ok(reports)
}
