//! The folders that a run will write in.
//!
//! Before it: [`check`](crate::engine::check) has tried them, as a run does. Behind it: a
//! [finding](super::finding) for each; [`disk_space`](super::disk_space) takes the same [`Place`]s.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fanout_sink::SinkContext;
use fanout_sink::files::{Refusal, Trial, Trials, nearest_existing};
use rustix::fs::{Access, access};

use super::finding::{Check, Finding};
use crate::config::RUNS;
use crate::engine::run_context::RunContext;
use crate::error::Exit;
use crate::journal::JournalError;
use crate::registry::BoundSink;

/// Where the lists of a run go.
pub(super) struct Place {
    /// The sink; `None` for the journal.
    pub(super) sink: Option<usize>,
    pub(super) path: PathBuf,
}

impl Place {
    /// Returns the places of a pipeline on this machine: its journal, and the roots of its sinks.
    pub(super) fn all(run: &RunContext, sinks: &[BoundSink]) -> Vec<Self> {
        let mut places = vec![Self { sink: None, path: run.pipeline.journal.path.clone() }];
        for (index, sink) in sinks.iter().enumerate() {
            // Roots do not depend on the account: any name will do.
            let context = SinkContext::new("any", "any", Arc::clone(sink.schema()))
                .with_directory(&run.pipeline.directory)
                .with_simulated(run.pipeline.simulated_by_flag);
            let roots = sink.roots().into_iter().map(|root| context.output_root(&root));
            let paths = roots.filter_map(|root| root.as_path().map(Path::to_owned));
            places.extend(paths.map(|path| Self { sink: Some(index), path }));
        }
        places
    }

    /// Returns the folder that exists of the place: itself, or the one in which it will be made.
    pub(super) fn folder(&self) -> Option<PathBuf> {
        let (nearest, metadata) = nearest_existing(&self.path).ok()?;
        // A single file is made beside the one that is there.
        if metadata.is_dir() { Some(nearest) } else { nearest.parent().map(Path::to_owned) }
    }
}

/// Makes the findings on the journal and on each sink; `trials` are those of the check.
pub(super) fn findings(run: &RunContext, sinks: &[BoundSink], trials: &Trials) -> Vec<Finding> {
    let mut findings = vec![journal(run)];
    findings.extend(sinks.iter().map(|sink| of_sink(sink, trials)));
    findings
}

/// Makes the finding on the journal. The state of a list is opened as a run does.
fn journal(run: &RunContext) -> Finding {
    let path = &run.pipeline.journal.path;
    for unit in 0..run.units.len() {
        if let Err(error @ JournalError::Io { .. }) = run.state(unit) {
            return Finding::of(Check::Journal, &error.into());
        }
    }
    let reports = path.join(RUNS);
    let is_writable =
        nearest_existing(&reports).and_then(|(nearest, _)| Ok(access(&nearest, Access::WRITE_OK | Access::EXEC_OK)?));
    if let Err(error) = is_writable {
        let found = format!("the reports of runs cannot be written in `{}`: {error}", reports.display());
        return Finding::warning(Check::Journal, found).with_hint(
            "a run publishes all the same, and `history` will lack it; make the folder writable for this user",
        );
    }
    let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
    let path = path.display();
    if run.journal_trials.is_empty() {
        return Finding::ok(Check::Journal, format!("`{path}` was not tried: other runs hold its lists"));
    }
    Finding::ok(Check::Journal, format!("a walk was written, synced and moved in `{path}`"))
}

/// Makes the finding on the folders of a sink.
fn of_sink(sink: &BoundSink, trials: &Trials) -> Finding {
    let name = sink.name();
    if let Some(Refusal { problem, hint }) = trials.refused(name) {
        let finding = Finding::error(Check::Sink, Exit::Failed, format!("`{name}`: {problem}"));
        return Finding { hint, ..finding };
    }
    if let Some(finding) = in_store(name, trials) {
        return finding;
    }
    let tried: Vec<String> = trials.succeeded(name).iter().map(words).collect();
    if tried.is_empty() {
        return Finding::ok(Check::Sink, format!("`{name}`: it has tried no folder; `state` has what it says itself"));
    }
    Finding::ok(Check::Sink, format!("`{name}`: {}", tried.join("; ")))
}

/// Makes the finding on the object store of a sink; `None` if it writes to none.
#[cfg(feature = "object-store")]
fn in_store(name: &str, trials: &Trials) -> Option<Finding> {
    let probed = trials.probed(name).into_iter().next()?;
    let conditions = if probed.is_conditional {
        "the store keeps conditions"
    } else {
        "the store keeps no conditions, so the last of several publishers of a list wins"
    };
    let found = format!("`{name}`: an object was written, completed and deleted in `{}`; {conditions}", probed.root);
    Some(Finding::ok(Check::Sink, found).with_hint(
        "a killed run leaves parts in the bucket, which nobody sees and which cost storage: let a lifecycle rule of the bucket \
         abort incomplete uploads after a few days",
    ))
}

#[cfg(not(feature = "object-store"))]
fn in_store(_name: &str, _trials: &Trials) -> Option<Finding> {
    None
}

fn words(trial: &Trial) -> String {
    let (moved, staging, home) = (trial.moved.as_str(), trial.staging.display(), trial.home.display());
    if trial.staging == trial.home {
        format!("{moved} was written, synced and moved in `{home}`")
    } else {
        format!("{moved} was written and synced in `{staging}`, and moved to `{home}`")
    }
}
