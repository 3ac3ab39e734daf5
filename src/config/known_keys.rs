//! All keys of a pipeline file, to find the one that was meant by a key or a variable that is none.
//!
//! `load` makes them from the JSON Schema, and asks after the file is read.

use serde_json::Value;

use super::error::closest;

/// The most slips of a variable that is meant to set a key.
const MOST_SLIPS: usize = 2;

/// The segment of a path that stands for any name, or any place of a list.
const ANY: &str = "*";

/// The paths of all keys, tables included.
pub(super) struct KnownKeys(Vec<Vec<String>>);

impl KnownKeys {
    /// Reads the keys from the schema of a pipeline file.
    pub(super) fn new(schema: &Value) -> Self {
        let mut keys = Vec::new();
        collect(schema, &mut Vec::new(), &mut keys);
        Self(keys)
    }

    /// Returns whether a key of this name stands at the top of a file.
    pub(super) fn has_at_top(&self, name: &str) -> bool {
        self.0.iter().any(|path| path.len() == 1 && path[0] == name)
    }

    /// Says where the key `name` stands; `None` if it is no key anywhere.
    pub(super) fn place_of(&self, name: &str) -> Option<String> {
        let tables: Vec<String> = self
            .0
            .iter()
            .filter_map(|path| path.split_last())
            .filter(|(key, _)| *key == name)
            .map(|(_, table)| header(table))
            .collect();
        if tables.iter().any(String::is_empty) {
            return Some(format!("`{name}` stands at the top of the file, above the first `[…]`"));
        }
        (!tables.is_empty()).then(|| format!("`{name}` stands in {}", tables.join(" or ")))
    }

    /// Returns the name of the variable that was meant by one that sets no key; both without their
    /// prefix.
    pub(super) fn near_variable(&self, name: &str) -> Option<String> {
        if let Some((table, key)) = name.split_once("__") {
            let tables: Vec<&String> = self.0.iter().filter(|path| path.len() == 1).map(|path| &path[0]).collect();
            if let Some(near) = closest(table, &tables) {
                return Some(format!("{near}__{key}").to_uppercase());
            }
        }
        // What lies below a name of the file's own cannot be told without the file.
        let paths: Vec<&Vec<String>> = self.0.iter().filter(|path| !path.iter().any(|name| name == ANY)).collect();
        let joined: Vec<String> = paths.iter().map(|path| path.join("_")).collect();
        let found = name.to_ascii_lowercase().replace("__", "_");
        // A name with more slips is somebody else's: `SOURCE_SECRET` is not `SOURCE_RETRY`.
        let is_near = |near: &&str| strsim::damerau_levenshtein(&found, near) <= MOST_SLIPS;
        let near = closest(&found, &joined).filter(is_near);
        let place = near.and_then(|near| joined.iter().position(|known| known == near));
        let of_leaf = || {
            let mut with_it = paths.iter().filter(|path| path.len() > 1 && path.last() == Some(&found));
            with_it.next().filter(|_| with_it.next().is_none()).copied()
        };
        let meant = place.map(|place| paths[place]).or_else(of_leaf)?;
        Some(meant.join("__").to_uppercase())
    }
}

/// Returns the table at a path as it is written above its keys.
fn header(table: &[String]) -> String {
    match table {
        [] => String::new(),
        [accounts, any] if any == ANY && accounts == "accounts" => "`[[accounts]]`".to_owned(),
        table => format!("`[{}]`", table.join(".").replace(ANY, "<name>")),
    }
}

fn collect(schema: &Value, path: &mut Vec<String>, keys: &mut Vec<Vec<String>>) {
    let properties = schema["properties"].as_object().into_iter().flatten();
    for (name, property) in properties {
        path.push(name.clone());
        keys.push(path.clone());
        collect(property, path, keys);
        path.pop();
    }
    for below in [&schema["additionalProperties"], &schema["items"]] {
        if below.is_object() {
            path.push(ANY.to_owned());
            collect(below, path, keys);
            path.pop();
        }
    }
    for choice in ["anyOf", "oneOf", "allOf"].iter().filter_map(|choice| schema[choice].as_array()).flatten() {
        collect(choice, path, keys);
    }
}
