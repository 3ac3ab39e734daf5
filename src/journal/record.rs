//! What stands beside the pages of a walk: whose they are, what was decided, who has them.

use chrono::{DateTime, NaiveDate, Utc};
use fanout_sink::{SinkReport, Snapshot, WalkId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The file of a walk's frames.
pub(super) const PAGES: &str = "pages";

/// The file of a walk's decision.
pub(super) const DECISION: &str = "decision.json";

/// The folder of a walk's commit records.
pub(super) const COMMITS: &str = "commits";

/// The folder of a walk's pins.
pub(super) const PINS: &str = "pins";

/// The version of everything that a walk's folder holds.
pub const FORMAT: u32 = 2;

/// Which walks a run may go on with: those whose header says the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The version of the format, [`FORMAT`].
    pub format: u32,
    /// The account's app id.
    pub app_id: String,
    /// Where the list comes from: `official` for WeChat's own hosts, else the host, or what describes the simulator.
    pub host: String,
    /// The list's name, such as `followers`.
    pub list: String,
    /// The choices that decide what is read (of a simulated list: its length, seed and page size). A walk of other
    /// choices is another walk, which a run passes over.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub options: Map<String, Value>,
}

/// The first frame of a walk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Whose list it is.
    #[serde(flatten)]
    pub identity: Identity,
    /// The walk's name, unique per account and list.
    pub walk: WalkId,
    /// The logical date.
    pub date: NaiveDate,
    /// When the walk began, to the microsecond.
    pub begun_at: DateTime<Utc>,
}

/// The last frame of a walk: its end was seen and accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The `total` that WeChat stated with the end.
    pub total: u64,
    /// When the end was seen.
    pub fetched_at: DateTime<Utc>,
}

/// What was decided when every staged sink had prepared. From then on the list is fixed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The facts of the list, its digest among them.
    pub snapshot: Snapshot,
    /// The pipeline that decided.
    pub pipeline: String,
    /// The sinks that the list is owed to.
    pub sinks: Vec<String>,
}

/// A walk that rests on another one, in whose folder this record lies: that one is not pruned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The list of the walk that rests on it.
    pub list: String,
    /// That walk.
    pub walk: WalkId,
}

/// One sink has published the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The sink that has it.
    #[serde(flatten)]
    pub recipient: Recipient,
    /// What it published.
    pub report: SinkReport,
}

/// A sink of a pipeline, with the options that it had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// The pipeline's name.
    pub pipeline: String,
    /// The list's name.
    pub list: String,
    /// The sink's name.
    pub sink: String,
    /// Digest of the sink's type, columns and options.
    pub options: String,
}
