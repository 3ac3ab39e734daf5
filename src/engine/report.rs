//! What came of a run.

use fanout_sink::{SinkReport, Snapshot};
use serde::Serialize;

use crate::error::{Error, Exit};

/// What came of a run: of every account, in the order of the pipeline file.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct RunReport {
    /// The pipeline's name.
    pub pipeline: String,
    /// The worst of the accounts.
    pub exit: Exit,
    /// The accounts.
    pub accounts: Vec<AccountReport>,
}

/// What came of one account.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct AccountReport {
    /// The account's name.
    pub account: String,
    /// The account's app id.
    pub app_id: String,
    /// In one word.
    pub outcome: Outcome,
    /// What the account alone would end the process with.
    pub exit: Exit,
    /// The walk, if the run came as far as that.
    pub walk: Option<String>,
    /// The logical date of the snapshot.
    pub date: Option<String>,
    /// The facts of the list, once they are decided: also where a sink has failed after that.
    pub snapshot: Option<Snapshot>,
    /// Pages in the journal.
    pub pages: u64,
    /// Calls of `user/get` in this run, failed ones included.
    pub calls: u64,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
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
}

impl Outcome {
    /// Returns the outcome as text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Published => "published",
            Self::AlreadyPublished => "already published",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// What came of one sink.
#[derive(Clone, Debug, Serialize)]
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
#[derive(Clone, Debug, Serialize)]
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
    pub(super) fn new(pipeline: &str, accounts: Vec<AccountReport>) -> Self {
        let exit = accounts.iter().fold(Exit::Done, |exit, account| exit.worst(account.exit));
        Self { pipeline: pipeline.to_owned(), exit, accounts }
    }
}

impl AccountReport {
    pub(super) fn new(account: &str, app_id: &str) -> Self {
        Self {
            account: account.to_owned(),
            app_id: app_id.to_owned(),
            outcome: Outcome::Published,
            exit: Exit::Done,
            walk: None,
            date: None,
            snapshot: None,
            pages: 0,
            calls: 0,
            seconds: 0.0,
            sinks: Vec::new(),
            error: None,
            hint: None,
        }
    }

    /// Notes what went wrong.
    pub(super) fn fail(&mut self, error: &Error) {
        self.exit = error.exit();
        self.outcome = if self.exit == Exit::Interrupted { Outcome::Interrupted } else { Outcome::Failed };
        self.error = Some(error.chain());
        self.hint = error.hint();
    }
}
