//! Finds what can be removed from a pipeline's state, and removes it. What sinks have published
//! lies elsewhere and is not touched.
//!
//! Before it: [`ListFolder::prunable`] decides for each list. Behind it: `fanout prune` prints what
//! was found or removed.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::config::{Account, Pipeline};
use crate::engine::keys::{identity, lock_holder};
use crate::error::{Error, Exit};
use crate::journal::{HeldLocks, Identity, JournalError, ListFolder, ListState, Prunable, PruneReason, RunReports};
use crate::report::RunReport;
use crate::wechat::List;

/// What was removed from the state of a pipeline, or can be removed.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Pruning {
    /// The pipeline's name.
    pub pipeline: String,
    /// Whether it was removed; if not, it was only found.
    pub done: bool,
    /// The lists of the accounts that have something to remove, are locked or cannot be read,
    /// accounts in the order of the pipeline file.
    pub accounts: Vec<AccountPruning>,
    /// The reports of runs.
    pub reports: Vec<Prunable>,
}

/// What was removed from one list of one account, or from all of the account, or can be removed.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct AccountPruning {
    /// The account's name.
    pub account: String,
    /// The account's app id.
    pub app_id: String,
    /// The list's name; `None` for all that the state keeps of the account.
    pub list: Option<String>,
    /// The walks, and what crashes left of some, oldest first; for a whole account its lists,
    /// ledgers and locks.
    pub prunable: Vec<Prunable>,
    /// The process that holds the list's lock, or one of the account's; nothing is removed then.
    pub held_by: Option<String>,
    /// Why nothing was found, or not everything was removed, with the causes.
    pub error: Option<String>,
    /// What a person can do about it.
    pub hint: Option<String>,
}

impl Pruning {
    /// Returns the exit of `fanout prune`.
    pub fn exit(&self) -> Exit {
        let of_list = |account: &AccountPruning| match (&account.error, &account.held_by) {
            (Some(_), _) => Exit::Failed,
            (None, Some(_)) if self.done => Exit::Later,
            _ => Exit::Done,
        };
        self.accounts.iter().map(of_list).fold(Exit::Done, Exit::worst)
    }
}

/// Finds what can be removed from the state of `pipeline`, and with `remove` removes it, each list
/// under its lock. Reports of runs are included if they are older than `reports_older_than`; with
/// `None` they stay.
///
/// # Errors
///
/// [`JournalError::Io`] if the reports cannot be listed or removed. The error of a list is in its
/// [`AccountPruning`].
pub fn prune(pipeline: &Pipeline, remove: bool, reports_older_than: Option<Duration>) -> Result<Pruning, JournalError> {
    let (now, locks) = (pipeline.clock.now(), HeldLocks::read());
    let mut accounts = Vec::new();
    for account in &pipeline.accounts {
        for list in pipeline.lists() {
            let pruning = prune_list(pipeline, account, list, remove, &locks, now);
            if !pruning.prunable.is_empty() || pruning.held_by.is_some() || pruning.error.is_some() {
                accounts.push(pruning);
            }
        }
    }
    let reports = match reports_older_than {
        Some(age) => old_reports(pipeline, remove, now - age)?,
        None => Vec::new(),
    };
    Ok(Pruning { pipeline: pipeline.name.clone(), done: remove, accounts, reports })
}

fn prune_list(
    pipeline: &Pipeline,
    account: &Account,
    list: List,
    remove: bool,
    locks: &HeldLocks,
    now: DateTime<Utc>,
) -> AccountPruning {
    let identity = identity(pipeline, account, list);
    let folder = ListFolder::new(&pipeline.journal.path, identity.clone());
    let mut pruning = AccountPruning {
        account: account.name.clone(),
        app_id: account.app_id.clone(),
        list: Some(list.name().to_owned()),
        prunable: Vec::new(),
        // A holder that cannot be looked up is met when the lock is taken.
        held_by: folder.lock_holder(locks).process(),
        error: None,
        hint: None,
    };
    let done = match (&pruning.held_by, remove) {
        (Some(_), _) => Ok(()),
        // Only if there is state: taking the lock would create a folder.
        (None, true) if folder.exists() => remove_under_lock(pipeline, identity, list, now, &mut pruning.prunable),
        (None, _) => prunable(pipeline, &folder, list, now).map(|prunable| pruning.prunable = prunable),
    };
    match done {
        Ok(()) => {}
        Err(JournalError::Locked { holder, .. }) => pruning.held_by = Some(holder),
        Err(error) => {
            let error = Error::from(error);
            (pruning.error, pruning.hint) = (Some(error.chain()), error.hint());
        }
    }
    pruning
}

fn prunable(
    pipeline: &Pipeline,
    folder: &ListFolder,
    list: List,
    now: DateTime<Utc>,
) -> Result<Vec<Prunable>, JournalError> {
    folder.prunable(pipeline.journal.keep, pipeline.resume_within(list), now)
}

/// Removes what can be removed from a list, and adds each item to `removed`.
fn remove_under_lock(
    pipeline: &Pipeline,
    identity: Identity,
    list: List,
    now: DateTime<Utc>,
    removed: &mut Vec<Prunable>,
) -> Result<(), JournalError> {
    let state = ListState::open(&pipeline.journal.path, identity, &lock_holder(pipeline))?;
    for item in prunable(pipeline, &state, list, now)? {
        if state.remove(&item.path)? {
            removed.push(item);
        }
    }
    Ok(())
}

/// Returns the reports of this pipeline's runs that began before `before`, and with `remove`
/// removes them.
fn old_reports(pipeline: &Pipeline, remove: bool, before: DateTime<Utc>) -> Result<Vec<Prunable>, JournalError> {
    let reports = RunReports::new(&pipeline.journal.path);
    let mut prunable = Vec::new();
    for run in reports.names()? {
        // A report that cannot be read may be another pipeline's: it stays.
        let Ok(Some(report)) = reports.read::<RunReport>(&run) else { continue };
        if report.pipeline == pipeline.name && report.begun_at < before {
            let path = reports.path(&run);
            let bytes = std::fs::metadata(&path).map_or(0, |file| file.len());
            if remove {
                reports.remove(&run)?;
            }
            prunable.push(Prunable { path, bytes, why: PruneReason::OldReport });
        }
    }
    Ok(prunable)
}
