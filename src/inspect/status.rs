//! The status of the accounts of a pipeline file, as their state has it, also while a run is at
//! work.
//!
//! It takes no lock, makes no call and changes nothing, so a run does not notice it. Meanwhile a
//! run may append to a walk, decide it or prune it. If a walk disappears while it is read, all
//! walks are read once more.
//!
//! Before it: [`ListFolder`] and [`WalkFolder`] read the state, and [`look`](super::look) asks the
//! sinks what they have of the last list. Behind it: `fanout status`.

use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use fanout_sink::WalkId;
use serde::Serialize;

use super::look::{Errand, Lookout, SinkLook};
use crate::batches::Asked;
use crate::config::{Account, Pipeline, SinkSection};
use crate::engine::cost_in_label;
use crate::engine::keys::{identity, recipient};
use crate::error::{Error, Exit};
use crate::journal::{Contents, HeldLocks, Holder, JournalError, ListFolder, Plan, WalkFolder};
use crate::registry::SinkRegistry;
use crate::report::{BatchesReport, ChangesReport, TagsReport};
use crate::wechat::List;

/// The status of the accounts of a pipeline file.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The pipeline's name.
    pub pipeline: String,
    /// When the state was read, in UTC: `2026-01-31T02:00:00Z`.
    pub at: DateTime<Utc>,
    /// The lists of the accounts, accounts in the order of the pipeline file.
    pub accounts: Vec<AccountStatus>,
}

/// The status of one list of one account.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct AccountStatus {
    /// The account's name.
    pub account: String,
    /// The account's app id.
    pub app_id: String,
    /// The list's name, such as `followers`.
    pub list: String,
    /// The last complete walk; `None` before the first one.
    pub last: Option<LastStatus>,
    /// The dates of earlier lists that this pipeline still owes to a sink, oldest first.
    pub owed: Vec<NaiveDate>,
    /// The walk under way; `None` if the newest walk is complete.
    pub walk: Option<WalkStatus>,
    /// Today's calls (in Beijing) for pages of this list, by all pipelines on this state.
    pub calls_today: u64,
    /// The calls that WeChat grants a day: `source.quota.daily_calls` of the pipeline file, or
    /// `source.profiles.daily_calls`; 0 for a list that is read without a call.
    pub daily_calls: u64,
    /// The bytes of all files of this list in the state.
    pub bytes: u64,
    /// The process that holds the list's lock; `None` if no process of this machine holds it.
    pub held_by: Option<String>,
    /// The process that the lock file names, if it belongs to another machine or container: whether
    /// it still holds the lock cannot be looked up from here.
    pub perhaps_held_by: Option<String>,
    /// Whether a run has begun the list on this state.
    #[serde(skip)]
    pub has_begun: bool,
    /// Why the state cannot be read, with its causes.
    pub error: Option<String>,
    /// What a person can do about it.
    pub hint: Option<String>,
}

impl AccountStatus {
    /// Returns whether a person should look at it: its state cannot be read, runs have read nothing
    /// yet, a sink lacks a list or does not have it as it was published, the list lacks a tag, or
    /// an open walk is a day old or of an earlier date than the last list.
    pub fn needs_a_look(&self) -> bool {
        let is_lacking = self.last.as_ref().is_some_and(|last| !last.lacking.is_empty());
        let is_behind = |walk: &WalkStatus| self.last.as_ref().is_some_and(|last| walk.date < last.date);
        let is_old = |walk: &WalkStatus| self.held_by.is_none() && (walk.cursor_seconds > A_DAY || is_behind(walk));
        let is_missed = |look: &SinkLook| look.error.is_some() || look.is_to_be_delivered();
        let is_not_found = |last: &LastStatus| last.looks.iter().any(is_missed);
        self.error.is_some()
            || (self.has_begun && self.last.is_none() && self.walk.is_none())
            || is_lacking
            || self.last.as_ref().is_some_and(|last| is_not_found(last) || last.lacks_tags())
            || !self.owed.is_empty()
            || self.walk.as_ref().is_some_and(is_old)
    }
}

/// After these seconds, the next night's run should have finished an open walk.
const A_DAY: u64 = 86_400;

