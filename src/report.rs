//! What came of a run.

use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use fanout_sink::schemars::JsonSchema;
use fanout_sink::schemars::generate::SchemaSettings;
use fanout_sink::{SinkReport, Snapshot, WalkId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::causes::error_chain;
use crate::config::{Account, Pipeline};
use crate::error::{Error, Exit};
use crate::journal::RunReports;
use crate::wechat::List;

/// What came of a run: of every account, in the order of the pipeline file. Recorded as `runs/<run>.json` beside the
/// journals.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "fanout_sink::schemars")]
#[non_exhaustive]
pub struct RunReport {
    /// The name of the run, under which its report is recorded; none of a check.
    pub run: Option<String>,
    /// When it began, in UTC: `2026-01-31T02:00:00Z`.
    pub begun_at: DateTime<Utc>,
    /// Wall time, in seconds.
    pub seconds: f64,
    /// The shard of the accounts that it was about, as in `--shard`; none where it was about all that were selected.
    pub shard: Option<String>,
    /// The pipeline's name.
    pub pipeline: String,
    /// The worst of the accounts.
    pub exit: Exit,
    /// The accounts.
    pub accounts: Vec<AccountReport>,
}

/// What came of one account.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "fanout_sink::schemars")]
#[non_exhaustive]
pub struct AccountReport {
    /// The account's name.
    pub account: String,
    /// The account's app id.
    pub app_id: String,
    /// The list's name, such as `followers`.
    pub list: String,
    /// In one word.
    pub verdict: Verdict,
    /// What the account alone would end the process with.
    pub exit: Exit,
    /// The walk, if the run came as far as that.
    pub walk: Option<WalkId>,
    /// The logical date of the snapshot.
    pub date: Option<NaiveDate>,
    /// The facts of the list, once they are decided: also where a sink has failed after that.
    pub snapshot: Option<Snapshot>,
    /// The rows of the list that was decided before this one; `None` for the first list.
    pub previous_rows: Option<u64>,
    /// When the last page of that list was fetched, in UTC.
    pub previous_fetched_at: Option<DateTime<Utc>>,
    /// Pages in the journal.
    pub pages: u64,
    /// Calls of `user/get` in this run, failed ones included.
    pub calls: u64,
    /// Calls of `user/get` that are left today, as WeChat says or as far as this state knows; none where it did not come
    /// to a call.
    pub calls_left: Option<u64>,
    /// Tries beyond the first, of whatever call.
    pub retries: u64,
    /// Wall time, in seconds.
    pub seconds: f64,
    /// The sinks, in the order of the pipeline file.
    pub sinks: Vec<SinkOutcome>,
    /// What went wrong, with its causes.
    pub error: Option<String>,
    /// What a person can do about it.
    pub hint: Option<String>,
}

/// What came of an account, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "fanout_sink::schemars")]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing stands in its way; `check` ends here.
    Ready,
    /// The list is complete, and every required sink has it.
    Published,
    /// The same, since an earlier run.
    AlreadyPublished,
    /// Something went wrong; the journal is kept.
    Failed,
    /// It was stopped; the journal is kept.
    Interrupted,
    /// It was stopped because another account had failed; the journal is kept.
    Stopped,
}

impl Verdict {
    /// Returns the verdict as text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Published => "published",
            Self::AlreadyPublished => "already published",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Stopped => "stopped",
        }
    }
}

/// What came of one sink.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "fanout_sink::schemars")]
#[non_exhaustive]
pub struct SinkOutcome {
    /// The sink's name in the pipeline file.
    pub sink: String,
    /// Whether the account fails with it.
    pub required: bool,
    /// What happened.
    #[serde(flatten)]
    pub state: SinkState,
}

/// What happened to a sink.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "fanout_sink::schemars")]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum SinkState {
    /// It has published the list in this run.
    Published(SinkReport),
    /// It had published the list before.
    AlreadyPublished(SinkReport),
    /// It has failed.
    Failed {
        /// Why, with the causes.
        error: String,
        /// What a person can do.
        hint: Option<String>,
    },
    /// It was not its turn.
    NotReached,
}

impl RunReport {
    /// Returns the [JSON Schema](https://json-schema.org) of a report, as it is recorded and printed.
    pub fn schema() -> Value {
        let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
        let mut schema = generator.into_root_schema_for::<Self>().to_value();
        schema["title"] = "The report of a run of fanout".into();
        schema
    }

    /// Makes the report of a run that began at `begun_at` and has just ended.
    pub(crate) fn new(pipeline: &Pipeline, begun_at: DateTime<Utc>, accounts: Vec<AccountReport>) -> Self {
        let exit = accounts.iter().fold(Exit::Done, |exit, account| exit.worst(account.exit));
        Self {
            run: None,
            begun_at: begun_at.trunc_subsecs(0),
            seconds: (Utc::now() - begun_at).as_seconds_f64().max(0.0),
            shard: pipeline.shard.map(|shard| shard.to_string()),
            pipeline: pipeline.name.clone(),
            exit,
            accounts,
        }
    }

    /// Records the report beside the journals. That it cannot be is no failure of the run, and is said.
    pub(crate) fn record(self, reports: &RunReports) -> Self {
        let mut named = self.clone();
        let recorded = reports.record(&self.pipeline, self.begun_at, |run| {
            named.run = Some(run.to_owned());
            &named
        });
        match recorded {
            Ok(()) => named,
            Err(error) => {
                tracing::warn!(error = error_chain(&error), "the report of the run cannot be recorded");
                self
            }
        }
    }
}

impl AccountReport {
    /// Makes the report on a list to which nothing has happened yet: a failure, unless a verdict replaces it.
    pub(crate) fn new(account: &Account, list: List) -> Self {
        Self {
            account: account.name.clone(),
            app_id: account.app_id.clone(),
            list: list.name().to_owned(),
            verdict: Verdict::Failed,
            exit: Exit::Failed,
            walk: None,
            date: None,
            snapshot: None,
            previous_rows: None,
            previous_fetched_at: None,
            pages: 0,
            calls: 0,
            calls_left: None,
            retries: 0,
            seconds: 0.0,
            sinks: Vec::new(),
            error: None,
            hint: None,
        }
    }

    /// Notes that nothing went wrong.
    pub(crate) fn succeed(&mut self, verdict: Verdict) {
        self.verdict = verdict;
        self.exit = Exit::Done;
    }

    /// Notes what went wrong.
    pub(crate) fn fail(&mut self, error: &Error) {
        self.exit = error.exit();
        self.verdict = match error {
            Error::Interrupted => Verdict::Interrupted,
            Error::FailedFast { .. } => Verdict::Stopped,
            _ => Verdict::Failed,
        };
        self.error = Some(error.chain());
        self.hint = error.hint();
    }
}
