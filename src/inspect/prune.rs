//! What of a pipeline's state can go, and its removal. What sinks have published lies elsewhere and is never looked at.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::config::{Account, Pipeline};
use crate::engine::keys::{identity, lock_holder};
use crate::error::{Error, Exit};
use crate::journal::{HeldLocks, Identity, JournalError, ListFolder, ListState, Prunable, PruneReason, RunReports};
use crate::report::RunReport;
use crate::wechat::List;

/// What goes, or would go.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Pruning {
    /// The pipeline's name.
    pub pipeline: String,
    /// Whether it is gone; else it was only looked what could go.
    pub done: bool,
    /// The accounts of which there is something to say, in the order of the pipeline file.
    pub accounts: Vec<AccountPruning>,
    /// Reports of runs.
    pub reports: Vec<Prunable>,
}

/// What goes of one account, or would go.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct AccountPruning {
    /// The account's name.
    pub account: String,
    /// The list's name.
    pub list: String,
    /// Its walks and what is left of some, oldest first.
    pub prunable: Vec<Prunable>,
    /// What the process says of itself that is at work on the account: nothing of it is touched then.
    pub held_by: Option<String>,
    /// Why it cannot be told, or was not removed, with the causes.
    pub error: Option<String>,
    /// What a person can do about it.
    pub hint: Option<String>,
}

impl Pruning {
    /// Returns what a process ends with that was asked for this.
    pub fn exit(&self) -> Exit {
        let of_account = |account: &AccountPruning| match (&account.error, &account.held_by) {
            (Some(_), _) => Exit::Failed,
            (None, Some(_)) if self.done => Exit::Later,
            _ => Exit::Done,
        };
        self.accounts.iter().map(of_account).fold(Exit::Done, Exit::worst)
    }
}

/// Looks what of the state of `pipeline` can go, and removes it if `remove` says so: each account under its lock. Reports of
/// runs go when they are older than `reports_older_than`, and stay without it.
///
/// # Errors
///
/// [`JournalError::Io`] if the reports cannot be listed or removed. What is wrong with an account is said there.
pub fn prune(pipeline: &Pipeline, remove: bool, reports_older_than: Option<Duration>) -> Result<Pruning, JournalError> {
    let (now, locks) = (Utc::now(), HeldLocks::read());
    let accounts = pipeline.accounts.iter().flat_map(|account| {
        let locks = &locks;
        pipeline.lists().into_iter().map(move |list| prune_list(pipeline, account, list, remove, locks, now))
    });
    let accounts =
        accounts.filter(|account| !account.prunable.is_empty() || account.held_by.is_some() || account.error.is_some());
    let accounts = accounts.collect();
    let reports = match reports_older_than {
        Some(age) => reports(pipeline, remove, now - age)?,
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
        list: list.name().to_owned(),
        prunable: Vec::new(),
        held_by: folder.holder(locks),
        error: None,
        hint: None,
    };
    let done = match (&pruning.held_by, remove) {
        (Some(_), _) => Ok(()),
        // Where there is nothing, nothing is created.
        (None, true) if folder.bytes() > 0 => under_lock(pipeline, identity, now, &mut pruning.prunable),
        (None, _) => prunable(pipeline, &folder, now).map(|prunable| pruning.prunable = prunable),
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

fn prunable(pipeline: &Pipeline, folder: &ListFolder, now: DateTime<Utc>) -> Result<Vec<Prunable>, JournalError> {
    folder.prunable(pipeline.journal.keep, pipeline.journal.resume_within, now)
}

/// Removes what can go of an account, and notes each in `gone`.
fn under_lock(
    pipeline: &Pipeline,
    identity: Identity,
    now: DateTime<Utc>,
    gone: &mut Vec<Prunable>,
) -> Result<(), JournalError> {
    let state = ListState::open(&pipeline.journal.path, identity, &lock_holder(pipeline))?;
    for item in prunable(pipeline, &state, now)? {
        state.remove(&item.path)?;
        gone.push(item);
    }
    Ok(())
}

/// Finds the reports of this pipeline's runs that began before `before`.
fn reports(pipeline: &Pipeline, remove: bool, before: DateTime<Utc>) -> Result<Vec<Prunable>, JournalError> {
    let reports = RunReports::new(&pipeline.journal.path);
    let mut prunable = Vec::new();
    for run in reports.names()? {
        // One that cannot be read might be of another pipeline.
        let Ok(Some(report)) = reports.read::<RunReport>(&run) else { continue };
        let is_old = report.begun_at < before;
        if report.pipeline == pipeline.name && is_old {
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
