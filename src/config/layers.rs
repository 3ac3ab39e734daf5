//! The layers of a pipeline file, merged: the file, then `FANOUT_` variables, then `--set` and
//! `--simulate`.
//!
//! The first step of [`Pipeline::load`](super::Pipeline::load). `tree` takes the merged values;
//! defaults are added when the sections are deserialised.

use std::collections::BTreeSet;
use std::path::Path;

use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Tag, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::environment::Environment;
use super::error::{ConfigError, Origin};

/// The prefix of variables that set keys.
const PREFIX: &str = "FANOUT_";
/// Sets no key despite the prefix: tests then fail, instead of being skipped, if a tool is missing.
const RESERVED: &str = "FANOUT_REQUIRE_ALL";

/// What a command sets besides the pipeline file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--set key=value`, each as it was given; later ones win.
    pub set: Vec<String>,
    /// `--simulate N`: how many simulated followers to read instead of the real list.
    pub simulate: Option<u64>,
    /// Whether the command makes no call: the accounts' credentials are not read then.
    pub offline: bool,
    /// The environment that overrides and secrets are read from.
    pub environment: Environment,
}

/// Merges the layers: file < environment < `--set` < `--simulate`. A malformed override is reported
/// and left out.
pub(super) fn merge(
    text: &str,
    file: &Path,
    overrides: &Overrides,
    problems: &mut Vec<ConfigError>,
) -> Result<Figment, ConfigError> {
    let table = parse_toml(text, file)?;
    let root = Value::Dict(Tag::Default, table.clone());
    let secrets = names_of_secret_variables(&root);
    let mut figment = Figment::from(Layer { origin: Origin::File, table });
    for (name, value) in overrides.environment.starting_with(PREFIX) {
        if name == RESERVED || secrets.contains(name) {
            continue;
        }
        let Some(value) = value.to_str() else {
            problems.push(ConfigError::new(file, format!("the environment variable `{name}` is not UTF-8")));
            continue;
        };
        let path = path_of_variable(&name[PREFIX.len()..], &root);
        figment = figment.merge(Layer::new(Origin::Variable(name.to_owned()), &path, read_value(value)));
    }
    for assignment in &overrides.set {
        let (key, value) = assignment.split_once('=').unwrap_or_default();
        let path: Vec<String> = key.trim().split('.').map(str::to_owned).collect();
        if path.iter().any(String::is_empty) {
            let message = format!("found `--set {}`, expected `--set key=value` with a dotted key", shown(assignment));
            problems.push(ConfigError::new(file, message));
            continue;
        }
        figment = figment.merge(Layer::new(Origin::CommandLine, &path, read_value(value)));
    }
    if let Some(followers) = overrides.simulate {
        let path = ["source", "simulate", "followers"].map(str::to_owned);
        figment = figment.merge(Layer::new(Origin::CommandLine, &path, followers.into()));
    }
    Ok(figment)
}

/// Returns the part of a malformed `--set` that may be shown: up to the `=`, behind which there may
/// be a secret.
fn shown(assignment: &str) -> &str {
    assignment.split_inclusive('=').next().unwrap_or_default()
}

/// The values of one origin, for figment to merge.
struct Layer {
    origin: Origin,
    table: Dict,
}

impl Layer {
    /// Returns the layer that sets the key at `path` only.
    fn new(origin: Origin, path: &[String], value: Value) -> Self {
        let (last, tables) = path.split_last().expect("splitting text yields at least one segment");
        let innermost = Dict::from([(last.clone(), value)]);
        let table = tables
            .iter()
            .rev()
            .fold(innermost, |inner, segment| Dict::from([(segment.clone(), Value::Dict(Tag::Default, inner))]));
        Self { origin, table }
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        self.origin.metadata()
    }

    fn data(&self) -> figment::error::Result<Map<Profile, Dict>> {
        Ok(Map::from([(Profile::Default, self.table.clone())]))
    }
}

/// Reads an override's value: as TOML if it is TOML (`5`, `true`, `["openid"]`), else as text
/// without quotes.
fn read_value(text: &str) -> Value {
    let parsed = Toml::from_str::<Dict>(&format!("value = {text}")).ok();
    let value = parsed.and_then(|mut table| if table.len() == 1 { table.remove("value") } else { None });
    match value {
        // A date, which no key takes: it was meant as text.
        Some(Value::Dict(_, table)) if table.contains_key("$__toml_private_datetime") => text.into(),
        Some(value) => value,
        None => text.into(),
    }
}

/// Returns the path of the key that a variable sets, from its name without the prefix. Keys that
/// the file has are matched regardless of case, and `_` matches `-`, which the name of a variable
/// cannot have.
fn path_of_variable(name: &str, root: &Value) -> Vec<String> {
    let mut table = Some(root);
    let segments = name.split("__").map(|segment| {
        let plain = |text: &str| text.to_ascii_lowercase().replace('-', "_");
        let known = match table {
            Some(Value::Dict(_, keys)) => keys.iter().find(|(key, _)| plain(key) == plain(segment)),
            _ => None,
        };
        table = known.map(|(_, value)| value);
        known.map_or_else(|| segment.to_ascii_lowercase(), |(key, _)| key.clone())
    });
    segments.collect()
}

/// Returns every name under a key `env`: these variables hold secrets and set no keys, even with
/// our prefix.
pub(super) fn names_of_secret_variables(root: &Value) -> BTreeSet<String> {
    fn collect(key: &str, value: &Value, names: &mut BTreeSet<String>) {
        match value {
            Value::String(_, name) if key == "env" => {
                names.insert(name.clone());
            }
            Value::Dict(_, table) => table.iter().for_each(|(key, value)| collect(key, value, names)),
            Value::Array(_, items) => items.iter().for_each(|item| collect("", item, names)),
            _ => {}
        }
    }
    let mut names = BTreeSet::new();
    collect("", root, &mut names);
    names
}

/// Parses the TOML of `file`.
pub(super) fn parse_toml(text: &str, file: &Path) -> Result<Dict, ConfigError> {
    Toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        // Not the error's `Display`: it quotes the line, which may hold a secret in plain sight.
        syntax_error(file, (line, column), error.message())
    })
}

/// Returns a syntax error of `file` at a line and a column (in characters), both from 1.
pub(super) fn syntax_error(file: &Path, (line, column): (usize, usize), message: &str) -> ConfigError {
    let message = message.trim_end().replace('\n', ", ");
    ConfigError::new(file, format!("line {line}, column {column}: {message}"))
}
