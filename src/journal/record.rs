//! What stands beside the pages of a walk: whose they are, what was decided, who has them.

use chrono::{DateTime, NaiveDate, Utc};
use fanout_sink::{SinkReport, Snapshot, WalkId};
use serde::{Deserialize, Serialize};

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
    /// Which list: `followers`.
    pub list: String,
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
    /// When the end was seen, in microseconds since 1970 (UTC).
    pub fetched_at: i64,
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
    /// The sink's name.
    pub sink: String,
    /// Digest of the sink's type, columns and options.
    pub options: String,
}
