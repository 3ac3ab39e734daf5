//! What is wrong with a pipeline file, in words that say where and what instead.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

use figment::Metadata;
use figment::error::{Actual, Kind};

/// One thing that is wrong with a pipeline file, its overrides or its accounts file.
///
/// `Display` is one line: the file, the line if it is a sheet, the key, where its value came from if not from the file, what was found, what was
/// expected, and what was probably meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    file: PathBuf,
    line: Option<u64>,
    key: Option<String>,
    origin: Origin,
    message: String,
}

impl ConfigError {
    pub(super) fn new(file: &Path, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: None, key: None, origin: Origin::File, message: message.into() }
    }

    #[must_use]
    pub(super) fn with_line(self, line: u64) -> Self {
        Self { line: Some(line), ..self }
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

    /// Returns whether a variable of one of these names brought it about.
    pub(super) fn is_from(&self, variables: &BTreeSet<String>) -> bool {
        matches!(&self.origin, Origin::Variable(name) if variables.contains(name))
    }

    /// Returns the file that is wrong.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Returns the dotted key (of a sheet the column), if it is about one.
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
            write!(formatter, "`{key}`")?;
            match &self.origin {
                Origin::File => write!(formatter, ": ")?,
                Origin::Variable(name) => write!(formatter, " (from `{name}`): ")?,
                Origin::CommandLine => write!(formatter, " (from `--set`): ")?,
            }
        }
        formatter.write_str(&self.message)
    }
}

impl Error for ConfigError {}

/// Everything that is wrong with a pipeline file; never empty. `Display` is one line each.
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
    pub fn iter(&self) -> std::slice::Iter<'_, ConfigError> {
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

impl<'errors> IntoIterator for &'errors ConfigErrors {
    type Item = &'errors ConfigError;
    type IntoIter = std::slice::Iter<'errors, ConfigError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, error) in self.0.iter().enumerate() {
            if place > 0 {
                writeln!(formatter)?;
            }
            write!(formatter, "{error}")?;
        }
        Ok(())
    }
}

impl Error for ConfigErrors {}

/// Returns whether something in the section `name` is wrong already, so that what follows from it is not reported.
pub(super) fn is_reported(name: &str, problems: &[ConfigError]) -> bool {
    problems.iter().filter_map(ConfigError::key).any(|key| key.starts_with(name))
}

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
    /// Returns the metadata under which figment remembers a layer of this origin.
    pub(super) fn metadata(&self) -> Metadata {
        match self {
            Self::File => Metadata::named("file"),
            Self::Variable(name) => Metadata::from("variable", name.as_str()),
            Self::CommandLine => Metadata::named("command line"),
        }
    }

    /// Returns the origin that [`metadata`](Self::metadata) was made of.
    pub(super) fn of(metadata: &Metadata) -> Self {
        match (metadata.name.as_ref(), metadata.source.as_ref().and_then(|source| source.custom())) {
            ("variable", Some(name)) => Self::Variable(name.to_owned()),
            ("command line", _) => Self::CommandLine,
            _ => Self::File,
        }
    }
}

/// Puts what serde says into our words. `path` is the whole path of the value.
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
        // Neither TOML nor an override can bring these about; figment's own words will do.
        other => other.to_string(),
    }
}

fn unknown_key(field: &str, known: &[&str], path: &[String], origin: &Origin) -> String {
    let message = format!("unknown key, expected {}", one_of(known));
    let Origin::Variable(_) = origin else {
        return message + &did_you_mean(field, known);
    };
    // In a variable's name the usual mistake is one underscore where two are needed: `FANOUT_JOURNAL_PATH`.
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

/// Returns the name that `found` was probably meant to be: at most one slip in three letters away.
fn closest<'known, Name: AsRef<str>>(found: &str, known: &'known [Name]) -> Option<&'known str> {
    let found = found.to_lowercase();
    known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&found, &name.as_ref().to_lowercase()), name.as_ref()))
        .filter(|(distance, name)| *distance <= (name.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
