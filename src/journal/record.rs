//! The JSON records of a walk, in its first and last frame and beside its pages: header, end,
//! decision, commits, pins. And the names of the files and folders that have them.
//!
//! Before it: the engine makes the records. Behind it: the next run reads them, and resumes or
//! finishes the walk; [`inspect`](crate::inspect) shows them.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use fanout_sink::{SinkReport, Snapshot, WalkId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::config::Verify;

/// The file of a walk's frames.
pub(super) const PAGES: &str = "pages";

/// Begins the name of the folder with the pages of a tag, in the folder of a walk of tags.
pub(super) const TAG: &str = "tag-";

/// The file of a walk's decision.
pub(super) const DECISION: &str = "decision.json";

/// The folder of a walk's commit records.
pub(super) const COMMITS: &str = "commits";

/// The folder of a walk's pins.
pub(super) const PINS: &str = "pins";

/// The file that says of an open walk why it is not resumed.
pub(super) const GIVEN_UP: &str = "given-up.json";

/// Ends the name of a walk's folder until its first reply is written.
pub(super) const NEW: &str = "~new";

/// Ends the name of a walk's folder while it is removed.
pub(super) const OLD: &str = "~old";

/// The version of all files in a walk's folder.
pub const FORMAT: u32 = 2;

/// Which list a walk reads, and from where. A run resumes and delivers only walks whose identity
/// equals its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The version of the files, [`FORMAT`].
    pub format: u32,
    /// The account's app id.
    pub app_id: String,
    /// The source of the list: `official` for WeChat's own hosts, `simulator` for a simulated list,
    /// else the host.
    pub host: String,
    /// The list's name, such as `followers`.
    pub list: String,
    /// The options that decide what is read (for a simulated list: length, seed, page size). A run
    /// skips walks of other options.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub options: Map<String, Value>,
}

/// The first frame of a walk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The list that the walk reads.
    #[serde(flatten)]
    pub identity: Identity,
    /// The walk's name, unique within the account and list.
    pub walk: WalkId,
    /// The logical date.
    pub date: NaiveDate,
    /// When the walk began, to the microsecond.
    pub begun_at: DateTime<Utc>,
    /// What a walk of batches asks for; `None` for any other walk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// Whether it is a walk of tags: its file has the replies about all of them, and the pages of
    /// each tag lie in a folder below.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_tags: bool,
}

/// What a walk of batches asks for. It is fixed when the walk begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The decided walk whose elements are asked for.
    pub input: RestsOn,
    /// The decided walk of the same list from which younger rows were copied; `None` if every
    /// element is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<RestsOn>,
    /// `profiles.refresh_days`, if rows were to be copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_days: Option<u32>,
    /// Whether the account was found to be bound to another Open Platform account than in the list
    /// before, so that nothing was copied from there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bound_anew: bool,
    /// How a batch without anything odd is verified: outcomes depend on it.
    pub verify: Verify,
    /// The elements that the walk has itself; `None` if its elements are those of the input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<OwnElements>,
    /// For a walk of changes, where they begin; `None` for another list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<ChangePlan>,
    /// When the plan was made: ages of rows count from here.
    pub made_at: DateTime<Utc>,
}

/// Where the changes of a walk begin; its input is where they end. All that the rows need is here
/// and in the journal, so a decided delta outlives the walks that it compares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangePlan {
    /// The walk of followers at which they begin; `None` if the walk only says who follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<RestsOn>,
    /// The logical date of that walk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_date: Option<NaiveDate>,
    /// The walk of changes before this one, which ends where this one begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<WalkId>,
    /// When the list at which they begin was begun, and when its last page was fetched; without
    /// one, of the list that the walk tells.
    pub base_read: (DateTime<Utc>, DateTime<Utc>),
    /// When the last page of the list at which they end was fetched.
    pub read_until: DateTime<Utc>,
    /// The `total` that WeChat stated with each of the two lists; `None` without the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totals: Option<(u64, u64)>,
    /// The sinks for which the walk is made. A sink that comes later begins with a later walk.
    pub sinks: Vec<String>,
    /// The sinks that have begun with everybody, up to this walk; `None` in a chain that an earlier
    /// version began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_everybody: Option<Vec<String>>,
    /// Those of `sinks` that were away and are not told what has changed since, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gaps: BTreeMap<String, Gap>,
    /// The sinks that have received changes and are away, by name. The walks that they received may
    /// be pruned.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub away: BTreeMap<String, Gap>,
}

/// Where a sink that was away begins to miss changes: behind the last list that it was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The walk of followers at which what it was told ends.
    pub from_walk: WalkId,
    /// The logical date of that walk.
    pub from_date: NaiveDate,
}

impl ChangePlan {
    /// Returns whether the walk tells each follower of its input to a sink.
    pub fn tells_everybody(&self) -> bool {
        self.from.is_none() && !self.sinks.is_empty()
    }
}

/// The elements that a walk has in its own journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnElements {
    /// How many there are.
    pub count: u64,
    /// Whether WeChat is asked about each of them.
    pub are_asked: bool,
}

impl Plan {
    /// Returns how many elements the walk asks for.
    pub fn asked(&self) -> u64 {
        match self.own {
            Some(OwnElements { count, are_asked: true }) => count,
            Some(OwnElements { are_asked: false, .. }) => 0,
            None => self.input.rows,
        }
    }
}

/// A decided walk on which another one rests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestsOn {
    /// The walk.
    pub walk: WalkId,
    /// The rows of its list.
    pub rows: u64,
    /// The digest of its list.
    pub digest: String,
}

/// The last frame of a walk, whose end was read and accepted. A list of pages may be short of
/// `total`, by at most `source.max_shortfall_percent`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The `total` that WeChat stated with the end; for a walk of batches the rows of its input;
    /// for a tag the distinct people in its pages.
    pub total: u64,
    /// When the end was fetched; for a walk of batches when the last batch was settled.
    pub fetched_at: DateTime<Utc>,
}

/// The record that fixes a list, made when every staged sink has prepared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The facts of the list, with its digest.
    pub snapshot: Snapshot,
    /// The pipeline that decided.
    pub pipeline: String,
    /// The names of all sinks that take the list, those that are not required included. The list is
    /// owed to each of them until there is a commit record of it.
    pub sinks: Vec<String>,
}

/// The record that a walk rests on another one. It lies in the folder of the other walk, which is
/// not pruned while the walk that rests on it exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The list of the walk that rests on the other one.
    pub list: String,
    /// The walk that rests on the other one.
    pub walk: WalkId,
}

/// The record that an open walk can never be complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct GivenUp {
    /// Why, for a person who looks at the file.
    pub(super) reason: String,
}

/// The record that a sink has published the list of a walk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The sink that has published it.
    #[serde(flatten)]
    pub recipient: Recipient,
    /// What it published, as the sink reports it.
    pub report: SinkReport,
}

/// A sink of a pipeline under given options. A sink whose options have changed lacks the walks that
/// it published before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// The pipeline's name.
    pub pipeline: String,
    /// The list's name.
    pub list: String,
    /// The sink's name.
    pub sink: String,
    /// The digest of the sink's type, columns and options.
    pub options: String,
}