/// The last complete walk of a list.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct LastStatus {
    /// The walk that read it.
    pub walk: WalkId,
    /// Its logical date.
    pub date: NaiveDate,
    /// Rows of the list: distinct followers, or changes, or tags.
    pub rows: u64,
    /// What it tells, if it is a list of changes.
    pub changes: Option<ChangesReport>,
    /// What came of the tags, if it is a list of tags or of their people.
    pub tags: Option<TagsReport>,
    /// The sinks of the pipeline file that have published it.
    pub published: Vec<String>,
    /// The sinks that have not published it under their present options.
    pub lacking: Vec<String>,
    /// What the sinks in `published` have of it now.
    pub looks: Vec<SinkLook>,
}

impl LastStatus {
    /// Returns whether it was published without some tags.
    fn lacks_tags(&self) -> bool {
        self.tags.as_ref().is_some_and(|tags| !tags.failed.is_empty())
    }
}

/// A walk under way.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct WalkStatus {
    /// The walk's name.
    pub walk: WalkId,
    /// Its logical date.
    pub date: NaiveDate,
    /// Pages in the journal, or batches with a reply.
    pub pages: u64,
    /// How far its batches are; `None` if it is read in pages.
    pub batches: Option<BatchesReport>,
    /// Followers, or other people, in the pages, repeated ones included. If it is read in batches,
    /// all that it asks about.
    pub followers: u64,
    /// The age of its cursor: seconds since the last page was fetched; without a page, since the
    /// walk began.
    pub cursor_seconds: u64,
    /// Whether its end was read. Only its sinks are still at work then.
    pub ended: bool,
}

impl Status {
    /// Returns the exit of `fanout status`: that of a run which meets what was found here.
    pub fn exit(&self) -> Exit {
        let lacks_tags = |account: &AccountStatus| account.last.as_ref().is_some_and(LastStatus::lacks_tags);
        let is_good = |account: &AccountStatus| account.error.is_none() && !lacks_tags(account);
        let of_state = |account: &AccountStatus| if is_good(account) { Exit::Done } else { Exit::Failed };
        let looks = self.accounts.iter().filter_map(|account| account.last.as_ref()).flat_map(|last| &last.looks);
        self.accounts.iter().map(of_state).chain(looks.map(|look| look.exit)).fold(Exit::Done, Exit::worst)
    }
}

/// Reads the status of the accounts of `pipeline`, and looks for the last list of each at the sinks
/// that have published it. `registry` has the sinks.
pub async fn status(pipeline: &Pipeline, registry: &SinkRegistry) -> Status {
    let (now, locks) = (pipeline.clock.now(), HeldLocks::read());
    let lookout = Lookout::new(pipeline, registry);
    let (mut accounts, mut errands) = (Vec::new(), Vec::new());
    for account in &pipeline.accounts {
        for list in pipeline.lists() {
            let (status, errand) = status_of(pipeline, account, list, &lookout, &locks, now);
            accounts.push(status);
            errands.push(errand);
        }
    }
    for (account, looks) in accounts.iter_mut().zip(lookout.look(errands).await) {
        if let Some(last) = &mut account.last {
            last.looks = looks;
        }
    }
    Status { pipeline: pipeline.name.clone(), at: now.trunc_subsecs(0), accounts }
}

fn status_of(
    pipeline: &Pipeline,
    account: &Account,
    list: List,
    lookout: &Lookout,
    locks: &HeldLocks,
    now: DateTime<Utc>,
) -> (AccountStatus, Option<Errand>) {
    let folder = ListFolder::new(&pipeline.journal.path, identity(pipeline, account, list));
    let mut status = AccountStatus {
        account: account.name.clone(),
        app_id: account.app_id.clone(),
        list: list.name().to_owned(),
        last: None,
        owed: Vec::new(),
        walk: None,
        calls_today: folder.calls_today(list.endpoint(), now),
        daily_calls: pipeline.daily_calls(list),
        bytes: folder.bytes(),
        held_by: None,
        perhaps_held_by: None,
        has_begun: folder.exists(),
        error: None,
        hint: None,
    };
    match folder.lock_holder(locks) {
        Holder::Nobody => {}
        Holder::Process(text) => status.held_by = Some(text),
        Holder::Unknown(text) => status.perhaps_held_by = Some(text),
    }
    let mut read = read_walks(pipeline, &folder, (list, lookout), now, &mut status);
    if !matches!(read, Ok((true, _))) {
        // A run prunes once, so the walks of a second reading stay.
        read = read_walks(pipeline, &folder, (list, lookout), now, &mut status);
    }
    let errand = |walk: WalkFolder| lookout.errand(pipeline, account, folder, &walk);
    match read.and_then(|(_, last)| last.map(errand).transpose()) {
        Ok(errand) => (status, errand),
        Err(error) => {
            let error = Error::from(error);
            (status.error, status.hint) = (Some(error.chain()), error.hint());
            (status, None)
        }
    }
}

