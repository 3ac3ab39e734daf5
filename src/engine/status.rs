//! How the accounts of a pipeline file stand, as far as their state says: for whoever looks while runs come and go.
//!
//! It takes no lock, makes no call and changes nothing, so a run does not notice that somebody looks. A walk may be appended to,
//! decided or pruned at that moment; what is gone before it was read is looked for once more.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::account::{identity, recipient};
use crate::config::Pipeline;
use crate::error::Error;
use crate::journal::{AccountFolder, HeldLocks, JournalError, WalkFolder};

/// How the accounts of a pipeline file stand.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The pipeline's name.
    pub pipeline: String,
    /// When it was looked, in UTC: `2026-01-31T02:00:00Z`.
    pub at: String,
    /// The accounts, in the order of the pipeline file.
    pub accounts: Vec<AccountStatus>,
}

/// How one account stands.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct AccountStatus {
    /// The account's name.
    pub account: String,
    /// The account's app id.
    pub app_id: String,
    /// The last complete list; none if there was none yet.
    pub list: Option<ListStatus>,
    /// The dates of earlier lists that this pipeline still owes to a sink, oldest first.
    pub owed: Vec<String>,
    /// The walk under way; none if the newest one is decided.
    pub walk: Option<WalkStatus>,
    /// Calls of `user/get` today (in Beijing), by whatever pipeline on this state.
    pub calls_today: u64,
    /// `source.quota.daily_calls`: what WeChat grants, as far as the pipeline file knows.
    pub daily_calls: u64,
    /// Bytes of all that the state has of this app id.
    pub bytes: u64,
    /// What the process says of itself that is at work on the account; none if there is none on this machine.
    pub held_by: Option<String>,
    /// Why the state cannot be read, with its causes.
    pub error: Option<String>,
    /// What a person can do about it.
    pub hint: Option<String>,
}

/// The last complete list of an account.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ListStatus {
    /// The walk that read it.
    pub walk: String,
    /// Its logical date, `YYYY-MM-DD`.
    pub date: String,
    /// Distinct followers.
    pub followers: u64,
    /// The sinks of the pipeline file that have published it.
    pub published: Vec<String>,
    /// Those that have not, under their present options.
    pub lacking: Vec<String>,
}

/// A walk under way.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct WalkStatus {
    /// Its name.
    pub walk: String,
    /// Its logical date, `YYYY-MM-DD`.
    pub date: String,
    /// Pages in the journal.
    pub pages: u64,
    /// Followers in them, repeated ones included.
    pub followers: u64,
    /// The age of its cursor: seconds since the last page came; since the walk began, if none has.
    pub cursor_seconds: u64,
    /// Whether its end was read, so that only its sinks are at work.
    pub ended: bool,
}

/// Looks how the accounts of `pipeline` stand.
pub fn status(pipeline: &Pipeline) -> Status {
    let (now, locks) = (Utc::now(), HeldLocks::read());
    let accounts = (0..pipeline.accounts.len()).map(|index| account(pipeline, index, &locks, now)).collect();
    let at = now.to_rfc3339_opts(SecondsFormat::Secs, true);
    Status { pipeline: pipeline.name.clone(), at, accounts }
}

fn account(pipeline: &Pipeline, index: usize, locks: &HeldLocks, now: DateTime<Utc>) -> AccountStatus {
    let folder = AccountFolder::new(&pipeline.journal.path, identity(pipeline, index));
    let account = &pipeline.accounts[index];
    let mut status = AccountStatus {
        account: account.name.clone(),
        app_id: account.app_id.clone(),
        list: None,
        owed: Vec::new(),
        walk: None,
        calls_today: folder.calls_today(now),
        daily_calls: pipeline.source.quota.daily_calls,
        bytes: folder.bytes(),
        held_by: folder.holder(locks),
        error: None,
        hint: None,
    };
    // A run prunes once, and so the second look sees what stays.
    let looked = match look(pipeline, &folder, now, &mut status) {
        Ok(true) => Ok(true),
        Ok(false) | Err(_) => look(pipeline, &folder, now, &mut status),
    };
    if let Err(error) = looked {
        let error = Error::from(error);
        (status.error, status.hint) = (Some(error.chain()), error.hint());
    }
    status
}

/// Reads the walks of an account, and says whether all of them were still there at the end.
fn look(
    pipeline: &Pipeline,
    folder: &AccountFolder,
    now: DateTime<Utc>,
    status: &mut AccountStatus,
) -> Result<bool, JournalError> {
    let walks = folder.walks()?;
    let newest = walks.last().filter(|walk| walk.decision().is_none());
    status.walk = newest.map(|walk| under_way(walk, now)).transpose()?;
    let last = walks.iter().rev().find(|walk| walk.decision().is_some());
    status.list = last.map(|walk| list(pipeline, walk)).transpose()?.flatten();
    status.owed.clear();
    for walk in folder.owed()? {
        let is_ours = walk.decision().is_some_and(|decision| decision.pipeline == pipeline.name);
        if is_ours && last.is_none_or(|last| last.header().walk != walk.header().walk) {
            status.owed.push(walk.header().date.to_string());
        }
    }
    Ok(walks.iter().all(|walk| walk.path().is_dir()))
}

fn under_way(walk: &WalkFolder, now: DateTime<Utc>) -> Result<WalkStatus, JournalError> {
    let (header, contents) = (walk.header(), walk.contents()?);
    let since = contents.last_fetched_at().unwrap_or(header.begun_at.timestamp_micros());
    Ok(WalkStatus {
        walk: header.walk.to_string(),
        date: header.date.to_string(),
        pages: contents.pages(),
        followers: contents.openids(),
        cursor_seconds: now.timestamp_micros().saturating_sub(since).max(0) as u64 / 1_000_000,
        ended: contents.end().is_some(),
    })
}

fn list(pipeline: &Pipeline, walk: &WalkFolder) -> Result<Option<ListStatus>, JournalError> {
    let Some(decision) = walk.decision() else { return Ok(None) };
    let (mut published, mut lacking) = (Vec::new(), Vec::new());
    for sink in &pipeline.sinks {
        let has_it = walk.commit(&recipient(pipeline, sink))?.is_some();
        if has_it { &mut published } else { &mut lacking }.push(sink.name.clone());
    }
    let (date, followers) = (walk.header().date.to_string(), decision.snapshot.rows);
    Ok(Some(ListStatus { walk: walk.header().walk.to_string(), date, followers, published, lacking }))
}
