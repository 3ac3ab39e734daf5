//! What a list of changes or of tags tells, in numbers: how many people came and left, and which
//! tags could not be read.
//!
//! Before it: the facts of a decided list, in which the engine has counted all of it. Behind it:
//! the [report of the list](super::run_report::AccountReport), and `status`.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use fanout_sink::Snapshot;
use fanout_sink::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a list of changes tells, in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "fanout_sink::schemars")]
#[non_exhaustive]
pub struct ChangesReport {
    /// The date of the list of followers at which the changes begin; `null` if they begin with this
    /// one. If it is not that of the night before, the changes are of several nights.
    pub since: Option<NaiveDate>,
    /// People who came.
    pub followed: u64,
    /// People who left.
    pub unfollowed: u64,
    /// People who left and came back before the list was read to its end.
    pub refollowed: u64,
    /// People whom the list before lacked by mistake.
    pub reappeared: u64,
    /// Rows of people who were there at the beginning, for sinks with `baseline = true`.
    pub baseline: u64,
    /// Changes that WeChat was not asked about, or about which it did not tell.
    pub unverified: u64,
    /// People whom the list of followers lacks though they follow: they are not told as having
    /// left.
    pub holes: u64,
    /// People whom that list lacks and about whom WeChat did not tell: they are asked about again
    /// with the next changes.
    pub open: u64,
    /// The sinks that were away and do not receive what changed meanwhile, by name, with the date
    /// of the list behind which each misses changes, up to that of `since`.
    #[serde(default)]
    pub gaps: BTreeMap<String, NaiveDate>,
}

/// What came of the tags of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "fanout_sink::schemars")]
#[non_exhaustive]
pub struct TagsReport {
    /// The tags that were to be read.
    pub tags: u64,
    /// Those that were read, and are as long as WeChat counts them.
    pub complete: u64,
    /// Those that were removed before they were read.
    pub deleted: u64,
    /// The names, by id, of those that were read and have another length than WeChat counts.
    pub lagging: BTreeMap<String, String>,
    /// The names, by id, of those that could not be read: the list lacks them.
    pub failed: BTreeMap<String, String>,
}

/// The facts of a list of changes that are told.
#[derive(Deserialize)]
struct ChangeFacts {
    #[serde(default)]
    from_date: Option<NaiveDate>,
    changes: BTreeMap<String, u64>,
    unverified: u64,
    holes: u64,
    open: u64,
    #[serde(default)]
    gaps: BTreeMap<String, Gap>,
}

/// Where a sink that was away begins to miss changes.
#[derive(Deserialize)]
struct Gap {
    from_date: NaiveDate,
}

/// The facts of a list of tags, or of their people, that are told.
#[derive(Deserialize)]
struct TagFacts {
    tags: u64,
    outcomes: BTreeMap<String, u64>,
    lagging: BTreeMap<String, String>,
    failed: BTreeMap<String, String>,
}

impl ChangesReport {
    /// Reads what a decided list tells; `None` if it is not a list of changes.
    pub(crate) fn of(list: &Snapshot) -> Option<Self> {
        let facts: ChangeFacts = serde_json::from_value(Value::Object(list.proof.clone())).ok()?;
        let rows = |change: &str| facts.changes.get(change).copied().unwrap_or(0);
        Some(Self {
            since: facts.from_date,
            followed: rows("followed"),
            unfollowed: rows("unfollowed"),
            refollowed: rows("refollowed"),
            reappeared: rows("reappeared"),
            baseline: rows("baseline"),
            unverified: facts.unverified,
            holes: facts.holes,
            open: facts.open,
            gaps: facts.gaps.into_iter().map(|(sink, gap)| (sink, gap.from_date)).collect(),
        })
    }

    /// Returns each change by the value of the column `change`, with its rows.
    pub(crate) fn by_change(&self) -> [(&'static str, u64); 5] {
        [
            ("followed", self.followed),
            ("unfollowed", self.unfollowed),
            ("refollowed", self.refollowed),
            ("reappeared", self.reappeared),
            ("baseline", self.baseline),
        ]
    }

    /// Returns by how many people the followers have grown; `None` if the list tells no change.
    pub(crate) fn net(&self) -> Option<i128> {
        self.since.map(|_| i128::from(self.followed) - i128::from(self.unfollowed))
    }
}

impl TagsReport {
    /// Reads what came of the tags of a decided list; `None` if it is a list of something else.
    pub(crate) fn of(list: &Snapshot) -> Option<Self> {
        let facts: TagFacts = serde_json::from_value(Value::Object(list.proof.clone())).ok()?;
        let of = |outcome: &str| facts.outcomes.get(outcome).copied().unwrap_or(0);
        let (complete, deleted) = (of("complete"), of("deleted"));
        Some(Self { tags: facts.tags, complete, deleted, lagging: facts.lagging, failed: facts.failed })
    }

    /// Returns each outcome by the value of the column `outcome`, with its tags.
    pub(crate) fn by_outcome(&self) -> [(&'static str, u64); 4] {
        [
            ("complete", self.complete),
            ("lagging", self.lagging.len() as u64),
            ("deleted", self.deleted),
            ("failed", self.failed.len() as u64),
        ]
    }
}
