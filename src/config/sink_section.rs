//! `[sinks.<name>]`: the engine's keys of a sink, and the options that only the sink understands.
//!
//! `load` completes the sections. `registry` finds the factory of each `type` and reads the options
//! with it.

use std::time::Duration;

use fanout_sink::schemars::{self, JsonSchema};
use fanout_sink::{hexadecimal, with_secret_resolver};
use figment::value::{Dict, Value};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::bounded::{Milliseconds, Whole};
use super::context::Context;
use super::error::{ConfigError, ConfigErrors, did_you_mean};
use super::secret::SecretResolver;
use super::text::{IDENTIFIER, Identifier};
use super::tree::Tree;
use crate::wechat::List;

/// `[sinks.<name>]`: one destination of a list.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SinkSection {
    /// The name in `[sinks.<name>]`, for logs, reports and errors: letters, digits, `_` and `-`.
    pub name: String,
    /// `type`: which kind of sink it is; `fanout sinks` lists them. No default.
    pub kind: String,
    /// `list`: which list of the accounts it receives. Default `followers`.
    pub list: List,
    /// `required`: whether the run fails if this sink does. Default `true`.
    pub required: bool,
    /// `deliver`: when the sink receives its batches. Default: `stream` if the sink can stage them.
    pub deliver: Option<Deliver>,
    /// `when_gone`: what follows if a published list is no longer there. Default `deliver`.
    pub when_gone: WhenGone,
    /// `baseline`: whether the first list of changes that the sink receives has everybody who
    /// follows. Only for `list = "changes"`. Default `false`.
    pub baseline: bool,
    /// `columns`: which columns the sink receives, in which order. Default: all but `account`.
    pub columns: Option<Vec<String>>,
    /// `queue`: batches that may wait for the sink before it slows the walk down. Default 4.
    pub queue: usize,
    /// `[sinks.<name>.retry]`: how a call is repeated that the sink cannot do for now.
    pub retry: SinkRetry,
    /// `[sinks.<name>.options]`: the sink's own keys.
    pub options: SinkOptions,
    tree: Tree,
}

impl SinkSection {
    /// Returns a hash of everything that decides what the sink writes: `type`, `columns` and the
    /// options (references to secrets, not the secrets). It has sixteen hexadecimal digits and
    /// shows a change of options.
    pub fn digest(&self) -> String {
        let facts = serde_json::json!([self.kind, self.columns]).to_string() + &self.options.json();
        hexadecimal(&Sha256::digest(facts)[..8])
    }

    /// Returns an error about `key` of this section.
    pub(crate) fn problem(&self, key: &str, message: impl Into<String>) -> ConfigError {
        let path: Vec<&str> = key.split('.').collect();
        self.tree.problem(&path, message)
    }
}

/// `deliver`: when a sink receives its batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Deliver {
    /// During the walk, so that the list is published as soon as it is complete.
    Stream,
    /// From the journal, after the list is complete and the sinks that stream have published it.
    WhenComplete,
}

/// `when_gone`: what follows if a list that the sink has published is no longer there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenGone {
    /// The list is delivered again from the journal.
    #[default]
    Deliver,
    /// The list counts as published: a program that loads the lists takes them away.
    Ignore,
}

/// `[sinks.<name>.retry]`: how often a call is repeated that the sink cannot do for now. The waits
/// double from `base_ms`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SinkRetry {
    /// `attempts`: calls in all, the first one included. Default 6: with the waits, about six
    /// seconds.
    #[serde(with = "Whole::<1, 100>")]
    pub attempts: u32,
    /// `base_ms`: the first wait, in milliseconds. Default 200.
    #[serde(rename = "base_ms", with = "Milliseconds")]
    pub base: Duration,
}

impl Default for SinkRetry {
    fn default() -> Self {
        Self { attempts: 6, base: Duration::from_millis(200) }
    }
}

/// The options of a sink as values with their origins, from the pipeline file and its overrides.
/// The sink's factory turns them into its own type.
#[derive(Clone, Debug)]
pub struct SinkOptions {
    tree: Tree,
    resolver: SecretResolver,
}

