//! The report of a run, of one list of one account in it, and of one sink of that list.
//!
//! Before it: the [`engine`](crate::engine) fills it in. Behind it: [`RunReports`] records it, and
//! others print, read and export it.

use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use fanout_sink::schemars::JsonSchema;
use fanout_sink::schemars::generate::SchemaSettings;
use fanout_sink::{SinkError, SinkReport, Snapshot, WalkId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::told::{ChangesReport, TagsReport};
use crate::causes::error_chain;
use crate::config::{Account, Pipeline};
use crate::error::{Error, Exit};
use crate::journal::{OpenReport, RunReports};
use crate::wechat::List;

/// The report of a run, recorded as `runs/<run>.json` under `journal.path`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "fanout_sink::schemars")]
#[non_exhaustive]
pub struct RunReport {
    /// The name of the run, under which its report is recorded; `null` for a check.
    pub run: Option<String>,
    /// When it began, in UTC: `2026-01-31T02:00:00Z`.
    pub begun_at: DateTime<Utc>,
    /// Wall time, in seconds.
    pub seconds: f64,
    /// The shard of the accounts, as in `--shard`; `null` for a run of all selected accounts.
    pub shard: Option<String>,
    /// The pipeline's name.
    pub pipeline: String,
    /// The worst exit of the accounts.
    pub exit: Exit,
    /// The lists of the accounts, accounts in the order of the pipeline file. A list that was
    /// published for several dates is there once for each, the oldest first.
    pub accounts: Vec<AccountReport>,
}

/// The result of one list of one account for one date.
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
    /// The result in one word.
    pub verdict: Verdict,
    /// The exit of the process, if this were its only list.
    pub exit: Exit,
    /// The walk; `null` if the run failed before its first reply.
    pub walk: Option<WalkId>,
    /// The logical date of the walk; if it has not begun, the one that it was to have.
    pub date: Option<NaiveDate>,
    /// The facts of the list, once they are decided, even if a sink failed after the decision.
    pub snapshot: Option<Snapshot>,
    /// What the list tells, if it is a list of changes; `null` for other lists, and until it is
    /// decided.
    #[serde(default)]
    pub changes: Option<ChangesReport>,
    /// What came of the tags, if it is a list of tags or of their people; `null` for other lists,
    /// and until it is decided.
    #[serde(default)]
    pub tags: Option<TagsReport>,
    /// The rows of the list that was decided before this one; `null` for the first list.
    pub previous_rows: Option<u64>,
    /// When the last page of that earlier list was fetched, in UTC.
    pub previous_fetched_at: Option<DateTime<Utc>>,
    /// Pages in the journal; of a list that is read in batches, the batches with a reply.
    pub pages: u64,
    /// Those of them that earlier runs had read, if this run has resumed the walk; else 0.
    pub pages_before: u64,
    /// How far the walk is, if the list is read in batches; `null` for other lists, and if the run
    /// did not come to ask for a batch.
    #[serde(default)]
    pub batches: Option<BatchesReport>,
    /// Calls for pages or batches in this run, failed ones included.
    pub calls: u64,
    /// Such calls that are left today, as stated by WeChat or else counted in this state;
    /// `null` if the run made no call.
    pub calls_left: Option<u64>,
    /// Tries after the first one, for calls of all kinds.
    pub retries: u64,
    /// Wall time, in seconds.
    pub seconds: f64,
    /// The sinks, in the order of the pipeline file.
    pub sinks: Vec<SinkOutcome>,
    /// The error, with its causes.
    pub error: Option<String>,
    /// What a person can do about it.
    pub hint: Option<String>,
}

/// How far a walk of batches is, and what the rest of it takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "fanout_sink::schemars")]
#[non_exhaustive]
pub struct BatchesReport {
    /// The batches of the whole list.
    pub all: u64,
    /// Those of them without a reply.
    pub left: u64,
    /// How many got their first reply in a second; `null` if that cannot be told yet. A run counts
    /// its own, `status` the latest ones in the journal.
    pub per_second: Option<f64>,
    /// How many of the day's calls a batch takes; `null` if that was not measured.
    pub cost: Option<u64>,
    /// The days whose calls the batches that are left take, at that cost and with as many calls a
    /// day as WeChat states, or else as the pipeline file says; `null` without a cost.
    pub days: Option<u64>,
}

/// The result of a list of an account, in one word, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "fanout_sink::schemars")]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// A run can begin. Only `check` says so.
    Ready,
    /// An earlier run has published the list.
    AlreadyPublished,
    /// The list is complete, and every required sink has published it.
    Published,
    /// It was stopped after another account had failed, under `--fail-fast` or because both depend
    /// on the same platform; the journal is kept.
    Stopped,
    /// A signal stopped it; the journal is kept.
    Interrupted,
    /// The process ended before the run did, as after `kill -9`; the journal is kept. The report
    /// says what was known when the run began.
    CutOff,
    /// No page or batch of it was asked for, because the platform that its tokens come from has
    /// failed for another account; the journal is kept.
    NotTried,
    /// An error ended it; the journal is kept.
    Failed,
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
            Self::CutOff => "cut off",
            Self::NotTried => "not tried",
        }
    }
}

