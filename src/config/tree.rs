//! The merged values of a pipeline file or an accounts file, each with the layer that it came from.
//!
//! `layers` and `accounts_file` make a tree. The sections are deserialised from it, and errors find
//! in it where a value stands.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use figment::error::Kind;
use figment::value::{Dict, Tag, Value};
use figment::{Figment, Profile, Provider};
use serde::de::DeserializeOwned;

use super::error::{ConfigError, Origin, explain};

/// A table of the pipeline file (the whole file, or a part of it) after all overrides.
///
/// Figment merges the layers and remembers the origin of each value. [`extract`](Self::extract)
/// deserialises the values directly, not through figment: the path of an error is complete then,
/// and a wrong value can be taken out to find the next problem.
#[derive(Clone)]
pub(super) struct Tree {
    file: Arc<Path>,
    /// Where this table stands in the file.
    path: Vec<String>,
    value: Value,
    /// For the origin of each value.
    layers: Arc<Figment>,
    /// For a CSV file: the line of each account.
    lines: Option<Arc<[u64]>>,
}

impl Tree {
    /// Returns the tree of all layers.
    pub(super) fn new(file: &Path, layers: Figment) -> Self {
        let mut profiles = layers.data().expect("every layer was parsed before it was merged");
        let root = profiles.remove(&Profile::Default).unwrap_or_default();
        Self { layers: Arc::new(layers), ..Self::of(file, root) }
    }

    /// Returns the tree of a file alone.
    pub(super) fn of(file: &Path, root: Dict) -> Self {
        let value = Value::Dict(Tag::Default, root);
        Self { file: file.into(), path: Vec::new(), value, layers: Arc::default(), lines: None }
    }

    /// Sets the line of each account, which makes it the tree of a CSV file.
    #[must_use]
    pub(super) fn with_lines(self, lines: Vec<u64>) -> Self {
        Self { lines: Some(lines.into()), ..self }
    }

    /// Returns the table at `path`; an empty one if the key is absent.
    pub(super) fn table(&self, path: &[&str]) -> Self {
        let value = self.get(path).cloned().unwrap_or_else(|| Value::Dict(Tag::Default, Dict::new()));
        Self { path: self.absolute(path), value, ..self.clone() }
    }

    /// Returns the value at `path`; `None` if the key is absent.
    pub(super) fn get(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(&self.value, |value, segment| child(value, segment))
    }

    /// Returns all values of this table.
    pub(super) fn value(&self) -> &Value {
        &self.value
    }

    /// Deserialises the table and reports *every* problem: a wrong value is taken out and the rest
    /// is read again, so that the result may be `Some` although there are problems. `None` if
    /// nothing more can be taken out.
    pub(super) fn extract<T: DeserializeOwned>(&self, problems: &mut Vec<ConfigError>) -> Option<T> {
        let mut value = self.value.clone();
        loop {
            let error = match value.deserialize() {
                Ok(extracted) => return Some(extracted),
                Err(error) => error,
            };
            let path: Vec<&str> = error.path.iter().map(String::as_str).collect();
            if let Kind::MissingField(name) = &error.kind {
                let key: Vec<&str> = path.iter().copied().chain([name.as_ref()]).collect();
                // If the file has the key, it was wrong, taken out, and reported already.
                if self.get(&key).is_none() {
                    problems.push(self.missing(&key, "a value"));
                }
            } else {
                let origin = self.origin(&path);
                let message = explain(&error.kind, &self.absolute(&path), &origin);
                let problem = self.error(&path, origin, message);
                problems.push(match error.kind {
                    Kind::UnknownField(..) => problem.with_unknown_key(),
                    _ => problem,
                });
            }
            if !take_out(&mut value, &path) {
                return None;
            }
        }
    }

    /// Returns an error about the value at `path`.
    pub(super) fn problem(&self, path: &[&str], message: impl Into<String>) -> ConfigError {
        self.error(path, self.origin(path), message.into())
    }

    /// Returns an error about an absent key.
    pub(super) fn missing(&self, path: &[&str], expected: &str) -> ConfigError {
        self.error(path, Origin::File, format!("missing, expected {expected}"))
    }

    /// Returns how an error names the account at `place`.
    pub(super) fn account(&self, place: usize) -> String {
        match self.line(&place.to_string()) {
            Some(line) => format!("line {line}"),
            None => format!("`accounts[{place}]`"),
        }
    }

    /// Returns whether it is the tree of a CSV file.
    pub(super) fn is_csv(&self) -> bool {
        self.lines.is_some()
    }

    fn error(&self, path: &[&str], origin: Origin, message: String) -> ConfigError {
        let error = ConfigError::new(&self.file, message).with_origin(origin);
        let (Some(line), column) = (path.get(1).and_then(|place| self.line(place)), path.get(2)) else {
            return error.with_key(self.key(path));
        };
        let error = error.with_line(line);
        match column {
            Some(column) => error.with_key(self.column(&path[..2], column)),
            None => error,
        }
    }

    /// Returns the line of the account at `place`; `None` if the file is no CSV file.
    fn line(&self, place: &str) -> Option<u64> {
        self.lines.as_ref()?.get(place.parse::<usize>().ok()?).copied()
    }

    /// Returns the column that the key of an account was read from: `secret = { env = … }` is from
    /// `secret_env`.
    fn column(&self, account: &[&str], key: &str) -> String {
        match self.get(&[account, &[key]].concat()) {
            Some(Value::Dict(_, reference)) => {
                let kinds: Vec<&str> = reference.keys().map(String::as_str).collect();
                format!("{key}_{}", kinds.join("_"))
            }
            _ => key.to_owned(),
        }
    }

    /// Returns the layer that the value at `path`, or else the closest table above it, came from.
    fn origin(&self, path: &[&str]) -> Origin {
        let mut value = &self.value;
        for segment in path {
            match child(value, segment) {
                Some(inner) => value = inner,
                None => break,
            }
        }
        self.layers.get_metadata(value.tag()).map_or(Origin::File, Origin::of)
    }

    fn absolute(&self, path: &[&str]) -> Vec<String> {
        self.path.iter().cloned().chain(path.iter().map(|&segment| segment.to_owned())).collect()
    }

    /// Returns `path` as a dotted key, with indexes of lists in brackets.
    fn key(&self, path: &[&str]) -> String {
        let mut key = self.path.join(".");
        let mut value = Some(&self.value);
        for segment in path {
            if matches!(value, Some(Value::Array(..))) {
                key.extend(["[", segment, "]"]);
            } else {
                if !key.is_empty() {
                    key.push('.');
                }
                key.push_str(segment);
            }
            value = value.and_then(|value| child(value, segment));
        }
        key
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tree").field("file", &self.file).field("path", &self.path).finish_non_exhaustive()
    }
}

fn child<'value>(value: &'value Value, segment: &str) -> Option<&'value Value> {
    match value {
        Value::Dict(_, table) => table.get(segment),
        Value::Array(_, list) => list.get(segment.parse::<usize>().ok()?),
        _ => None,
    }
}

/// Removes the value at `path` and returns whether there was one. An item of a list goes with its
/// whole list, because the places of the other items must not change.
fn take_out(value: &mut Value, path: &[&str]) -> bool {
    let Some((&first, rest)) = path.split_first() else { return false };
    match value {
        Value::Dict(_, table) => {
            table.get_mut(first).is_some_and(|inner| take_out(inner, rest)) || table.remove(first).is_some()
        }
        Value::Array(_, list) => {
            let item = first.parse().ok().and_then(|place: usize| list.get_mut(place));
            item.is_some_and(|item| take_out(item, rest))
        }
        _ => false,
    }
}
