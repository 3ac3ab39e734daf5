//! `[sinks.<name>]`: the engine's keys of a sink, and the options that only the sink understands.

use std::fmt::Write as _;
use std::time::Duration;

use fanout_sink::schemars::JsonSchema;
use fanout_sink::with_secret_resolver;
use figment::value::{Dict, Value};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::checked;
use super::error::{ConfigError, ConfigErrors, did_you_mean};
use super::secret::SecretResolver;
use super::tree::Tree;
use crate::wechat::List;

/// `[sinks.<name>]`: one destination of every list.
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
    /// `deliver`: when the sink receives its batches. Default: `stream`, if the sink can stage them.
    pub deliver: Option<Deliver>,
    /// `columns`: which columns the sink receives, in which order. Default: all of them.
    pub columns: Option<Vec<String>>,
    /// `queue`: batches that may wait for the sink before it slows the walk down. Default 4.
    pub queue: usize,
    /// `[sinks.<name>.retry]`: what is done when the sink says that it cannot do something for now.
    pub retry: SinkRetry,
    /// `[sinks.<name>.options]`: the sink's own keys.
    pub options: SinkOptions,
    tree: Tree,
}

impl SinkSection {
    /// Returns a hash of everything that decides what the sink writes: `type`, `columns` and the options (references
    /// to secrets, not the secrets). Sixteen hexadecimal digits; a change of options is recognised by it.
    pub fn digest(&self) -> String {
        let facts = serde_json::json!([self.kind, self.columns]).to_string() + &self.options.json();
        Sha256::digest(facts).iter().take(8).fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to a string cannot fail");
            text
        })
    }

    /// Makes the error about `key` of this section.
    pub(crate) fn problem(&self, key: &str, message: impl Into<String>) -> ConfigError {
        let path: Vec<&str> = key.split('.').collect();
        self.tree.problem(&path, message)
    }
}

/// `deliver`: when a sink receives its batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(crate = "fanout_sink::schemars")]
#[serde(rename_all = "snake_case")]
pub enum Deliver {
    /// While the walk goes on, so that the list is published as soon as it is complete.
    Stream,
    /// From the journal, when the list is complete and the sinks that stream have published it.
    WhenComplete,
}

/// `[sinks.<name>.retry]`: how often a call of the sink is made again that fails for now. The waits double from `base_ms`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(crate = "fanout_sink::schemars")]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SinkRetry {
    /// `attempts`: calls in all, the first one included. Default 6: with the waits, about six seconds.
    #[serde(deserialize_with = "checked::whole::<_, _, 1, 100>")]
    #[schemars(range(min = 1, max = 100))]
    pub attempts: u32,
    /// `base_ms`: the first wait, in milliseconds. Default 200.
    #[serde(rename = "base_ms", deserialize_with = "checked::milliseconds")]
    #[schemars(with = "u64", range(max = 600_000), extend("default" = 200))]
    pub base: Duration,
}

impl Default for SinkRetry {
    fn default() -> Self {
        Self { attempts: 6, base: Duration::from_millis(200) }
    }
}

/// The options of a sink as they stand in the pipeline file and its overrides: values with their origin, which the
/// sink's factory turns into its own type.
#[derive(Clone, Debug)]
pub struct SinkOptions {
    tree: Tree,
    resolver: SecretResolver,
}

impl SinkOptions {
    /// Reads the options as a `T`, and every [`Secret`](fanout_sink::Secret) in it from where it is.
    ///
    /// # Errors
    ///
    /// All unknown keys, wrong values and missing secrets, each with its full key.
    pub fn extract<T: DeserializeOwned>(&self) -> Result<T, ConfigErrors> {
        let mut problems = Vec::new();
        let resolver = self.resolver.clone();
        let options =
            with_secret_resolver(move |reference| resolver.resolve(reference), || self.tree.extract(&mut problems));
        ConfigErrors::check(problems, options)
    }

    /// Returns the raw values as JSON with sorted keys.
    fn json(&self) -> String {
        serde_json::to_string(self.tree.value()).expect("TOML has no value that JSON lacks")
    }
}

/// What is written under `[sinks.<name>]`.
#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "fanout_sink::schemars")]
#[serde(deny_unknown_fields)]
pub(super) struct SinkKeys {
    /// `type`: which kind of sink it is.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// `list`: which list of the accounts it receives. Default `followers`.
    #[serde(default)]
    list: List,
    /// `required`: whether the run fails if this sink does. Default `true`.
    #[serde(default = "SinkKeys::default_required")]
    required: bool,
    /// `deliver`: when the sink receives its batches. Default: `stream`, if the sink can stage them.
    deliver: Option<Deliver>,
    /// `columns`: which columns the sink receives, in which order. Default: all of them.
    columns: Option<Vec<String>>,
    /// `queue`: batches that may wait for the sink before it slows the walk down. Default 4.
    #[serde(default = "SinkKeys::default_queue", deserialize_with = "checked::whole::<_, _, 1, 1_024>")]
    #[schemars(range(min = 1, max = 1_024))]
    queue: usize,
    /// `[sinks.<name>.retry]`: what is done when the sink says that it cannot do something for now.
    #[serde(default)]
    retry: SinkRetry,
    /// Only a sink knows what may stand here; that it is a table is checked with the rest of the file.
    #[serde(default, rename = "options")]
    #[schemars(skip)]
    _options: Dict,
}

impl SinkKeys {
    fn default_required() -> bool {
        true
    }

    fn default_queue() -> usize {
        4
    }

    /// Completes the section `name` of the whole file's `tree`; none where a problem was reported.
    pub(super) fn complete(
        self,
        name: String,
        tree: &Tree,
        resolver: &SecretResolver,
        problems: &mut Vec<ConfigError>,
    ) -> Option<SinkSection> {
        if !checked::is_identifier(&name) {
            let message = format!("found {name:?} as the name of a sink, expected {}", checked::IDENTIFIER);
            problems.push(tree.problem(&["sinks", &name], message));
        }
        let section = tree.table(&["sinks", &name]);
        let Some(kind) = self.kind else {
            if section.get(&["type"]).is_none() {
                let hint = did_you_mean(&name, &names_of_typed_sinks(tree));
                let message = format!("missing `type`, expected a kind of sink (`fanout sinks` lists them){hint}");
                problems.push(tree.problem(&["sinks", &name], message));
            }
            return None;
        };
        let options = SinkOptions { tree: section.table(&["options"]), resolver: resolver.clone() };
        let Self { list, required, deliver, columns, queue, retry, .. } = self;
        Some(SinkSection { name, kind, list, required, deliver, columns, queue, retry, options, tree: section })
    }
}

/// Returns the sinks that have a type: what an override with a slip in the sink's name was probably meant for.
fn names_of_typed_sinks(tree: &Tree) -> Vec<&str> {
    let Some(Value::Dict(_, sinks)) = tree.get(&["sinks"]) else {
        return Vec::new();
    };
    sinks.keys().filter(|name| tree.get(&["sinks", name, "type"]).is_some()).map(String::as_str).collect()
}