impl SinkOptions {
    /// Reads the options as a `T`, and every [`Secret`](fanout_sink::Secret) in it from its place.
    ///
    /// # Errors
    ///
    /// All unknown keys, wrong values and missing secrets, each with its full key.
    pub fn extract<T: DeserializeOwned>(&self) -> Result<T, ConfigErrors> {
        let mut problems = Vec::new();
        let resolver = self.resolver.clone();
        let options =
            with_secret_resolver(move |reference| resolver.resolve(reference), || self.tree.extract(&mut problems));
        let advised = |problem: ConfigError| match problem.unknown_key().as_deref() {
            Some(["sinks", sink, "options", key]) if SINK_KEYS.contains(key) => {
                let advice = format!("`{key}` stands in `[sinks.{sink}]`");
                problem.with_advice(&advice)
            }
            _ => problem,
        };
        let problems = problems.into_iter().map(advised).collect();
        ConfigErrors::check(problems, options)
    }

    /// Returns the raw values as JSON with sorted keys.
    fn json(&self) -> String {
        serde_json::to_string(self.tree.value()).expect("TOML has no value that JSON lacks")
    }
}

/// The keys under `[sinks.<name>]`.
const SINK_KEYS: [&str; 9] =
    ["type", "list", "required", "deliver", "when_gone", "baseline", "columns", "queue", "retry"];

/// What is written under `[sinks.<name>]`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SinkKeys {
    /// `type`: which kind of sink it is.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// `list`: which list of the accounts it receives. Default `followers`.
    #[serde(default)]
    list: List,
    /// `required`: whether the run fails if this sink does. Default `true`.
    #[serde(default = "default_required")]
    required: bool,
    /// `deliver`: when the sink receives its batches. Default: `stream` if the sink can stage them.
    deliver: Option<Deliver>,
    /// `when_gone`: what follows if a published list is no longer there. Default `deliver`.
    #[serde(default)]
    when_gone: WhenGone,
    /// `baseline`: whether the first list of changes that the sink receives has everybody who
    /// follows. Only for `list = "changes"`. Default `false`.
    #[serde(default)]
    baseline: bool,
    /// `columns`: which columns the sink receives, in which order. Default: all but `account`.
    columns: Option<Vec<String>>,
    /// `queue`: batches that may wait for the sink before it slows the walk down. Default 4.
    #[serde(default = "default_queue", with = "Whole::<1, 1_024>")]
    queue: usize,
    /// `[sinks.<name>.retry]`: how a call is repeated that the sink cannot do for now.
    #[serde(default)]
    retry: SinkRetry,
    /// Checked here only to be a table; the sink's factory reads it from the tree.
    #[serde(default, rename = "options")]
    #[schemars(skip)]
    _options: Dict,
}

fn default_required() -> bool {
    true
}

fn default_queue() -> usize {
    4
}

impl SinkKeys {
    /// Completes the section `name` of the file; `None` if a problem was reported.
    pub(super) fn complete(self, name: String, context: &mut Context) -> Option<SinkSection> {
        let path = ["sinks", &name];
        if Identifier::new(&name).is_none() {
            context.report(&path, format!("found {name:?} as the name of a sink, expected {IDENTIFIER}"));
        }
        let tree = context.tree.table(&path);
        let Some(kind) = self.kind else {
            if tree.get(&["type"]).is_none() {
                let hint = did_you_mean(&name, &names_of_typed_sinks(context.tree));
                let message = format!("missing `type`, expected a kind of sink (`fanout sinks` lists them){hint}");
                context.report(&path, message);
            }
            return None;
        };
        let options = SinkOptions { tree: tree.table(&["options"]), resolver: context.resolver.clone() };
        if self.baseline && self.list != List::CHANGES {
            let message = format!(
                "found `true` for a sink of the list `{}`, expected it only with `list = \"changes\"`",
                self.list
            );
            context.report(&["sinks", &name, "baseline"], message);
        }
        let Self { list, required, deliver, when_gone, baseline, columns, queue, retry, .. } = self;
        Some(SinkSection {
            name,
            kind,
            list,
            required,
            deliver,
            when_gone,
            baseline,
            columns,
            queue,
            retry,
            options,
            tree,
        })
    }
}

/// Returns the names of the sinks with a type: an override may have misspelled one of them.
fn names_of_typed_sinks(tree: &Tree) -> Vec<&str> {
    let Some(Value::Dict(_, sinks)) = tree.get(&["sinks"]) else {
        return Vec::new();
    };
    sinks.keys().filter(|name| tree.get(&["sinks", name, "type"]).is_some()).map(String::as_str).collect()
}
