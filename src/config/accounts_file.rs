//! The key `accounts`: the accounts themselves (`[[accounts]]`), or `{ file = "…" }`, a file of
//! their own as TOML, JSON or CSV.
//!
//! Every format becomes the tree that `[[accounts]]` is in a pipeline file, so that `account`
//! checks all of them in the same way. An error names this file, and in a CSV file the line.

use std::fmt;
use std::path::{Path, PathBuf};

use fanout_sink::schemars::{self, JsonSchema, Schema, SchemaGenerator, json_schema};
use figment::value::{Dict, Tag, Value};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::account::{self, Account, AccountKeys};
use super::accounts_csv;
use super::context::Context;
use super::encoding;
use super::error::ConfigError;
use super::layers::{names_of_secret_variables, parse_toml, syntax_error};
use super::shared_endpoint::SharedEndpoint;
use super::tree::Tree;

/// What is written under `accounts`: the accounts, or the file that has them.
pub(super) enum AccountsSection {
    Listed(Vec<AccountKeys>),
    File(PathBuf),
}

impl AccountsSection {
    /// Completes the accounts; `context` is that of the pipeline file. Those without a credential
    /// use the `shared` token server, if there is one.
    pub(super) fn complete(self, shared: Option<&SharedEndpoint>, context: &mut Context) -> Vec<Account> {
        match self {
            Self::Listed(accounts) => account::complete(accounts, shared, context),
            Self::File(file) => {
                let file = context.resolver.directory.join(file);
                let Some((accounts, tree)) = read(&file, context.problems) else { return Vec::new() };
                // A variable that holds a secret was taken for an unknown key, or for a stranger,
                // if its name starts with our prefix.
                let secrets = names_of_secret_variables(tree.value());
                context.problems.retain(|problem| !problem.is_from(&secrets));
                context.strangers.retain(|name| !secrets.contains(name));
                account::complete(accounts, shared, &mut context.in_file(&tree))
            }
        }
    }
}

impl Default for AccountsSection {
    fn default() -> Self {
        Self::Listed(Vec::new())
    }
}

/// `accounts = { file = "…" }`.
#[derive(serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FileKeys {
    /// `accounts.file`: a file that has the accounts, `.csv`, `.toml` or `.json`; relative to the
    /// pipeline file.
    #[serde(deserialize_with = "fanout_sink::local_path")]
    file: PathBuf,
}

impl<'de> Deserialize<'de> for AccountsSection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SectionVisitor;
        impl<'de> Visitor<'de> for SectionVisitor {
            type Value = AccountsSection;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("`[[accounts]]`, or `{ file = \"accounts.csv\" }`")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<AccountsSection, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(AccountsSection::Listed)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AccountsSection, A::Error> {
                FileKeys::deserialize(MapAccessDeserializer::new(map)).map(|keys| AccountsSection::File(keys.file))
            }
        }
        deserializer.deserialize_any(SectionVisitor)
    }
}

/// Returns the schema of an [`AccountsSection`].
pub(super) fn schema(generator: &mut SchemaGenerator) -> Schema {
    let (account, file) = (AccountKeys::json_schema(generator), FileKeys::json_schema(generator));
    json_schema!({ "oneOf": [{ "type": "array", "items": account, "minItems": 1 }, file] })
}

/// The one key of an accounts file in TOML. The other formats become a tree with this key, too.
const ACCOUNTS: &str = "accounts";

/// What is written in an accounts file.
#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Keys {
    accounts: Vec<AccountKeys>,
}

/// Reads the accounts file at `path`: its accounts, except those that cannot be read, and the tree
/// of all of them. `None` if there is no account, which is reported.
fn read(path: &Path, problems: &mut Vec<ConfigError>) -> Option<(Vec<AccountKeys>, Tree)> {
    let before = problems.len();
    let tree = parse(path, problems).map_err(|error| problems.push(error)).ok()??;
    let accounts = tree.extract::<Keys>(problems).unwrap_or_default().accounts;
    if accounts.is_empty() && problems.len() == before {
        problems.push(ConfigError::new(path, "found no account, expected at least one"));
    }
    (!accounts.is_empty()).then_some((accounts, tree))
}

/// Reads the file as a tree; `None` if every problem is reported already.
fn parse(path: &Path, problems: &mut Vec<ConfigError>) -> Result<Option<Tree>, ConfigError> {
    let format = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let format = format.to_ascii_lowercase();
    let unreadable = |error| ConfigError::new(path, format!("the accounts file cannot be read ({error})"));
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let text = encoding::text(&bytes).map_err(|message| ConfigError::new(path, message))?;
    let list = |accounts| Dict::from([(ACCOUNTS.to_owned(), Value::Array(Tag::Default, accounts))]);
    match format.as_str() {
        "csv" => {
            let rows = accounts_csv::read(text, path, problems);
            Ok(rows.map(|rows| Tree::of(path, list(rows.accounts)).with_lines(rows.lines)))
        }
        "toml" => Ok(Some(Tree::of(path, parse_toml(text, path)?))),
        "json" => {
            // The parser's own message may quote the file, which may hold a secret in plain sight.
            let no_json =
                |error: serde_json::Error| syntax_error(path, (error.line(), error.column()), "this is no JSON");
            match serde_json::from_str(text).map_err(no_json)? {
                Value::Array(_, accounts) => Ok(Some(Tree::of(path, list(accounts)))),
                _ => Err(ConfigError::new(path, "found something else, expected a list of accounts (`[{ … }, …]`)")),
            }
        }
        _ => Err(ConfigError::new(path, "expected an accounts file whose name ends in `.csv`, `.toml` or `.json`")),
    }
}
