//! From the merged layers to a [`Pipeline`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fanout_sink::schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use super::account::Account;
use super::accounts_file::AccountsSection;
use super::checked;
use super::error::{ConfigError, ConfigErrors, is_reported};
use super::layers::{self, Overrides};
use super::secret::SecretResolver;
use super::section::{JournalSection, LimitsSection, MetricsSection, SourceSection};
use super::shard::Shard;
use super::sink_section::{SinkKeys, SinkSection};
use super::tree::Tree;

/// A pipeline file with its overrides: valid, with every path relative to where it was meant to be, and every secret
/// of its accounts read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Pipeline {
    /// `name`: what commit records and reports call it: letters, digits, `_` and `-`. No default.
    pub name: String,
    /// The pipeline file, as it was given.
    pub file: PathBuf,
    /// The folder of the pipeline file, where relative paths start; empty for the working directory.
    pub directory: PathBuf,
    /// `[source]`: where the lists are read.
    pub source: SourceSection,
    /// `[[accounts]]`, or the accounts of `accounts.file`: whose lists are read; in the order of the file, as long as
    /// nobody takes some out.
    pub accounts: Vec<Account>,
    /// The names of all accounts of the file, whichever of them are read.
    pub account_names: Vec<String>,
    /// `--shard`: the part of the accounts that was kept; none if it is all of them.
    pub shard: Option<Shard>,
    /// `[journal]`: where the raw pages are kept.
    pub journal: JournalSection,
    /// `[limits]`: what a run may use.
    pub limits: LimitsSection,
    /// `[metrics]`: what a run tells Prometheus.
    pub metrics: MetricsSection,
    /// `[sinks.<name>]`: where the lists go; at least one, in the order of their names.
    pub sinks: Vec<SinkSection>,
    /// Whether `--simulate` stands in for the real source: state and outputs then have places of their own.
    pub simulated_by_flag: bool,
}

impl Pipeline {
    /// Reads the pipeline file at `file`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the file and its overrides; a file that is no TOML has one problem.
    pub fn load(file: &Path, overrides: &Overrides) -> Result<Self, ConfigErrors> {
        let text = std::fs::read_to_string(file)
            .map_err(|error| ConfigError::new(file, format!("the pipeline file cannot be read ({error})")))?;
        Self::from_toml(&text, file, overrides)
    }

    /// Reads a pipeline file whose content is `text`, as if it stood at `file`.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn from_toml(text: &str, file: &Path, overrides: &Overrides) -> Result<Self, ConfigErrors> {
        let mut problems = Vec::new();
        let layers = layers::merge(text, file, overrides, &mut problems)?;
        let tree = Tree::new(file, layers);
        let keys = tree.extract::<PipelineKeys>(&mut problems).unwrap_or_default();
        let pipeline = keys.complete(&tree, file, overrides, &mut problems);
        ConfigErrors::check(problems, pipeline)
    }

    /// Makes the error about `key`.
    pub(crate) fn problem(&self, key: &str, message: impl Into<String>) -> ConfigError {
        ConfigError::new(&self.file, message).with_key(key)
    }
}

/// What is written in a pipeline file.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(crate = "fanout_sink::schemars")]
#[serde(default, deny_unknown_fields)]
struct PipelineKeys {
    /// `name`: what commit records and reports call it: letters, digits, `_` and `-`.
    #[serde(deserialize_with = "checked::identifier")]
    #[schemars(with = "String", regex(pattern = checked::IDENTIFIER_PATTERN))]
    name: Option<String>,
    /// `[source]`: where the lists are read.
    source: SourceSection,
    /// `[[accounts]]`: whose lists are read, or `accounts.file`; none is needed under `source.simulate`.
    accounts: AccountsSection,
    /// `[journal]`: where the raw pages are kept.
    journal: JournalSection,
    /// `[limits]`: what a run may use.
    limits: LimitsSection,
    /// `[metrics]`: what a run tells Prometheus.
    metrics: MetricsSection,
    /// `[sinks.<name>]`: where the lists go; the names are yours.
    sinks: BTreeMap<String, SinkKeys>,
}

/// Returns the JSON Schema of a pipeline file, as far as it does not depend on the sinks that there are.
pub(crate) fn schema(generator: &mut SchemaGenerator) -> Schema {
    PipelineKeys::json_schema(generator)
}

impl PipelineKeys {
    /// Checks what one key alone cannot tell; none where a problem was reported.
    fn complete(
        self,
        tree: &Tree,
        file: &Path,
        overrides: &Overrides,
        problems: &mut Vec<ConfigError>,
    ) -> Option<Pipeline> {
        let directory = file.parent().map(Path::to_owned).unwrap_or_default();
        let resolver = SecretResolver { directory: directory.clone(), environment: overrides.environment.clone() };

        if self.name.is_none() && tree.get(&["name"]).is_none() {
            problems.push(tree.missing(&["name"], checked::IDENTIFIER));
        }
        let simulated = tree.get(&["source", "simulate"]).is_some();
        let source = complete_source(self.source, &directory, tree, problems);
        let accounts = self.accounts.complete(simulated, overrides.offline, tree, &resolver, problems);
        let mut journal = self.journal;
        // `components` drops a slash at the end, after which the suffix would become a file of its own.
        journal.path = directory.join(&journal.path).components().collect();
        if overrides.simulate.is_some() {
            journal.path.as_mut_os_string().push(".simulated");
        }
        let mut metrics = self.metrics;
        metrics.path = metrics.path.map(|path| directory.join(path));
        if let Some(path) = metrics.path.as_mut().filter(|_| overrides.simulate.is_some()) {
            path.as_mut_os_string().push(".simulated");
        }
        if self.sinks.is_empty() && !is_reported("sinks", problems) {
            problems.push(
                tree.missing(&["sinks"], "at least one `[sinks.<name>]` with `type` and `[sinks.<name>.options]`"),
            );
        }
        let sinks = self.sinks.into_iter();
        let sinks = sinks.filter_map(|(name, keys)| keys.complete(name, tree, &resolver, problems)).collect();

        Some(Pipeline {
            name: self.name?,
            file: file.to_owned(),
            directory,
            source,
            account_names: accounts.iter().map(|account| account.name.clone()).collect(),
            accounts,
            shard: None,
            journal,
            limits: self.limits,
            metrics,
            sinks,
            simulated_by_flag: overrides.simulate.is_some(),
        })
    }
}

fn complete_source(
    mut source: SourceSection,
    directory: &Path,
    tree: &Tree,
    problems: &mut Vec<ConfigError>,
) -> SourceSection {
    if source.retry.base > source.retry.max {
        let (base, max) = (source.retry.base.as_millis(), source.retry.max.as_millis());
        let message = format!("found {base}, expected at most `source.retry.max_ms`, which is {max}");
        problems.push(tree.problem(&["source", "retry", "base_ms"], message));
    }
    if source.simulate.is_some() {
        // A simulated list is served on this machine in the clear, where no proxy finds it.
        (source.proxy, source.ca_file) = (None, None);
    }
    source.ca_file = source.ca_file.map(|path| directory.join(path));
    if let Some(path) = &source.ca_file
        && !path.is_file()
    {
        let message = format!("found no file at `{}`, expected certificates in PEM", path.display());
        problems.push(tree.problem(&["source", "ca_file"], message));
    }
    source
}
