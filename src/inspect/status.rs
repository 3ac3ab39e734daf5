//! How the accounts of a pipeline file stand, as far as their state says: for whoever looks while runs come and go.
//!
//! It takes no lock, makes no call and changes nothing, so a run does not notice that somebody looks. A walk may be appended to,
//! decided or pruned at that moment; what is gone before it was read is looked for once more.

use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use fanout_sink::WalkId;
use serde::Serialize;

use crate::config::{Account, Pipeline};
use crate::engine::keys::{identity, recipient};
use crate::error::Error;
use crate::journal::{HeldLocks, JournalError, ListFolder, WalkFolder};
use crate::wechat::List;

/// How the accounts of a pipeline file stand.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The pipeline's name.
    pub pipeline: String,
    /// When it was looked, in UTC: `2026-01-31T02:00:00Z`.
    pub at: DateTime<Utc>,
    /// The lists of the accounts, accounts in the order of the pipeline file.
    pub accounts: Vec<AccountStatus>,
}

/// How one list of one account stands.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct AccountStatus {
    /// The account's name.
    pub account: String,
    /// The account's app id.
    pub app_id: String,
    /// The list's name, such as `followers`.
    pub list: String,
    /// The last complete walk; none if there was none yet.
    pub last: Option<LastStatus>,
    /// The dates of earlier lists that this pipeline still owes to a sink, oldest first.
    pub owed: Vec<NaiveDate>,
    /// The walk under way; none if the newest one is decided.
    pub walk: Option<WalkStatus>,
    /// Calls for pages of this list today (in Beijing), whichever pipeline on this state made them.
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

/// The last complete walk of a list.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct LastStatus {
    /// The walk that read it.
    pub walk: WalkId,
    /// Its logical date.
    pub date: NaiveDate,
    /// Rows of the list: distinct followers.
    pub rows: u64,
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
    pub walk: WalkId,
    /// Its logical date.
    pub date: NaiveDate,
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
    let accounts = pipeline.accounts.iter().flat_map(|account| {
        let locks = &locks;
        pipeline.lists().into_iter().map(move |list| status_of(pipeline, account, list, locks, now))
    });
    let accounts = accounts.collect();
    let at = now.trunc_subsecs(0);
    Status { pipeline: pipeline.name.clone(), at, accounts }
}

fn status_of(
    pipeline: &Pipeline,
    account: &Account,
    list: List,
    locks: &HeldLocks,
    now: DateTime<Utc>,
) -> AccountStatus {
    let folder = ListFolder::new(&pipeline.journal.path, identity(pipeline, account, list));
    let mut status = AccountStatus {
        account: account.name.clone(),
        app_id: account.app_id.clone(),
        list: list.name().to_owned(),
        last: None,
        owed: Vec::new(),
        walk: None,
        calls_today: folder.calls_today(list.endpoint(), now),
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
    folder: &ListFolder,
    now: DateTime<Utc>,
    status: &mut AccountStatus,
) -> Result<bool, JournalError> {
    let walks = folder.walks()?;
    let newest = walks.last().filter(|walk| walk.decision().is_none());
    status.walk = newest.map(|walk| under_way(walk, now)).transpose()?;
    let last = walks.iter().rev().find(|walk| walk.decision().is_some());
    status.last = last.map(|walk| last_status(pipeline, walk)).transpose()?.flatten();
    status.owed.clear();
    for walk in folder.owed()? {
        let is_ours = walk.decision().is_some_and(|decision| decision.pipeline == pipeline.name);
        if is_ours && last.is_none_or(|last| last.header().walk != walk.header().walk) {
            status.owed.push(walk.header().date);
        }
    }
    Ok(walks.iter().all(|walk| walk.path().is_dir()))
}

fn under_way(walk: &WalkFolder, now: DateTime<Utc>) -> Result<WalkStatus, JournalError> {
    let (header, contents) = (walk.header(), walk.contents()?);
    let since = contents.last_fetched_at().unwrap_or(header.begun_at);
    Ok(WalkStatus {
        walk: header.walk,
        date: header.date,
        pages: contents.pages(),
        followers: contents.openids(),
        cursor_seconds: (now - since).num_seconds().max(0) as u64,
        ended: contents.end().is_some(),
    })
}

fn last_status(pipeline: &Pipeline, walk: &WalkFolder) -> Result<Option<LastStatus>, JournalError> {
    let Some(decision) = walk.decision() else { return Ok(None) };
    let (mut published, mut lacking) = (Vec::new(), Vec::new());
    for sink in &pipeline.sinks {
        let has_it = walk.commit(&recipient(pipeline, sink))?.is_some();
        if has_it { &mut published } else { &mut lacking }.push(sink.name.clone());
    }
    let (date, rows) = (walk.header().date, decision.snapshot.rows);
    Ok(Some(LastStatus { walk: walk.header().walk, date, rows, published, lacking }))
}
