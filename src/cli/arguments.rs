//! Arguments that several commands share. They load the pipeline file for the command.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
#[cfg(feature = "simulator")]
use chrono::{DateTime, Utc};
use clap::Args;

#[cfg(feature = "simulator")]
use super::night;
use crate::config::{ConfigErrors, Environment, Overrides, Pipeline, Shard};
use crate::engine::{self, RunOptions};
use crate::registry::SinkRegistry;

/// How many warnings about a pipeline file are shown: it may have thousands of accounts.
const WARNINGS_SHOWN: usize = 5;

/// A pipeline file, and what the command line changes about it.
#[derive(Debug, Args)]
pub(super) struct FileArguments {
    /// The pipeline file (TOML)
    #[arg(value_name = "FILE")]
    path: PathBuf,
    /// Set a key of the pipeline file, such as `journal.keep=5`; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Read this many made-up followers instead of the real list, with a state and outputs of their
    /// own
    #[arg(long, value_name = "FOLLOWERS", value_parser = parse_count)]
    simulate: Option<u64>,
    /// Set the clock to this instant, for tests of dates: only for a list of the simulator
    #[cfg(feature = "simulator")]
    #[arg(long, value_name = "INSTANT", hide = true)]
    clock: Option<DateTime<Utc>>,
}

impl FileArguments {
    /// Reads the pipeline file for a command that makes no call: it needs neither credentials nor a
    /// simulator.
    pub(super) fn load_offline(&self, environment: &Environment) -> Result<Pipeline, ConfigErrors> {
        self.load(environment, true, Pipeline::load)
    }

    fn load(
        &self,
        environment: &Environment,
        offline: bool,
        load: impl FnOnce(&Path, &Overrides) -> Result<Pipeline, ConfigErrors>,
    ) -> Result<Pipeline, ConfigErrors> {
        let (environment, set) = (environment.clone(), self.set.clone());
        let overrides = Overrides { environment, set, simulate: self.simulate, offline };
        let pipeline = load(&self.path, &overrides)?;
        #[cfg(feature = "simulator")]
        {
            self.set_clock(&pipeline)?;
            night::reach(&pipeline);
        }
        Ok(pipeline)
    }

    /// Sets the clock. WeChat's own lists never get a date that somebody has set.
    #[cfg(feature = "simulator")]
    fn set_clock(&self, pipeline: &Pipeline) -> Result<(), ConfigErrors> {
        let Some(now) = self.clock else { return Ok(()) };
        if pipeline.source.simulate.is_none() && !pipeline.source.base_url.is_loopback() {
            let message = "found an API that is not on this machine, expected a simulated one: `--clock` is for tests";
            return Err(pipeline.problem("source.base_url", message).into());
        }
        pipeline.clock.set(now);
        Ok(())
    }
}

/// A pipeline file, the accounts and lists of it that are selected, and the form of the result.
#[derive(Debug, Args)]
pub(super) struct PipelineArguments {
    #[command(flatten)]
    file: FileArguments,
    /// Only accounts with this name, or that match this pattern (`brand-*`); may be repeated
    /// [default: all]
    #[arg(long = "account", value_name = "NAME")]
    accounts: Vec<String>,
    /// Only this list of the accounts; may be repeated [default: every list that a sink takes]
    #[arg(long = "list", value_name = "NAME")]
    lists: Vec<String>,
    /// Only this part of the accounts, from `0/4` to `3/4`
    ///
    /// Each account belongs to exactly one shard, and stays there when other accounts come and go.
    /// A scheduler that numbers its tasks from 0 gives the index in a variable: in Kubernetes
    /// `$(JOB_COMPLETION_INDEX)/4`, which it expands in `args`; elsewhere through a shell, such as
    /// `"$SLURM_ARRAY_TASK_ID/4"`.
    #[arg(long, value_name = "INDEX/COUNT")]
    shard: Option<Shard>,
    /// Print the result as one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

impl PipelineArguments {
    /// Reads the pipeline file and leaves only the selected accounts in it. If the file is wrong,
    /// the problems of its sinks are among the errors.
    pub(super) fn load(&self, environment: &Environment, registry: &SinkRegistry) -> Result<Pipeline, ConfigErrors> {
        let load = |file: &Path, overrides: &Overrides| engine::load(file, overrides, registry);
        let pipeline = self.select(self.file.load(environment, false, load)?)?;
        let (shown, more) = pipeline.warnings.split_at(pipeline.warnings.len().min(WARNINGS_SHOWN));
        for warning in shown {
            tracing::warn!("{warning}");
        }
        if !more.is_empty() {
            tracing::warn!("{}: {} more warnings of this kind", self.file.path.display(), more.len());
        }
        if cfg!(not(feature = "simulator")) && pipeline.source.simulate.is_some() {
            let message = "this program was built without the feature `simulator`, which a simulated list needs";
            return Err(pipeline.problem("source.simulate", message).into());
        }
        Ok(pipeline)
    }

    /// Does the same for a command that makes no call: it needs neither credentials nor a
    /// simulator.
    pub(super) fn load_offline(&self, environment: &Environment) -> Result<Pipeline, ConfigErrors> {
        self.select(self.file.load_offline(environment)?)
    }

    /// Returns the path of the pipeline file, as given.
    pub(super) fn file(&self) -> &Path {
        &self.file.path
    }

    fn select(&self, mut pipeline: Pipeline) -> Result<Pipeline, ConfigErrors> {
        pipeline.select(&self.accounts, self.shard)?;
        pipeline.select_lists(&self.lists)?;
        Ok(pipeline)
    }
}

/// `--date`, for the commands that choose a walk.
#[derive(Debug, Args)]
pub(super) struct DateArguments {
    /// Only the list of this date; a list can begin for today and yesterday only [default: the
    /// open list of an earlier day, then today's; the days are those of Beijing]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_date)]
    date: Option<NaiveDate>,
}

impl DateArguments {
    /// Returns the options of a run with this date.
    pub(super) fn run_options(&self) -> RunOptions {
        RunOptions { date: self.date, ..RunOptions::default() }
    }
}

/// Parses a date, which must have the form that paths use.
fn parse_date(text: &str) -> Result<NaiveDate, String> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|date| date.to_string() == text);
    date.ok_or_else(|| "expected a date such as `2026-01-31`".to_owned())
}

/// Parses a whole number; `_` may group its digits.
pub(super) fn parse_count(text: &str) -> Result<u64, String> {
    let digits = text.replace('_', "");
    digits.parse().map_err(|_| "expected a whole number such as `23000` or `10_000_000`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_has_one_form() {
        assert_eq!(parse_date("2026-01-31").unwrap().to_string(), "2026-01-31");
        for text in ["2026-1-31", "2026-02-30", "20260131", " 2026-01-31", "today", ""] {
            assert!(parse_date(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_digits_of_a_count_may_be_grouped() {
        assert_eq!(parse_count("10_000_000"), Ok(10_000_000));
        for text in ["", "_", "-1", "1e6", "many"] {
            assert!(parse_count(text).is_err(), "{text}");
        }
    }
}
