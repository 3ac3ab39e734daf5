//! Problems of a pipeline file: each names its place, what was found and what was expected.
//!
//! `config` and `registry` make them; the command line prints all problems of a file at once.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use figment::Metadata;
use figment::error::{Actual, Kind};

/// One problem of a pipeline file, its overrides or its accounts file.
///
/// `Display` is one line: the file, the line in a CSV file, the key, the variable or flag if it set
/// the value, what was found, what was expected, and what was probably meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    file: PathBuf,
    line: Option<NonZero<u64>>,
    key: Option<String>,
    origin: Origin,
    message: String,
    /// Whether the problem is that the key does not exist.
    is_unknown: bool,
}

impl ConfigError {
    pub(super) fn new(file: &Path, message: impl Into<String>) -> Self {
        let (file, message) = (file.to_owned(), message.into());
        Self { file, line: None, key: None, origin: Origin::File, message, is_unknown: false }
    }

    #[must_use]
    pub(super) fn with_line(self, line: u64) -> Self {
        Self { line: NonZero::new(line), ..self }
    }

    #[must_use]
    pub(super) fn with_key(self, key: impl Into<String>) -> Self {
        Self { key: Some(key.into()), ..self }
    }

    #[must_use]
    pub(super) fn with_origin(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }

    #[must_use]
    pub(super) fn with_message(self, message: impl Into<String>) -> Self {
        Self { message: message.into(), ..self }
    }

    /// Marks it as the problem of a key that does not exist.
    #[must_use]
    pub(super) fn with_unknown_key(self) -> Self {
        Self { is_unknown: true, ..self }
    }

    /// Returns the tables and the name of an unknown key of the file, if nothing near is known.
    pub(super) fn unknown_key(&self) -> Option<Vec<&str>> {
        let is_open = self.is_unknown && self.origin == Origin::File && !self.message.contains("did you mean");
        let segments = |key| str::split(key, ['.', '[']).map(|segment| segment.trim_end_matches(']')).collect();
        self.key.as_deref().filter(|_| is_open).map(segments)
    }

    /// Adds what to do.
    #[must_use]
    pub(super) fn with_advice(self, advice: &str) -> Self {
        Self { message: format!("{}; {advice}", self.message), ..self }
    }

    /// Returns whether the value came from one of these variables.
    pub(super) fn is_from(&self, variables: &BTreeSet<String>) -> bool {
        matches!(&self.origin, Origin::Variable(name) if variables.contains(name))
    }

    /// Returns the dotted key, or the column in a CSV file, if the problem is about one.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.file.display())?;
        if let Some(line) = self.line {
            write!(formatter, "line {line}: ")?;
        }
        if let Some(key) = &self.key {
            write!(formatter, "`{}`", without_secrets(key))?;
            match &self.origin {
                Origin::File => write!(formatter, ": ")?,
                Origin::Variable(name) => write!(formatter, " (from `{name}`): ")?,
                Origin::CommandLine => write!(formatter, " (from `--set`): ")?,
            }
        }
        formatter.write_str(&without_secrets(&self.message))
    }
}

/// From how many hexadecimal digits in a row on a text may hold an app secret, which has 32.
const DIGITS_OF_A_SECRET: usize = 24;

/// Returns the text without what may be an app secret: it may stand anywhere in a file that is
/// wrong.
fn without_secrets(text: &str) -> String {
    let mut shown = String::new();
    for run in text.split_inclusive(|letter: char| !letter.is_ascii_hexdigit()) {
        let digits = run.trim_end_matches(|letter: char| !letter.is_ascii_hexdigit());
        if digits.len() >= DIGITS_OF_A_SECRET {
            shown.push_str("(not shown)");
            shown.push_str(&run[digits.len()..]);
        } else {
            shown.push_str(run);
        }
    }
    shown
}

impl Error for ConfigError {}

/// All problems of a pipeline file, at least one. `Display` writes one line for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// Returns the problems as an error, or `value` if there are none.
    pub(crate) fn check<T>(problems: Vec<ConfigError>, value: Option<T>) -> Result<T, Self> {
        match value {
            Some(value) if problems.is_empty() => Ok(value),
            _ => {
                debug_assert!(!problems.is_empty(), "a value is only absent where a problem was reported");
                Err(Self(problems))
            }
        }
    }

    /// Iterates over the problems.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

