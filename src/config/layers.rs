//! The layers above the built-in defaults: the file, the environment, the command line.

use std::collections::BTreeSet;
use std::path::Path;

use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Tag, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::environment::Environment;
use super::error::{ConfigError, Origin};

/// What the variables that are ours start with.
const PREFIX: &str = "FANOUT_";
/// The variable that is ours and no key: whether tests may skip what is not installed.
const RESERVED: &str = "FANOUT_REQUIRE_ALL";

/// What a run sets besides the pipeline file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--set key=value`, each as it was given; later ones win.
    pub set: Vec<String>,
    /// `--simulate N`: how many simulated followers to read instead of the real list.
    pub simulate: Option<u64>,
    /// No call will be made: the accounts' credentials are not read.
    pub offline: bool,
    /// The environment that overrides and secrets are read from.
    pub environment: Environment,
}

/// Merges the layers: file < environment < `--set` < `--simulate`. Wrong overrides are reported and left out.
pub(super) fn merge(
    text: &str,
    file: &Path,
    overrides: &Overrides,
    problems: &mut Vec<ConfigError>,
) -> Result<Figment, ConfigError> {
    let table = Toml::from_str::<Dict>(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        let (line, column) = line_and_column(text, offset);
        // Not the error's own text: it quotes the line, which may hold a secret in plain sight.
        ConfigError::new(
            file,
            format!("line {line}, column {column}: {}", error.message().trim_end().replace('\n', ", ")),
        )
    })?;
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

/// Returns what may be shown of a malformed `--set`: what stands after `=` may be anything.
fn shown(assignment: &str) -> &str {
    assignment.split_inclusive('=').next().unwrap_or_default()
}

/// One source of values, which figment merges and remembers.
struct Layer {
    origin: Origin,
    table: Dict,
}

impl Layer {
    /// Makes the layer that sets the key at `path` only.
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

/// Reads a value that is TOML (`5`, `true`, `["openid"]`), or else text: nobody quotes twice on a command line.
fn read_value(text: &str) -> Value {
    let parsed = Toml::from_str::<Dict>(&format!("value = {text}")).ok();
    let value = parsed.and_then(|mut table| if table.len() == 1 { table.remove("value") } else { None });
    match value {
        // A date: TOML has a type for it, and no key of ours does.
        Some(Value::Dict(_, table)) if table.contains_key("$__toml_private_datetime") => text.into(),
        Some(value) => value,
        None => text.into(),
    }
}

/// Returns the path that a variable's name (without the prefix) stands for. Names of sinks and options are found in
/// the file whatever their case; and where a variable cannot have a `-`, it has a `_`.
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

/// Returns every name under a key `env`: such a variable holds a secret, even if its name starts with our prefix.
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

/// Returns the line and the column (in characters), both from 1, of the byte `offset`.
pub(super) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}
