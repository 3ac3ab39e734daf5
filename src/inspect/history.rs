//! The results of earlier runs, read from their reports.
//!
//! Before it: [`RunReports`] finds the files. Behind it: `fanout history` and `fanout report`.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::causes::error_chain;
use crate::config::{Account, Pipeline};
use crate::journal::{JournalError, RunReports};
use crate::report::{AccountReport, RunReport};

/// The results of a pipeline's runs for one account.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct History {
    /// The pipeline's name.
    pub pipeline: String,
    /// The account's name in the pipeline file.
    pub account: String,
    /// The account's app id.
    pub app_id: String,
    /// The runs, oldest first. A run with several results for the account is there once for each.
    pub runs: Vec<PastRun>,
}

/// The result of one run for one list of the account.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PastRun {
    /// The name of the run.
    pub run: Option<String>,
    /// When the run began, in UTC: `2026-01-31T02:00:00Z`.
    pub begun_at: DateTime<Utc>,
    /// The result.
    #[serde(flatten)]
    pub report: AccountReport,
}

/// Reads the reports of the runs of `pipeline`, oldest first, and one at a time: with thousands of
/// accounts each takes some megabytes. A report that cannot be read is skipped with a warning.
///
/// # Errors
///
/// [`JournalError::Io`] if the folder of the reports cannot be listed.
pub fn past_runs(pipeline: &Pipeline) -> Result<impl Iterator<Item = RunReport>, JournalError> {
    let reports = RunReports::new(&pipeline.journal.path);
    let names = reports.names()?;
    let read = move |run: String| {
        reports.read::<RunReport>(&run).unwrap_or_else(|error| {
            tracing::warn!(error = error_chain(&error), "a report that cannot be read is skipped");
            None
        })
    };
    Ok(names.into_iter().filter_map(read).filter(|report| report.pipeline == pipeline.name))
}

/// Returns the results of the runs of `pipeline` for `account`. The account is found by its app id,
/// because its name may have changed.
///
/// # Errors
///
/// As [`past_runs`].
pub fn history(pipeline: &Pipeline, account: &Account) -> Result<History, JournalError> {
    let mut runs = Vec::new();
    for run in past_runs(pipeline)? {
        for report in run.accounts.into_iter().filter(|report| report.app_id == account.app_id) {
            runs.push(PastRun { run: run.run.clone(), begun_at: run.begun_at, report });
        }
    }
    let (account, app_id) = (account.name.clone(), account.app_id.clone());
    Ok(History { pipeline: pipeline.name.clone(), account, app_id, runs })
}
