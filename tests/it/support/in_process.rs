//! The engine of the library, run in the test's own process on a project's pipeline file.

use std::sync::Arc;

use fanout::SinkRegistry;
use fanout::config::{Environment, Overrides, Pipeline};
use fanout::engine::{self, Progress, RunOptions};
use fanout::error::Error;
use fanout::report::{AccountReport, RunReport};

use super::builder::SECRET;
use super::project::{BASE_URL_VARIABLE, Project};

/// The section of one sink that remembers what it was given.
pub(crate) const ONE_SINK: &str = "[sinks.kept]\ntype = 'recorder'\n";

impl Project {
    /// Runs the pipeline file with the sink of [`ONE_SINK`].
    pub(crate) async fn engine_run(&self) -> AccountReport {
        self.engine_run_with(ONE_SINK).await
    }

    /// Runs the pipeline file with these sections behind it, and returns the report of its first
    /// account.
    pub(crate) async fn engine_run_with(&self, sinks: &str) -> AccountReport {
        let report = self.engine_run_file(&(self.file() + sinks), RunOptions::default()).await.unwrap();
        report.accounts.into_iter().next().unwrap()
    }

    /// Runs another pipeline file in this folder.
    pub(crate) async fn engine_run_file(&self, text: &str, selection: RunOptions) -> Result<RunReport, Error> {
        self.engine_run_set(text, &[], selection).await
    }

    /// Runs another pipeline file in this folder, with these `--set`.
    pub(crate) async fn engine_run_set(
        &self,
        text: &str,
        set: &[String],
        selection: RunOptions,
    ) -> Result<RunReport, Error> {
        let set = set.to_vec();
        let pipeline = self.load(text, &Overrides { environment: self.environment(), set, ..Overrides::default() });
        let progress = Arc::new(Progress::new(&pipeline));
        engine::run(pipeline, &self.registry(), selection, progress, self.stop.clone()).await
    }

    /// Checks another pipeline file in this folder, as `fanout check` does.
    pub(crate) async fn engine_check_file(&self, text: &str) -> RunReport {
        let pipeline = self.load(text, &Overrides { environment: self.environment(), ..Overrides::default() });
        engine::check(pipeline, &self.registry(), RunOptions::default()).await.unwrap()
    }

    /// Replays another pipeline file in this folder for the sinks `names`, in an environment
    /// without the secret.
    pub(crate) async fn engine_replay(
        &self,
        text: &str,
        names: &[&str],
        selection: RunOptions,
    ) -> Result<RunReport, Error> {
        let environment = [(BASE_URL_VARIABLE, self.api().base_url())].into_iter().collect();
        let pipeline = self.load(text, &Overrides { offline: true, environment, ..Overrides::default() });
        let progress = Arc::new(Progress::new(&pipeline));
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        engine::replay(pipeline, &self.registry(), &names, selection, progress, self.stop.clone()).await
    }

    fn load(&self, text: &str, overrides: &Overrides) -> Pipeline {
        let mut pipeline = Pipeline::from_toml(text, &self.path("p.toml"), overrides).unwrap();
        pipeline.clock = self.clock.clone();
        pipeline
    }

    /// Returns the variables that a pipeline file may name: a secret, a good token, and one that
    /// was never good.
    fn environment(&self) -> Environment {
        let (secret, value) = SECRET;
        let token = self.api().issue_token(&self.settings.app_id);
        let base_url = self.api().base_url();
        let variables =
            [(BASE_URL_VARIABLE, base_url.as_str()), (secret, value), ("STALE", "a-stale-token"), ("TOKEN", &token)];
        variables.into_iter().collect()
    }

    fn registry(&self) -> SinkRegistry {
        SinkRegistry::builtin().with(self.recorder.clone())
    }
}
