//! The engine against a WeChat API on loopback: whole runs, with a sink that remembers what it was given.

mod list_content;
pub(crate) mod recorder;
mod replay;
mod rules;
mod sink_policy;

use std::sync::Arc;

use fanout::SinkRegistry;
use fanout::config::{Overrides, Pipeline};
use fanout::engine::{self, AccountReport, Progress, RunReport, Selection};
use fanout::simulator::{Followers, Simulator, SimulatorBuilder, SimulatorHandle};
use fanout_sink::Snapshot;
use recorder::Recorder;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// The app id of the one account that most tests need.
pub(crate) const APP_ID: &str = "wx0000000000000001";

/// A place where runs take place: a simulated API, a state folder, and a sink type `recorder`.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) simulator: SimulatorHandle,
    pub(crate) recorder: Recorder,
    stop: CancellationToken,
}

impl Place {
    pub(crate) async fn new(simulator: SimulatorBuilder) -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            simulator: simulator.start().await.unwrap(),
            recorder: Recorder::default(),
            stop: CancellationToken::new(),
        }
    }

    /// The head of a pipeline file for this place; sections follow.
    pub(crate) fn head(&self) -> String {
        format!(
            "name = 'test'\n\
             [source]\n\
             base_url = '{}'\n\
             retry = {{ attempts = 3, base_ms = 1, max_ms = 4 }}\n\
             [[accounts]]\n\
             name = 'brand'\n\
             app_id = '{APP_ID}'\n\
             secret = {{ env = 'SECRET' }}\n",
            self.simulator.base_url()
        )
    }

    fn pipeline(&self, text: &str, set: &[String]) -> Pipeline {
        let token = self.simulator.issue_token(APP_ID);
        let environment = [("SECRET", "a secret"), ("STALE", "a stale token"), ("TOKEN", &token)].into_iter().collect();
        let overrides = Overrides { environment, set: set.to_vec(), ..Overrides::default() };
        Pipeline::from_toml(text, &self.folder.path().join("p.toml"), &overrides).unwrap()
    }

    fn registry(&self) -> SinkRegistry {
        SinkRegistry::builtin().with(self.recorder.clone())
    }

    /// Runs the pipeline file `text`.
    pub(crate) async fn run_file(&self, text: &str, selection: Selection) -> Result<RunReport, fanout::error::Error> {
        self.run_set(text, &[], selection).await
    }

    /// Runs the pipeline file `text` with these `--set`.
    pub(crate) async fn run_set(
        &self,
        text: &str,
        set: &[String],
        selection: Selection,
    ) -> Result<RunReport, fanout::error::Error> {
        let pipeline = self.pipeline(text, set);
        let progress = Arc::new(Progress::new(&pipeline));
        engine::run(pipeline, &self.registry(), selection, progress, self.stop.clone()).await
    }

    /// Runs one account with the sinks in `sinks`.
    async fn run_with(&self, sinks: &str) -> AccountReport {
        let report = self.run_file(&(self.head() + sinks), Selection::default()).await.unwrap();
        report.accounts.into_iter().next().unwrap()
    }

    /// Runs one account with one recording sink.
    pub(crate) async fn run(&self) -> AccountReport {
        self.run_with(ONE_SINK).await
    }

    pub(crate) fn truth(&self) -> Vec<String> {
        self.simulator.followers(APP_ID).iter().collect()
    }

    pub(crate) fn calls(&self) -> u64 {
        self.simulator.requests().user_get
    }
}

pub(crate) const ONE_SINK: &str = "[sinks.kept]\ntype = 'recorder'\n";

/// Asserts that the account is published, and returns the facts of its list.
#[track_caller]
pub(crate) fn published(report: &AccountReport) -> &Snapshot {
    assert_eq!(report.error, None, "{report:#?}");
    assert_eq!(report.exit.code(), 0, "{report:#?}");
    report.snapshot.as_ref().unwrap()
}

/// Asserts that the account has failed with this exit code and these words.
#[track_caller]
pub(crate) fn failed(report: &AccountReport, exit: u8, words: &str) {
    assert_eq!(report.exit.code(), exit, "{report:#?}");
    let error = report.error.as_deref().unwrap_or_default();
    assert!(error.contains(words), "{error}");
}

/// Pages that hold these followers.
fn pages(followers: u64, page_size: u64) -> u64 {
    followers.div_ceil(page_size)
}

fn list(followers: &Followers) -> Vec<String> {
    followers.iter().collect()
}
