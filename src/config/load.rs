//! [`Pipeline`]: a whole pipeline file, loaded and checked.
//!
//! `layers` merges the file with its overrides, `tree` deserialises the sections, and each part is
//! then completed in a `context`. `registry` binds the sinks of the result, `engine` runs it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use fanout_sink::schemars::generate::SchemaSettings;
use fanout_sink::schemars::{self, JsonSchema, Schema, SchemaGenerator};
use figment::value::Value;
use serde::Deserialize;

use super::account::{Account, Credential};
use super::account_words;
use super::accounts_file::{self, AccountsSection};
use super::changes::ChangesSection;
use super::context::{Api, Context};
use super::encoding;
use super::error::{ConfigError, ConfigErrors};
use super::known_keys::KnownKeys;
use super::layers::{self, Overrides};
use super::profiles::ProfilesSection;
use super::proxies::EnvironmentProxies;
use super::secret::SecretResolver;
use super::section::{JournalSection, LimitsSection, MetricsSection, SourceSection};
use super::shard::Shard;
use super::shared_endpoint::SharedEndpoint;
use super::sink_section::{SinkKeys, SinkSection};
use super::tags::TagsSection;
use super::text::{IDENTIFIER, Identifier};
use super::tree::Tree;
use crate::clock::Clock;

/// A valid pipeline file with its overrides. Its relative paths are joined to its folder, and the
/// secrets of its accounts are read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Pipeline {
    /// `name`: what commit records and reports call it: letters, digits, `_` and `-`. No default.
    pub name: String,
    /// The pipeline file, as it was given.
    pub file: PathBuf,
    /// The folder of the pipeline file, from which its relative paths start; empty for the working
    /// directory.
    pub directory: PathBuf,
    /// `[source]`: where the lists are read.
    pub source: SourceSection,
    /// `[[accounts]]`, or the accounts of `accounts.file`, whose lists are read: those that
    /// [`select`](Self::select) has kept, in the order of the file.
    pub accounts: Vec<Account>,
    /// The names of all accounts of the file.
    pub account_names: Vec<String>,
    /// `--shard`: the part of the accounts that was kept; `None` for all of them.
    pub shard: Option<Shard>,
    /// `[journal]`: where the raw pages are kept.
    pub journal: JournalSection,
    /// `[profiles]`: when the list of profiles counts as complete, and how long it may take.
    pub profiles: ProfilesSection,
    /// `[changes]`: how the list of who came and who left is made.
    pub changes: ChangesSection,
    /// `[tags]`: which tags are read, and what follows if one cannot be.
    pub tags: TagsSection,
    /// `[limits]`: what a run may use.
    pub limits: LimitsSection,
    /// `[metrics]`: what a run tells Prometheus.
    pub metrics: MetricsSection,
    /// `[sinks.<name>]`: where the lists go; at least one, in the order of their names.
    pub sinks: Vec<SinkSection>,
    /// What is unusual in the file, and no run stops for.
    pub warnings: Vec<ConfigError>,
    /// Whether `--simulate` replaces the real source. State and outputs then go to places of their
    /// own.
    pub simulated_by_flag: bool,
    /// The clock of everything that is done with the file: the system's, until it is set.
    pub clock: Clock,
}

impl Pipeline {
    /// Reads the pipeline file at `file`.
    ///
    /// # Errors
    ///
    /// Every problem of the file and its overrides; of a file that is no TOML only that one.
    pub fn load(file: &Path, overrides: &Overrides) -> Result<Self, ConfigErrors> {
        Draft::load(file, overrides)?.finish()
    }

    /// Reads a pipeline file whose content is `text`, as if it stood at `file`.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn from_toml(text: &str, file: &Path, overrides: &Overrides) -> Result<Self, ConfigErrors> {
        Draft::from_toml(text, file, overrides)?.finish()
    }

    /// Returns an error about `key`.
    pub(crate) fn problem(&self, key: &str, message: impl Into<String>) -> ConfigError {
        ConfigError::new(&self.file, message).with_key(key)
    }
}

/// A pipeline file as far as it can be read, with what is wrong with it.
pub(crate) struct Draft {
    pipeline: Pipeline,
    problems: Vec<ConfigError>,
}

impl Draft {
    /// Reads the pipeline file at `file`.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is no TOML.
    pub(crate) fn load(file: &Path, overrides: &Overrides) -> Result<Self, ConfigErrors> {
        let bytes = std::fs::read(file)
            .map_err(|error| ConfigError::new(file, format!("the pipeline file cannot be read ({error})")))?;
        let text = encoding::text(&bytes).map_err(|message| ConfigError::new(file, message))?;
        Self::from_toml(text, file, overrides)
    }

