//! Delivering complete lists once more, from the journal alone: what a sink has missed, without a call.

use std::sync::Arc;

use chrono::Utc;
use tokio_util::sync::CancellationToken;

use super::account::{AccountRun, Refusal};
use super::progress::Progress;
use super::run::{bind, share};
use super::run_context::RunContext;
use super::run_options::RunOptions;
use crate::config::{ConfigErrors, Pipeline, did_you_mean};
use crate::error::{Error, Exit};
use crate::journal::RunReports;
use crate::registry::{BoundSink, SinkRegistry};
use crate::report::{AccountReport, RunReport};

/// Delivers every complete list of the journal (of the options's date, if it has one) to the sinks that are named and
/// lack it; to all that lack it, if none is named. Of one date the newest list counts. No API call is made.
///
/// Whoever names a sink wants its list there: the replay fails with it, also where a run would not.
///
/// # Errors
///
/// [`ConfigErrors`] for a sink that the pipeline file has not, and for everything else that is wrong with the file. The
/// reports, one for each list, have the rest.
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
    let run = share(pipeline, &sinks, options, progress, stop)?;
    let mut reports = Vec::new();
    for unit in (0..run.units.len()).filter(|&unit| !run.units[unit].sinks.is_empty()) {
        let walks = walks_of(&run, unit).await?;
        for report in &walks {
            run.progress.units()[unit].finish(report);
        }
        reports.extend(walks);
    }
    let pipeline = &run.pipeline;
    let report = RunReport::new(pipeline, begun_at, reports);
    Ok(report.record(&RunReports::new(&pipeline.journal.path)))
}

/// Keeps the sinks that are named; all of them if none is.
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

/// Delivers the walks of one list of an account, oldest first; one that fails does not keep back the next.
async fn walks_of(run: &Arc<RunContext>, unit: usize) -> Result<Vec<AccountReport>, ConfigErrors> {
    let failed = |error: &Error| {
        let mut report = run.report(unit);
        report.fail(error);
        report
    };
    let walks = match AccountRun::replays(run, unit) {
        Ok(walks) => walks,
        Err(error) => return Ok(vec![failed(&error)]),
    };
    let mut reports = Vec::new();
    for walk in walks {
        let report = match walk.check().await {
            Ok(()) => walk.run().await,
            Err(Refusal::Pipeline(errors)) => return Err(errors),
            Err(Refusal::Account(error)) => failed(&error),
        };
        let is_interrupted = report.exit == Exit::Interrupted;
        reports.push(report);
        if is_interrupted {
            break;
        }
    }
    Ok(reports)
}
