//! What earlier runs came to: the reports that lie beside the journals, read again.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::causes::error_chain;
use crate::config::{Account, Pipeline};
use crate::journal::{JournalError, RunReports};
use crate::report::{AccountReport, RunReport};

/// What the runs of a pipeline came to for one account.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct History {
    /// The pipeline's name.
    pub pipeline: String,
    /// The account's name in the pipeline file.
    pub account: String,
    /// The account's app id.
    pub app_id: String,
    /// The runs, oldest first; a replay of several lists is there once for each of them.
    pub runs: Vec<PastRun>,
}

/// What one run came to for one account.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PastRun {
    /// The name of the run.
    pub run: Option<String>,
    /// When the run began, in UTC: `2026-01-31T02:00:00Z`.
    pub begun_at: DateTime<Utc>,
    /// What came of the account.
    #[serde(flatten)]
    pub report: AccountReport,
}

/// Reads the reports of the runs of `pipeline`, oldest first, one at a time: of thousands of accounts each is some megabytes.
/// One that cannot be read is passed over with a warning.
///
/// # Errors
///
/// [`JournalError::Io`] if the folder of the reports cannot be listed.
pub fn past_runs(pipeline: &Pipeline) -> Result<impl Iterator<Item = RunReport>, JournalError> {
    let reports = RunReports::new(&pipeline.journal.path);
    let names = reports.names()?;
    let read = move |run: String| {
        reports.read::<RunReport>(&run).unwrap_or_else(|error| {
            tracing::warn!(error = error_chain(&error), "a report that cannot be read is passed over");
            None
        })
    };
    Ok(names.into_iter().filter_map(read).filter(|report| report.pipeline == pipeline.name))
}

/// Reads what the runs of `pipeline` came to for `account`, which is known by its app id: names change.
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
