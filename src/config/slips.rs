//! Slips in the tables of a pipeline file: TOML can be read, and says something else than what was
//! meant. Each is told in one sentence, and the table is put where it belongs, so that no error
//! follows from it.
//!
//! `layers` passes the file's values through it. What is wrong with the syntax is told by `syntax`.

use std::path::Path;

use figment::value::{Dict, Tag, Value};

use super::account_words::meant_key;
use super::error::ConfigError;

/// Keys by which a table is known as an account.
const ACCOUNT_KEYS: [&str; 6] = ["name", "app_id", "secret", "token", "token_endpoint", "token_command"];

/// Mends the tables of the file in `root`, and returns a problem for each slip.
pub(super) fn mend(root: &mut Dict, file: &Path) -> Vec<ConfigError> {
    let mut slips = Slips { file, problems: Vec::new() };
    slips.rename(root, "accounts", "account", "`[[accounts]]`");
    slips.rename(root, "sinks", "sink", "`[sinks.<name>]`");
    slips.single_tables(root);
    slips.accounts(root);
    slips.sinks(root);
    slips.stray_tables(root);
    slips.problems
}

struct Slips<'file> {
    file: &'file Path,
    problems: Vec<ConfigError>,
}

impl Slips<'_> {
    fn report(&mut self, key: impl Into<String>, message: impl Into<String>) {
        self.problems.push(ConfigError::new(self.file, message).with_key(key));
    }

    /// Takes `[account]`, `[Accounts]` and their like for the table that was meant.
    fn rename(&mut self, root: &mut Dict, meant: &str, singular: &str, expected: &str) {
        let is_slip = |key: &str| key != meant && [meant, singular].contains(&key.to_lowercase().as_str());
        let Some(found) = root.keys().find(|key| is_slip(key)).cloned() else { return };
        if root.contains_key(meant) || !matches!(root[&found], Value::Dict(..) | Value::Array(..)) {
            return;
        }
        let value = root.remove(&found).expect("it was found");
        root.insert(meant.to_owned(), value);
        // Under the right key: what follows from the slip is not reported as well.
        self.report(meant, format!("found `{found}`, expected {expected}"));
    }

    /// Takes the one table of `[[source]]` for `[source]`.
    fn single_tables(&mut self, root: &mut Dict) {
        for table in ["source", "journal", "limits", "metrics"] {
            self.single(root, table, table);
        }
        if let Some(Value::Dict(_, sinks)) = root.get_mut("sinks") {
            for name in sinks.keys().cloned().collect::<Vec<_>>() {
                self.single(sinks, &name, &format!("sinks.{name}"));
                if let Some(Value::Dict(_, sink)) = sinks.get_mut(&name) {
                    self.single(sink, "options", &format!("sinks.{name}.options"));
                }
            }
        }
    }

    fn single(&mut self, parent: &mut Dict, key: &str, path: &str) {
        if let Some(Value::Array(_, items)) = parent.get(key)
            && let [Value::Dict(..), ..] = items.as_slice()
        {
            let table = items[0].clone();
            parent.insert(key.to_owned(), table);
            self.report(path, format!("found `[[{path}]]`, expected one pair of brackets: `[{path}]`"));
        }
    }

    /// Takes `[accounts]` for one account, and `[accounts.brand]` for the account `brand`.
    fn accounts(&mut self, root: &mut Dict) {
        let Some(Value::Dict(_, table)) = root.get("accounts") else { return };
        if table.contains_key("file") || table.is_empty() {
            return;
        }
        let is_key = |key: &str| ACCOUNT_KEYS.contains(&key) || meant_key(key).is_some();
        let is_account = table.iter().any(|(key, value)| is_key(key) && !is_a_whole_account(value));
        let are_tables = table.values().all(|value| matches!(value, Value::Dict(..)));
        let (accounts, found) = if !is_account && are_tables {
            let named = table.iter().filter_map(|(name, account)| {
                let mut account = account.clone().into_dict()?;
                account.entry("name".to_owned()).or_insert_with(|| name.as_str().into());
                Some(Value::Dict(Tag::Default, account))
            });
            let name = table.keys().next().expect("the table is not empty");
            (named.collect(), format!("[accounts.{name}]"))
        } else if is_account {
            (vec![Value::Dict(Tag::Default, table.clone())], "[accounts]".to_owned())
        } else {
            return;
        };
        root.insert("accounts".to_owned(), Value::Array(Tag::Default, accounts));
        if !self.problems.is_empty() {
            return;
        }
        let message = format!("found `{found}`, expected two pairs of brackets, once for each account: `[[accounts]]`");
        self.report("accounts", message);
    }

    /// Finds `[[sinks]]`, and a `[sinks]` that is the sink itself.
    fn sinks(&mut self, root: &mut Dict) {
        let example = "`[sinks.lake]`, in which `lake` is a name of yours";
        match root.get_mut("sinks") {
            Some(Value::Array(_, items)) if matches!(items.as_slice(), [Value::Dict(..), ..]) => {
                root.remove("sinks");
                self.report("sinks", format!("found `[[sinks]]`, expected a table for each sink: {example}"));
            }
            Some(Value::Dict(_, sinks)) if matches!(sinks.get("type"), Some(Value::String(..))) => {
                let is_named = |value: &Value| matches!(value, Value::Dict(_, sink) if sink.contains_key("type"));
                sinks.retain(|_, value| is_named(value));
                let message = format!("found `type` in `[sinks]`, expected it in a table for each sink: {example}");
                self.report("sinks.type", message);
            }
            _ => {}
        }
    }

    /// Takes `[lake]` for `[sinks.lake]` if it has a `type`, and names the place of `[options]`.
    fn stray_tables(&mut self, root: &mut Dict) {
        let is_sink = |value: &Value| matches!(value, Value::Dict(_, table) if table.contains_key("type"));
        for name in root.keys().cloned().collect::<Vec<_>>() {
            if ["source", "accounts", "sinks"].contains(&name.as_str()) {
                continue;
            }
            if is_sink(&root[&name]) {
                let sink = root.remove(&name).expect("it was found");
                let sinks = root.entry("sinks".to_owned()).or_insert_with(|| Value::Dict(Tag::Default, Dict::new()));
                if let Value::Dict(_, sinks) = sinks {
                    sinks.insert(name.clone(), sink);
                }
                self.report(&name, format!("found the sink `[{name}]`, expected `[sinks.{name}]`"));
            } else if name == "options" && matches!(root[&name], Value::Dict(..)) {
                root.remove(&name);
                self.report(name, "found `[options]`, expected the sink's name before it: `[sinks.<name>.options]`");
            }
        }
    }
}

/// Returns whether a table holds the keys of an account, and so is no reference to a secret.
fn is_a_whole_account(value: &Value) -> bool {
    matches!(value, Value::Dict(_, table) if table.keys().any(|key| meant_key(key) == Some("app_id")))
}
