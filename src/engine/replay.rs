//! Delivers complete lists from the journal alone, without a call, to sinks that lack them.
//!
//! Before it: `cli`. Behind it: a [`UnitRun`] for each decided walk, one after another.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::bind::bind;
use super::end_one_shot::end_one_shot_sinks;
use super::progress::Progress;
use super::run_context::RunContext;
use super::run_options::RunOptions;
use super::unit::UnitRun;
use crate::config::{ConfigErrors, Pipeline, did_you_mean};
use crate::error::Error;
use crate::registry::{BoundSink, SinkRegistry};
use crate::report::{AccountReport, RunReport};

/// Delivers the newest complete list of each date to the sinks in `names` that lack it, or to all
/// that lack it if `names` is empty; one-shot sinks lack none, and get it if they are named. With a
/// date in `options`, only the list of that date. Makes no API call.
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
    let begun_at = pipeline.clock.now();
    let sinks = select(bind(&pipeline, registry)?, names, &pipeline)?;
    let run = RunContext::new(pipeline, &sinks, options, progress, stop)?;
    let units: Vec<usize> = (0..run.units.len()).filter(|&unit| !run.units[unit].sinks.is_empty()).collect();
    let mut planned = Vec::new();
    for unit in units {
        planned.push(plan(&run, unit).await?);
    }
    let how_to_go_on = run.options.how_to_go_on();
    let known = planned.iter().flat_map(|unit| match unit {
        Ok(walks) => walks.planned().into_iter().map(|report| report.cut_off(how_to_go_on)).collect(),
        Err(report) => vec![AccountReport::clone(report)],
    });
    let begun = RunReport::begin(&run.pipeline, begun_at, known.collect());
    let mut reports = Vec::new();
    for unit in planned {
        match unit {
            // Boxed: a walk is large, and callers hold the future of a replay.
            Ok(walks) => reports.extend(Box::pin(walks.run()).await),
            Err(report) => reports.push(*report),
        }
    }
    end_one_shot_sinks(&run, &mut reports).await;
    let pipeline = &run.pipeline;
    let report = RunReport::new(pipeline, begun_at, reports);
    Ok(report.record(begun, pipeline))
}

/// Returns the sinks in `names`, as required ones; if `names` is empty, all but the one-shot ones.
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
    if names.is_empty() && sinks.iter().all(BoundSink::is_one_shot) {
        let message = format!(
            "found only sinks that lack no list, because each run delivers anew: `{}`; name one with `--sink`",
            known.join("`, `")
        );
        return Err(pipeline.problem("sinks", message).into());
    }
    let is_named = |sink: &BoundSink| names.iter().any(|name| name == sink.name());
    let is_selected = |sink: &BoundSink| if names.is_empty() { !sink.is_one_shot() } else { is_named(sink) };
    Ok(sinks.into_iter().filter(is_selected).map(BoundSink::into_required).collect())
}

/// Plans the delivery of the walks of one unit, oldest first; `Err` is the report of a unit that
/// has failed already.
async fn plan(run: &Arc<RunContext>, unit: usize) -> Result<Result<UnitRun, Box<AccountReport>>, ConfigErrors> {
    match UnitRun::replays(run, unit) {
        Ok(mut walks) => {
            walks.check().await?;
            Ok(Ok(walks))
        }
        Err(error) => {
            let mut report = run.report(unit);
            report.date = run.options.date;
            report.fail(&error);
            run.progress.units()[unit].finish(std::slice::from_ref(&report));
            Ok(Err(Box::new(report)))
        }
    }
}