    fn from_toml(text: &str, file: &Path, overrides: &Overrides) -> Result<Self, ConfigErrors> {
        let mut problems = Vec::new();
        let mut strangers = Vec::new();
        let layers = layers::merge(text, file, overrides, &KNOWN_KEYS, &mut problems, &mut strangers)?;
        let tree = Tree::new(file, layers);
        let keys = tree.extract::<PipelineKeys>(&mut problems).unwrap_or_default();
        let directory = file.parent().map(Path::to_owned).unwrap_or_default();
        let resolver = SecretResolver { directory, environment: overrides.environment.clone() };
        let api = match tree.get(&["source", "simulate"]) {
            Some(_) => Api::Simulator,
            None if overrides.offline => Api::Unused,
            None => Api::WeChat,
        };
        let mut warnings = Vec::new();
        let mut context = Context {
            tree: &tree,
            resolver: &resolver,
            api,
            warns: api == Api::WeChat && !keys.source.base_url.is_loopback(),
            problems: &mut problems,
            strangers: &mut strangers,
            warnings: &mut warnings,
        };
        let pipeline = keys.complete(file, overrides.simulate.is_some(), &mut context);
        let problems = problems.into_iter().map(advised).collect();
        warnings.extend(strangers.into_iter().map(|variable| {
            ConfigError::new(file, format!("the environment variable `{variable}` sets no key; it is ignored"))
        }));
        Ok(Self { pipeline: Pipeline { warnings, ..pipeline }, problems })
    }

    /// Returns the pipeline.
    ///
    /// # Errors
    ///
    /// Every problem of the file and its overrides.
    pub(crate) fn finish(self) -> Result<Pipeline, ConfigErrors> {
        ConfigErrors::check(self.problems, Some(self.pipeline))
    }

    /// Adds what `bind` finds wrong with the sinks, if the file is wrong itself: so a person sees
    /// all problems at once. Sinks whose `list` or `options` are wrong as such are passed over,
    /// because what follows from that is no problem of its own.
    #[must_use]
    pub(crate) fn with_problems_of_sinks<T>(mut self, bind: impl Fn(&SinkSection) -> Result<T, ConfigErrors>) -> Self {
        if !self.problems.is_empty() {
            let is_wrong = |key: &str| self.problems.iter().any(|problem| problem.key() == Some(key));
            let as_such = |name: &str| ["list", "options"].iter().any(|key| is_wrong(&format!("sinks.{name}.{key}")));
            let sinks = self.pipeline.sinks.iter().filter(|sink| !as_such(&sink.name));
            let found: Vec<ConfigError> = sinks.filter_map(|sink| bind(sink).err()).flatten().collect();
            self.problems.extend(found);
        }
        self
    }
}

/// What is written in a pipeline file.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct PipelineKeys {
    /// `name`: what commit records and reports call it: letters, digits, `_` and `-`.
    name: Option<Identifier>,
    /// `[source]`: where the lists are read.
    source: SourceSection,
    /// `[[accounts]]`: whose lists are read, or `accounts.file`; none is needed under
    /// `source.simulate`.
    #[schemars(schema_with = "accounts_file::schema")]
    accounts: AccountsSection,
    /// `[journal]`: where the raw pages are kept.
    journal: JournalSection,
    /// `[profiles]`: when the list of profiles counts as complete, and how long it may take.
    profiles: ProfilesSection,
    /// `[changes]`: how the list of who came and who left is made.
    changes: ChangesSection,
    /// `[tags]`: which tags are read, and what follows if one cannot be.
    tags: TagsSection,
    /// `[limits]`: what a run may use.
    limits: LimitsSection,
    /// `[metrics]`: what a run tells Prometheus.
    metrics: MetricsSection,
    /// `[sinks.<name>]`: where the lists go; the names are yours.
    sinks: BTreeMap<String, SinkKeys>,
}

/// Returns the JSON Schema of a pipeline file, without the parts that depend on the known sinks.
pub(crate) fn schema(generator: &mut SchemaGenerator) -> Schema {
    PipelineKeys::json_schema(generator)
}

/// All keys, made at the first need: most files have no wrong one.
static KNOWN_KEYS: LazyLock<KnownKeys> = LazyLock::new(|| {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    KnownKeys::new(&schema(&mut settings.into_generator()).to_value())
});

/// Adds to the problem of an unknown key where it belongs.
fn advised(problem: ConfigError) -> ConfigError {
    let path = problem.unknown_key().unwrap_or_default();
    let Some((name, table)) = path.split_last() else { return problem };
    let of_option = |sink: &str| format!("an option of a sink stands in `[sinks.{sink}.options]`");
    let advice = match table {
        ["accounts", _] => account_words::advice(name).or_else(|| KNOWN_KEYS.place_of(name)),
        ["sinks", sink] => KNOWN_KEYS.place_of(name).or_else(|| Some(of_option(sink))),
        [] => KNOWN_KEYS.place_of(name).or_else(|| Some(of_option("<name>"))),
        _ => KNOWN_KEYS.place_of(name),
    };
    match advice {
        Some(advice) => problem.with_advice(&advice),
        None => problem,
    }
}