/// Reads the walks of a list into `status`. Returns whether all of them were still there at the
/// end, and the last one that is complete.
fn read_walks(
    pipeline: &Pipeline,
    folder: &ListFolder,
    (list, lookout): (List, &Lookout),
    now: DateTime<Utc>,
    status: &mut AccountStatus,
) -> Result<(bool, Option<WalkFolder>), JournalError> {
    let walks = folder.walks()?;
    let newest = walks.last().filter(|walk| walk.decision().is_none() && !walk.is_given_up()).cloned();
    let open = match newest {
        Some(walk) => Some(walk),
        // That of an earlier day, which the next run finishes.
        None => walks.open(pipeline.resume_within(list), now)?.0.into_iter().next(),
    };
    status.walk = open.map(|walk| under_way(&walk, pipeline.daily_calls(list), now)).transpose()?;
    let decided = walks.iter().rev().find(|walk| walk.decision().is_some());
    status.last = decided.map(|walk| last_status(pipeline, walk, lookout)).transpose()?.flatten();
    status.owed.clear();
    for walk in walks.owed()? {
        let is_ours = walk.decision().is_some_and(|decision| decision.pipeline == pipeline.name);
        if is_ours && decided.is_none_or(|decided| decided.header().walk != walk.header().walk) {
            status.owed.push(walk.header().date);
        }
    }
    Ok((walks.iter().all(|walk| walk.path().is_dir()), decided.cloned()))
}

fn under_way(walk: &WalkFolder, calls_a_day: u64, now: DateTime<Utc>) -> Result<WalkStatus, JournalError> {
    let (header, contents) = (walk.header(), walk.contents()?);
    let since = contents.last_fetched_at().unwrap_or(header.begun_at);
    Ok(WalkStatus {
        walk: header.walk,
        date: header.date,
        pages: contents.answered().unwrap_or_else(|| contents.pages()),
        batches: header.plan.as_ref().map(|plan| batches(plan.asked(), &contents, calls_a_day)),
        followers: header.plan.as_ref().map_or_else(|| contents.openids(), Plan::asked),
        cursor_seconds: (now - since).num_seconds().max(0) as u64,
        ended: contents.end().is_some(),
    })
}

/// Returns how far the batches are in which a list of `rows` is asked for.
fn batches(rows: u64, contents: &Contents, calls_a_day: u64) -> BatchesReport {
    let all = Asked::all(rows.saturating_sub(contents.copied_rows().unwrap_or(0))).batches();
    let cost = contents.first_labels().iter().find_map(|label| cost_in_label(label));
    let answered = contents.answered().unwrap_or(0);
    BatchesReport::new(all, answered, contents.batches_per_second(), cost, Some(calls_a_day))
}

fn last_status(pipeline: &Pipeline, walk: &WalkFolder, lookout: &Lookout) -> Result<Option<LastStatus>, JournalError> {
    let Some(decision) = walk.decision() else { return Ok(None) };
    let (mut published, mut lacking) = (Vec::new(), Vec::new());
    let list = &walk.header().identity.list;
    let tells_changes = walk.header().plan.as_ref().is_some_and(|plan| plan.changes.is_some());
    let is_due = |sink: &&SinkSection| {
        !lookout.is_one_shot(&sink.name) && (!tells_changes || decision.sinks.contains(&sink.name))
    };
    for sink in pipeline.sinks.iter().filter(|sink| sink.list.name() == list).filter(is_due) {
        let has_it = walk.commit(&recipient(pipeline, sink))?.is_some();
        if has_it { &mut published } else { &mut lacking }.push(sink.name.clone());
    }
    let (header, list) = (walk.header(), &decision.snapshot);
    Ok(Some(LastStatus {
        walk: header.walk,
        date: header.date,
        rows: list.rows,
        changes: ChangesReport::of(list),
        tags: TagsReport::of(list),
        published,
        lacking,
        looks: Vec::new(),
    }))
}
