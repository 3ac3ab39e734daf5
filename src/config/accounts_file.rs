//! `accounts = { file = "…" }`: the accounts of a pipeline in a file of their own, as TOML, JSON or a sheet (CSV).
//!
//! Whatever its format, the file becomes the same tree that `[[accounts]]` is in a pipeline file, so that one set of checks
//! holds for all of them. An error names this file, and of a sheet the line.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use fanout_sink::schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use figment::providers::{Format, Toml};
use figment::value::{Dict, Tag, Value};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::account::{self, Account, AccountKeys};
use super::checked;
use super::error::ConfigError;
use super::layers::{line_and_column, names_of_secret_variables};
use super::secret::SecretResolver;
use super::sheet;
use super::tree::Tree;

/// What is written under `accounts`: the accounts themselves, or the file that has them.
pub(super) enum AccountsSection {
    Listed(Vec<AccountKeys>),
    File(PathBuf),
}

impl AccountsSection {
    /// Completes the accounts of the pipeline file's `tree`, wherever they stand; as [`account::complete`].
    pub(super) fn complete(
        self,
        simulated: bool,
        offline: bool,
        tree: &Tree,
        resolver: &SecretResolver,
        problems: &mut Vec<ConfigError>,
    ) -> Vec<Account> {
        match self {
            Self::Listed(accounts) => account::complete(accounts, simulated, offline, tree, resolver, problems),
            Self::File(file) => {
                let Some((accounts, tree)) = read(&resolver.directory.join(file), problems) else { return Vec::new() };
                // A variable that holds a secret is no key of the pipeline file, though its name may begin like one.
                let secrets = names_of_secret_variables(tree.value());
                problems.retain(|problem| !problem.is_from(&secrets));
                account::complete(accounts, simulated, offline, &tree, resolver, problems)
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
#[schemars(crate = "fanout_sink::schemars")]
#[serde(deny_unknown_fields)]
struct FileKeys {
    /// `accounts.file`: a file that has the accounts, `.csv`, `.toml` or `.json`; relative to the pipeline file.
    #[serde(deserialize_with = "checked::path")]
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

impl JsonSchema for AccountsSection {
    fn schema_name() -> Cow<'static, str> {
        "AccountsSection".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let account = AccountKeys::json_schema(generator);
        let file = FileKeys::json_schema(generator);
        json_schema!({ "oneOf": [{ "type": "array", "items": account, "minItems": 1 }, file] })
    }
}

/// The one key of an accounts file in TOML; the others are read as if it stood there.
const ACCOUNTS: &str = "accounts";

/// What is written in an accounts file.
#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Keys {
    accounts: Vec<AccountKeys>,
}

/// Reads the accounts file at `path`: its accounts as far as they can be read, and the tree that they stand in. None where
/// there is no account, which is reported.
fn read(path: &Path, problems: &mut Vec<ConfigError>) -> Option<(Vec<AccountKeys>, Tree)> {
    let before = problems.len();
    let tree = parse(path, problems).map_err(|error| problems.push(error)).ok()??;
    let accounts = tree.extract::<Keys>(problems).unwrap_or_default().accounts;
    if accounts.is_empty() && problems.len() == before {
        problems.push(ConfigError::new(path, "found no account, expected at least one"));
    }
    (!accounts.is_empty()).then_some((accounts, tree))
}

/// Reads the file as a tree; none where every problem was reported.
fn parse(path: &Path, problems: &mut Vec<ConfigError>) -> Result<Option<Tree>, ConfigError> {
    let format = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let unreadable = |error| ConfigError::new(path, format!("the accounts file cannot be read ({error})"));
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let Ok(text) = std::str::from_utf8(&bytes) else {
        let message = "found text that is not UTF-8, expected UTF-8; Excel writes it as “CSV UTF-8 (comma delimited)”";
        return Err(ConfigError::new(path, message));
    };
    // Excel's mark of UTF-8.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // The text of a parser's error is not repeated where it may quote the file, which may hold a secret in plain sight.
    let malformed = |(line, column): (usize, usize), message: &str| {
        ConfigError::new(path, format!("line {line}, column {column}: {}", message.trim_end().replace('\n', ", ")))
    };
    let list = |accounts| Dict::from([(ACCOUNTS.to_owned(), Value::Array(Tag::Default, accounts))]);
    match format {
        "csv" => {
            Ok(sheet::read(text, path, problems).map(|rows| Tree::of(path, list(rows.accounts)).with_lines(rows.lines)))
        }
        "toml" => {
            let table = Toml::from_str::<Dict>(text).map_err(|error| {
                malformed(line_and_column(text, error.span().map_or(0, |span| span.start)), error.message())
            })?;
            Ok(Some(Tree::of(path, table)))
        }
        "json" => {
            let place = |error: &serde_json::Error| (error.line(), error.column());
            let value: Value =
                serde_json::from_str(text).map_err(|error| malformed(place(&error), "this is no JSON"))?;
            match value {
                Value::Array(_, accounts) => Ok(Some(Tree::of(path, list(accounts)))),
                _ => Err(ConfigError::new(path, "found something else, expected a list of accounts (`[{ … }, …]`)")),
            }
        }
        _ => Err(ConfigError::new(path, "expected an accounts file whose name ends in `.csv`, `.toml` or `.json`")),
    }
}