impl PipelineKeys {
    /// Checks what one key alone cannot tell. What is wrong is reported, and left out.
    fn complete(self, file: &Path, simulated_by_flag: bool, context: &mut Context) -> Pipeline {
        if self.name.is_none() && !context.has(&["name"]) {
            let stray = stray_name(context.tree).map_or_else(String::new, |table| {
                format!("; the `name` in `[{table}]` belongs to the top of the file, above the first `[…]`")
            });
            context.report_missing(&["name"], &format!("{IDENTIFIER}{stray}"));
        }
        let mut source = complete_source(self.source, context);
        let shared = SharedEndpoint::complete(source.token_endpoint.take(), context);
        let accounts = self.accounts.complete(shared.as_ref(), context);
        if let Some(shared) = &shared {
            let used = accounts.iter().filter_map(|account| match &account.credential {
                Credential::Endpoint(endpoint) => Some((account.name.as_str(), endpoint)),
                _ => None,
            });
            shared.check(used, context);
        }
        let directory = context.resolver.directory.clone();
        // `components` drops a slash at the end: the suffix must not become a file of its own.
        let place = |path: PathBuf| -> PathBuf {
            let mut place: PathBuf = directory.join(path).components().collect();
            if simulated_by_flag {
                place.as_mut_os_string().push(".simulated");
            }
            place
        };
        let journal = JournalSection { path: place(self.journal.path), ..self.journal };
        let metrics = MetricsSection { path: self.metrics.path.map(place), ..self.metrics };
        if self.sinks.is_empty() && !context.has_problem_in("sinks") {
            let expected = "at least one `[sinks.<name>]` with `type` and `[sinks.<name>.options]`";
            context.report_missing(&["sinks"], expected);
        }
        if self.tags.select.as_ref().is_some_and(Vec::is_empty) {
            let message = "found an empty list, expected at least one tag; without the key all tags are read";
            context.report(&["tags", "select"], message);
        }
        let sinks = self.sinks.into_iter().filter_map(|(name, keys)| keys.complete(name, context)).collect();

        Pipeline {
            name: self.name.map(|name| name.0).unwrap_or_default(),
            file: file.to_owned(),
            directory,
            source,
            account_names: accounts.iter().map(|account| account.name.clone()).collect(),
            accounts,
            shard: None,
            journal,
            profiles: self.profiles,
            changes: self.changes,
            tags: self.tags,
            limits: self.limits,
            metrics,
            sinks,
            warnings: Vec::new(),
            simulated_by_flag,
            clock: Clock::default(),
        }
    }
}

/// Returns the table that has the `name` that is missing at the top of the file: in TOML, what
/// follows a table's header belongs to the table.
fn stray_name(tree: &Tree) -> Option<String> {
    let sinks = tree.get(&["sinks"]).and_then(Value::as_dict).into_iter().flat_map(|sinks| sinks.keys());
    let of_sinks = sinks.flat_map(|sink| [format!("sinks.{sink}.options"), format!("sinks.{sink}")]);
    let tables = ["source", "journal", "profiles", "changes", "tags", "limits", "metrics"].map(str::to_owned);
    tables.into_iter().chain(of_sinks).find(|table| {
        let path: Vec<&str> = table.split('.').chain(["name"]).collect();
        tree.get(&path).is_some()
    })
}

fn complete_source(mut source: SourceSection, context: &mut Context) -> SourceSection {
    if source.retry.base > source.retry.max {
        let (base, max) = (source.retry.base.as_millis(), source.retry.max.as_millis());
        let message = format!("found {base}, expected at most `source.retry.max_ms`, which is {max}");
        context.report(&["source", "retry", "base_ms"], message);
    }
    if source.simulate.is_some() {
        // The simulator serves plain HTTP on this machine, which no proxy can reach.
        (source.proxy, source.ca_file) = (None, None);
    }
    source.environment_proxies = EnvironmentProxies::of(&context.resolver.environment);
    if context.api == Api::WeChat && source.proxy.is_none() && !source.base_url.is_loopback() {
        let proxy = source.environment_proxies.proxy_for(source.base_url.url());
        context.ok(&["source", "proxy"], proxy);
    }
    source.ca_file = source.ca_file.map(|path| context.resolver.directory.join(path));
    if let Some(path) = source.ca_file.as_ref().filter(|path| !path.is_file()) {
        let message = format!("found no file at `{}`, expected certificates in PEM", path.display());
        context.report(&["source", "ca_file"], message);
    }
    source
}