/// The result of one sink.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "fanout_sink::schemars")]
#[non_exhaustive]
pub struct SinkOutcome {
    /// The sink's name in the pipeline file.
    pub sink: String,
    /// Whether the account fails if the sink fails.
    pub required: bool,
    /// Whether each run delivers the list to the sink anew, whatever was delivered before, and
    /// records nothing of it.
    #[serde(default)]
    pub one_shot: bool,
    /// What this run found of the list, if an earlier run has published it; `null` if none has, or
    /// if the sink could not look.
    #[serde(default)]
    pub found: Option<FoundList>,
    /// The state of the sink.
    #[serde(flatten)]
    pub state: SinkState,
}

/// What became of a list after its commit, as the sink found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "fanout_sink::schemars")]
#[serde(rename_all = "snake_case")]
pub enum FoundList {
    /// It is there, unchanged.
    Held,
    /// A newer list of the same owner is in its place.
    Replaced,
    /// Another owner's data is in its place.
    Taken,
    /// It is there, but changed.
    Altered,
    /// It is not there, and nothing is in its place.
    Gone,
    /// The sink cannot tell.
    Unknown,
}

/// The state of a sink at the end of a run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "fanout_sink::schemars")]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum SinkState {
    /// It published the list in this run; if `found` is `gone`, for the second time. Of a one-shot
    /// sink: it took the list.
    Published(SinkReport),
    /// It published the list in an earlier run. If `found` is `gone`, the list is no longer there,
    /// and `when_gone` is `ignore`.
    AlreadyPublished(SinkReport),
    /// It failed.
    Failed {
        /// The error, with its causes.
        error: String,
        /// What a person can do about it.
        hint: Option<String>,
    },
    /// The run ended before its turn.
    NotReached,
    /// The list is not for this sink: it tells changes since before the sink was added, or tells
    /// others who follows. Or it is owed to others, and this sink is one-shot.
    NotDue,
}

impl SinkOutcome {
    /// Returns whether the list is gone and is yet to be delivered again.
    pub(crate) fn is_lost(&self) -> bool {
        self.found == Some(FoundList::Gone) && matches!(self.state, SinkState::NotReached)
    }
}

impl SinkState {
    /// Makes the state of a sink that has failed with `error`.
    pub(crate) fn failed(error: &SinkError) -> Self {
        Self::Failed { error: error_chain(error), hint: error.hint().map(str::to_owned) }
    }
}

impl RunReport {
    /// Returns the [JSON Schema](https://json-schema.org) of a report, as it is recorded and
    /// printed.
    pub fn schema() -> Value {
        let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
        let mut schema = generator.into_root_schema_for::<Self>().to_value();
        schema["title"] = "The report of a run of fanout".into();
        schema
    }

    /// Returns the report of a run that began at `begun_at` and ends now.
    pub(crate) fn new(pipeline: &Pipeline, begun_at: DateTime<Utc>, accounts: Vec<AccountReport>) -> Self {
        let exit = accounts.iter().fold(Exit::Done, |exit, account| exit.worst(account.exit));
        Self {
            run: None,
            begun_at: begun_at.trunc_subsecs(0),
            seconds: (pipeline.clock.now() - begun_at).as_seconds_f64().max(0.0),
            shard: pipeline.shard.map(|shard| shard.to_string()),
            pipeline: pipeline.name.clone(),
            exit,
            accounts,
        }
    }

    /// Records under `journal.path` that a run has begun, with the accounts of which nothing is
    /// known but that they were cut off. A failure to do so is logged and does not fail the run.
    pub(crate) fn begin(
        pipeline: &Pipeline,
        begun_at: DateTime<Utc>,
        accounts: Vec<AccountReport>,
    ) -> Option<OpenReport> {
        Self::new(pipeline, begun_at, accounts).open(&RunReports::new(&pipeline.journal.path))
    }

    /// Records the report in the place of what `begin` has recorded. A failure to do so is logged
    /// and does not fail the run.
    pub(crate) fn record(mut self, begun: Option<OpenReport>, pipeline: &Pipeline) -> Self {
        // What could not be recorded at the beginning may be possible now.
        let begun = begun.or_else(|| self.open(&RunReports::new(&pipeline.journal.path)));
        let Some(begun) = begun else { return self };
        self.run = Some(begun.run().to_owned());
        if let Err(error) = begun.end(&self) {
            tracing::warn!(error = error_chain(&error), "the report of the run cannot be recorded");
            self.run = None;
        }
        self
    }

    fn open(&self, reports: &RunReports) -> Option<OpenReport> {
        let named = |run: &str| Self { run: Some(run.to_owned()), ..self.clone() };
        let opened = reports.begin(&self.pipeline, self.begun_at, named);
        let warn = |error| tracing::warn!(error = error_chain(&error), "the report of the run cannot be recorded");
        opened.map_err(warn).ok()
    }
}