impl IntoIterator for ConfigErrors {
    type Item = ConfigError;
    type IntoIter = std::vec::IntoIter<ConfigError>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ConfigError::to_string).collect();
        formatter.write_str(&lines.join("\n"))
    }
}

impl Error for ConfigErrors {}

/// The layer that a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The pipeline file.
    File,
    /// The environment variable of this name.
    Variable(String),
    /// `--set` on the command line.
    CommandLine,
}

impl Origin {
    /// Returns the metadata that figment stores with a layer of this origin.
    pub(super) fn metadata(&self) -> Metadata {
        Metadata::named(match self {
            Self::File => String::new(),
            Self::Variable(name) => name.clone(),
            Self::CommandLine => "--set".to_owned(),
        })
    }

    /// Returns the origin whose [`metadata`](Self::metadata) it is.
    pub(super) fn of(metadata: &Metadata) -> Self {
        match metadata.name.as_ref() {
            "" => Self::File,
            "--set" => Self::CommandLine,
            name => Self::Variable(name.to_owned()),
        }
    }
}

/// Returns the message for serde's error about the value at `path`, a path from the root.
pub(super) fn explain(kind: &Kind, path: &[String], origin: &Origin) -> String {
    match kind {
        Kind::Message(message) => message.clone(),
        Kind::InvalidType(actual, expected) | Kind::InvalidValue(actual, expected) => {
            format!("found {}, expected {}", found(actual), friendly(expected))
        }
        Kind::InvalidLength(items, expected) => format!("found {items} items, expected {}", friendly(expected)),
        Kind::UnknownVariant(variant, known) => {
            format!("found {variant:?}, expected {}{}", one_of(known), did_you_mean(variant, known))
        }
        Kind::UnknownField(field, known) => unknown_key(field, known, path, origin),
        // Cannot come from TOML or an override, so figment's own words do.
        other => other.to_string(),
    }
}

fn unknown_key(field: &str, known: &[&str], path: &[String], origin: &Origin) -> String {
    let message = format!("unknown key, expected {}", one_of(known));
    let Origin::Variable(_) = origin else {
        return message + &did_you_mean(field, known);
    };
    // The usual mistake in a name is one underscore instead of two: `FANOUT_JOURNAL_PATH`.
    let split = known.iter().find_map(|key| Some(format!("{key}__{}", field.strip_prefix(key)?.strip_prefix('_')?)));
    match split.or_else(|| closest(field, known).map(str::to_owned)) {
        Some(meant) => {
            let tables = path[..path.len() - 1].iter().map(String::as_str);
            let name = tables.chain([meant.as_str()]).collect::<Vec<_>>().join("__").to_uppercase();
            format!("{message}; did you mean `FANOUT_{name}`?")
        }
        None => message,
    }
}

fn found(actual: &Actual) -> String {
    match actual {
        Actual::Bool(value) => format!("`{value}`"),
        Actual::Unsigned(value) => value.to_string(),
        Actual::Signed(value) => value.to_string(),
        Actual::Float(value) => value.to_string(),
        Actual::Str(value) => format!("{value:?}"),
        Actual::Seq => "a list".to_owned(),
        Actual::Map => "a table".to_owned(),
        other => other.to_string(),
    }
}

/// Translates Rust's names of types into TOML's.
fn friendly(expected: &str) -> String {
    let text = match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number of 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "`true` or `false`",
        "path string" => "a path",
        "a sequence" => "a list",
        "a map" => "a table",
        other if other.starts_with("struct ") => "a table",
        other if other.starts_with("a nonzero ") => "a whole number of 1 or more",
        other => other,
    };
    text.to_owned()
}

fn one_of(known: &[&str]) -> String {
    match known {
        [] => "no keys here".to_owned(),
        [only] => format!("`{only}`"),
        many => format!("one of `{}`", many.join("`, `")),
    }
}

/// Returns `; did you mean …?` if one of `known` is close to `found`, and nothing otherwise.
pub(crate) fn did_you_mean<Name: AsRef<str>>(found: &str, known: &[Name]) -> String {
    closest(found, known).map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"))
}

/// Returns the closest of `known` to `found`, with at most one slip for every three letters.
pub(super) fn closest<'known, Name: AsRef<str>>(found: &str, known: &'known [Name]) -> Option<&'known str> {
    let found = found.to_lowercase();
    known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&found, &name.as_ref().to_lowercase()), name.as_ref()))
        .filter(|(distance, name)| *distance <= (name.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
