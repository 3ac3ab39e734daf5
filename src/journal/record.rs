//! The JSON records of a walk, in its first and last frame and beside its pages: header, end,
//! decision, commits, pins.
//!
//! Before it: the engine makes the records. Behind it: the next run reads them, and resumes or
//! finishes the walk; [`inspect`](crate::inspect) shows them.

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
}

/// The last frame of a walk, whose end was read and accepted. The list may be short of `total`, by
/// at most `source.max_shortfall_percent`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The `total` that WeChat stated with the end.
    pub total: u64,
    /// When the end was fetched.
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

/// The record that a walk of one list rests on a walk of another list. It lies in the folder of the
/// other walk, which is not pruned while it is there. No list makes pins yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The list of the walk that rests on the other one.
    pub list: String,
    /// The walk that rests on the other one.
    pub walk: WalkId,
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