impl BatchesReport {
    /// Returns how far a walk of `all` batches is of which `answered` have a reply. `cost` is that
    /// of a batch, if it was measured, and `calls_a_day` are the calls that a day has.
    pub(crate) fn new(
        all: u64,
        answered: u64,
        per_second: Option<f64>,
        cost: Option<u64>,
        calls_a_day: Option<u64>,
    ) -> Self {
        let left = all.saturating_sub(answered);
        let calls_a_day = calls_a_day.filter(|&calls| calls > 0);
        let days = cost.zip(calls_a_day).map(|(cost, calls_a_day)| left.saturating_mul(cost).div_ceil(calls_a_day));
        Self { all, left, per_second, cost, days }
    }
}

impl AccountReport {
    /// Returns the report of a list before its run: a failure, until a verdict replaces it.
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
            changes: None,
            tags: None,
            previous_rows: None,
            previous_fetched_at: None,
            pages: 0,
            pages_before: 0,
            batches: None,
            calls: 0,
            calls_left: None,
            retries: 0,
            seconds: 0.0,
            sinks: Vec::new(),
            error: None,
            hint: None,
        }
    }

    /// Sets the facts of the list, and what it tells.
    pub(crate) fn set_list(&mut self, list: Option<Snapshot>) {
        self.changes = list.as_ref().and_then(ChangesReport::of);
        self.tags = list.as_ref().and_then(TagsReport::of);
        self.snapshot = list;
    }

    /// Returns whether the list is published: every required sink has it. So is a list that lacks
    /// some tags, though its row has failed.
    pub(crate) fn is_published(&self) -> bool {
        use SinkState::{AlreadyPublished, NotDue, Published};
        let has_it = |sink: &SinkOutcome| matches!(sink.state, Published(_) | AlreadyPublished(_) | NotDue);
        match self.verdict {
            Verdict::Published | Verdict::AlreadyPublished => true,
            Verdict::Failed => {
                self.tags.as_ref().is_some_and(|tags| !tags.failed.is_empty())
                    && self.sinks.iter().filter(|sink| sink.required).all(has_it)
            }
            _ => false,
        }
    }

    /// Sets a verdict other than a failure.
    pub(crate) fn succeed(&mut self, verdict: Verdict) {
        self.verdict = verdict;
        self.exit = Exit::Done;
    }

    /// Makes it the report of a list whose run ends before it can say more.
    #[must_use]
    pub(crate) fn cut_off(self, how_to_go_on: &str) -> Self {
        Self {
            verdict: Verdict::CutOff,
            exit: Exit::Interrupted,
            error: Some("the process ended before the run did; it was killed, or the machine went down".to_owned()),
            hint: Some(how_to_go_on.to_owned()),
            ..self
        }
    }

    /// Sets the error, and the verdict and exit that follow from it.
    pub(crate) fn fail(&mut self, error: &Error) {
        self.exit = error.exit();
        self.verdict = match error {
            Error::Interrupted => Verdict::Interrupted,
            error if error.has_stopped() => Verdict::Stopped,
            error if error.was_not_tried() => Verdict::NotTried,
            _ => Verdict::Failed,
        };
        self.error = Some(error.chain());
        self.hint = error.hint();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Credential;

    #[test]
    fn the_rest_of_a_walk_takes_the_days_that_its_cost_and_the_days_calls_give() {
        let days = |answered, cost, calls| BatchesReport::new(10_102, answered, None, cost, calls).days;
        assert_eq!(days(0, Some(100), Some(500_000)), Some(3));
        assert_eq!(days(102, Some(100), Some(500_000)), Some(2));
        assert_eq!(days(0, Some(1), Some(500_000)), Some(1));
        assert_eq!(days(10_102, Some(100), Some(500_000)), Some(0));
        assert_eq!([days(0, None, Some(500_000)), days(0, Some(1), None), days(0, Some(1), Some(0))], [None; 3]);
    }

    #[test]
    fn a_list_of_which_nothing_else_was_said_has_failed() {
        let account = Account { name: "brand".to_owned(), app_id: "wx1".to_owned(), credential: Credential::Simulated };
        let new = || AccountReport::new(&account, List::default());
        assert_eq!((new().verdict, new().exit), (Verdict::Failed, Exit::Failed));
        let cut_off = new().cut_off("run it again");
        assert_eq!((cut_off.verdict, cut_off.exit), (Verdict::CutOff, Exit::Interrupted));
        let mut report = new();
        report.succeed(Verdict::Published);
        assert_eq!((report.verdict, report.exit), (Verdict::Published, Exit::Done));
        // What fails behind that, such as the prune, is the result.
        report.fail(&Error::Interrupted);
        assert_eq!((report.verdict, report.exit), (Verdict::Interrupted, Exit::Interrupted));
    }
}
