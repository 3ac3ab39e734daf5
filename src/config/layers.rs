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
use super::known_keys::KnownKeys;
use super::{slips, syntax};

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
/// and left out. A variable that is far from every key is added to `strangers`.
pub(super) fn merge(
    text: &str,
    file: &Path,
    overrides: &Overrides,
    known: &KnownKeys,
    problems: &mut Vec<ConfigError>,
    strangers: &mut Vec<String>,
) -> Result<Figment, ConfigError> {
    let mut table = parse_toml(text, file)?;
    problems.extend(slips::mend(&mut table, file));
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
        let rest = &name[PREFIX.len()..];
        if is_service_link(rest, value) {
            continue;
        }
        let path = path_of_variable(rest, &root);
        if !known.has_at_top(&path[0]) {
            let Some(meant) = known.near_variable(rest) else {
                strangers.push(name.to_owned());
                continue;
            };
            let message = format!("sets no key; did you mean `{PREFIX}{meant}`?");
            let error = ConfigError::new(file, message).with_key(path.join("."));
            problems.push(error.with_origin(Origin::Variable(name.to_owned())));
            continue;
        }
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

/// Returns whether Kubernetes, or an old Docker, has set the variable for a service whose name
/// begins with `fanout`
/// ([variables of services](https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables)):
/// `FANOUT_SERVICE_HOST`, `FANOUT_WEB_PORT_80_TCP_ADDR`.
fn is_service_link(name: &str, value: &str) -> bool {
    let ends_with = |end: &str| name == end || name.ends_with(&format!("_{end}"));
    let protocols = ["tcp", "udp", "sctp"];
    let is_url = || protocols.iter().any(|protocol| value.starts_with(&format!("{protocol}://")));
    let is_number = || value.parse::<u16>().is_ok();
    if name.contains("__") {
        return false;
    }
    // Docker's link has `NAME=/web/fanout`.
    if ends_with("SERVICE_HOST") || (ends_with("NAME") && value.starts_with('/')) {
        return true;
    }
    if ends_with("PORT") && is_url() || name.split("SERVICE_PORT").nth(1).is_some() && is_number() {
        return true;
    }
    // `PORT_80_TCP`, and the parts of that URL.
    let Some((_, port)) =
        format!("_{name}").rsplit_once("_PORT_").map(|(service, port)| (service.to_owned(), port.to_owned()))
    else {
        return false;
    };
    let mut words = port.split('_');
    words.next().is_some_and(|number| number.parse::<u16>().is_ok())
        && words.next().is_some_and(|protocol| protocols.contains(&protocol.to_lowercase().as_str()))
        && words.next().is_none_or(|part| ["PROTO", "PORT", "ADDR"].contains(&part))
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
        let problem = syntax_error(file, (line, column), error.message());
        match syntax::hint(text, line, error.message()) {
            Some(hint) => problem.with_advice(&hint),
            None => problem,
        }
    })
}

/// Returns a syntax error of `file` at a line and a column (in characters), both from 1.
pub(super) fn syntax_error(file: &Path, (line, column): (usize, usize), message: &str) -> ConfigError {
    let message = message.trim_end().replace('\n', ", ");
    ConfigError::new(file, format!("line {line}, column {column}: {message}"))
}
