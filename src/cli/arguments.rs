//! Arguments that several commands share, and what they make of a pipeline file.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::Args;

use crate::config::{ConfigError, ConfigErrors, Environment, Overrides, Pipeline, did_you_mean};
use crate::engine::Selection;

/// A pipeline file, and what the command line changes about it.
#[derive(Debug, Args)]
pub(super) struct FileArguments {
    /// The pipeline file (TOML)
    #[arg(value_name = "FILE")]
    path: PathBuf,
    /// Set a key of the pipeline file, such as `journal.keep=5`; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Read so many made-up followers instead of the real list, with a state and outputs of their own
    #[arg(long, value_name = "FOLLOWERS", value_parser = parse_count)]
    simulate: Option<u64>,
}

impl FileArguments {
    /// Reads the pipeline file for a command that makes no call: it needs no credentials, and no simulator.
    pub(super) fn load_offline(&self, environment: &Environment) -> Result<Pipeline, ConfigErrors> {
        self.load(environment, true)
    }

    fn load(&self, environment: &Environment, offline: bool) -> Result<Pipeline, ConfigErrors> {
        let (environment, set) = (environment.clone(), self.set.clone());
        let overrides = Overrides { environment, set, simulate: self.simulate, offline };
        Pipeline::load(&self.path, &overrides)
    }
}

/// Which accounts of a pipeline file a command is about, and how it tells what came of them.
#[derive(Debug, Args)]
pub(super) struct PipelineArguments {
    #[command(flatten)]
    file: FileArguments,
    /// Only this account of the file; may be repeated [default: all]
    #[arg(long = "account", value_name = "NAME")]
    accounts: Vec<String>,
    /// Print the result as one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

impl PipelineArguments {
    /// Reads the pipeline file and leaves only the selected accounts in it.
    pub(super) fn load(&self, environment: &Environment) -> Result<Pipeline, ConfigErrors> {
        let mut pipeline = self.file.load(environment, false)?;
        if cfg!(not(feature = "simulator")) && pipeline.source.simulate.is_some() {
            let message = "this program was built without the feature `simulator`, which a simulated list needs";
            return Err(pipeline.problem("source.simulate", message).into());
        }
        select_accounts(&mut pipeline, &self.accounts)?;
        Ok(pipeline)
    }

    /// The same for a command that makes no call: it needs no credentials, and no simulator.
    pub(super) fn load_offline(&self, environment: &Environment) -> Result<Pipeline, ConfigErrors> {
        let mut pipeline = self.file.load_offline(environment)?;
        select_accounts(&mut pipeline, &self.accounts)?;
        Ok(pipeline)
    }

    /// Returns the pipeline file's path, as it was given.
    pub(super) fn file(&self) -> &Path {
        &self.file.path
    }
}

/// `--date`, of the commands that are about one list.
#[derive(Debug, Args)]
pub(super) struct DateArguments {
    /// Label the snapshot with this date; it cannot fetch the past [default: today in Beijing, or the date of the open
    /// walk]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_date)]
    date: Option<NaiveDate>,
}

impl DateArguments {
    /// Returns what the arguments say about the walk.
    pub(super) fn selection(&self) -> Selection {
        Selection { date: self.date, ..Selection::default() }
    }
}

/// Keeps the accounts that are named, in the order of the file; all of them if none is.
fn select_accounts(pipeline: &mut Pipeline, selected: &[String]) -> Result<(), ConfigErrors> {
    let unknown = selected.iter().filter(|name| pipeline.accounts.iter().all(|account| account.name != **name));
    let problems = unknown.map(|name| unknown_account(pipeline, name, "`--account`"));
    ConfigErrors::check(problems.collect(), Some(()))?;
    if !selected.is_empty() {
        pipeline.accounts.retain(|account| selected.contains(&account.name));
    }
    Ok(())
}

/// Makes the error that `asking` names an account which the file has not.
pub(super) fn unknown_account(pipeline: &Pipeline, name: &str, asking: &str) -> ConfigError {
    let names: Vec<&str> = pipeline.accounts.iter().map(|account| account.name.as_str()).collect();
    let hint = did_you_mean(name, &names);
    let known = names.join("`, `");
    pipeline.problem(
        "accounts",
        format!("found no account `{name}`, which {asking} asks for; expected one of `{known}`{hint}"),
    )
}

/// Reads a date in exactly the form in which it will stand in paths.
fn parse_date(text: &str) -> Result<NaiveDate, String> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|date| date.to_string() == text);
    date.ok_or_else(|| "expected a date such as `2026-01-31`".to_owned())
}

/// Reads a whole number; `_` may group its digits.
pub(super) fn parse_count(text: &str) -> Result<u64, String> {
    let digits = text.replace('_', "");
    digits.parse().map_err(|_| "expected a whole number such as `23000` or `10_000_000`".to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const FILE: &str = r#"
        name = "test"
        source.simulate = { followers = 1 }
        accounts = [
            { name = "brand", app_id = "wx1" },
            { name = "shop", app_id = "wx2" },
            { name = "商店", app_id = "wx3" },
        ]
        [sinks.archive]
        type = "parquet"
    "#;

    fn selected(names: &[&str]) -> Result<Vec<String>, String> {
        let mut pipeline = Pipeline::from_toml(FILE, Path::new("p.toml"), &Overrides::default()).unwrap();
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        select_accounts(&mut pipeline, &names).map_err(|errors| errors.to_string())?;
        Ok(pipeline.accounts.into_iter().map(|account| account.name).collect())
    }

    #[test]
    fn accounts_are_selected_by_name_and_stay_in_the_order_of_the_file() {
        assert_eq!(selected(&[]).unwrap(), ["brand", "shop", "商店"]);
        assert_eq!(selected(&["商店", "brand", "brand"]).unwrap(), ["brand", "商店"]);
    }

    #[test]
    fn every_unknown_account_is_reported_with_those_that_there_are() {
        let expected = "expected one of `brand`, `shop`, `商店`";
        assert_eq!(
            selected(&["brnd", "shop", "x"]).unwrap_err(),
            format!(
                "p.toml: `accounts`: found no account `brnd`, which `--account` asks for; {expected}; did you mean `brand`?\n\
                 p.toml: `accounts`: found no account `x`, which `--account` asks for; {expected}"
            )
        );
    }

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
