//! What the accounts of a run share.

use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

use super::budget::Budget;
use super::progress::Progress;
use super::run_options::RunOptions;
use super::slots::Slots;
use crate::config::Pipeline;
use crate::error::Error;
use crate::report::{AccountReport, Verdict};
use crate::source::Client;

/// What the accounts of a run share.
#[derive(Debug)]
pub(super) struct RunContext {
    pub(super) pipeline: Pipeline,
    /// Those of `pipeline`, for the sinks.
    pub(super) account_names: Arc<[String]>,
    pub(super) client: Client,
    pub(super) budget: Budget,
    pub(super) slots: Slots,
    pub(super) progress: Arc<Progress>,
    /// Ends the walks between two pages.
    pub(super) stop: CancellationToken,
    pub(super) options: RunOptions,
    /// The account that ended the run by failing, where the first one does.
    pub(super) failed_first: OnceLock<String>,
}

impl RunContext {
    /// Waits for something, unless the run is to stop.
    pub(super) async fn or_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, Error> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Error::Interrupted),
            result = work => Ok(result),
        }
    }

    /// Looks at what came of an account: under `--fail-fast`, the first one that fails stops the others.
    pub(super) fn note(&self, report: &AccountReport) {
        if self.options.fail_fast
            && report.verdict == Verdict::Failed
            && !self.stop.is_cancelled()
            && self.failed_first.set(report.account.clone()).is_ok()
        {
            tracing::warn!(
                account = report.account,
                "the account failed; the others stop, for `--fail-fast` was asked for"
            );
            self.stop.cancel();
        }
    }

    /// Tells apart why an account was stopped: by a person, or by another account.
    pub(super) fn why_stopped(&self, error: Error) -> Error {
        match (error, self.failed_first.get()) {
            (Error::Interrupted, Some(account)) => Error::FailedFast { account: account.clone() },
            (error, _) => error,
        }
    }
}
