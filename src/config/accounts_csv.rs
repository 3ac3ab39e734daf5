//! An accounts file as CSV, for accounts that are kept in Excel: one line per account, below the
//! names of the columns.
//!
//! Such a file is passed around, so it must not hold secrets, only the names of their places. An
//! error shows no cell that may be a secret. `accounts_file` makes a tree of the rows.

use std::path::Path;

use csv::{ReaderBuilder, StringRecord};
use figment::value::{Dict, Tag, Value};

use super::account_words;
use super::error::{ConfigError, did_you_mean};
use crate::wechat::may_be_secret;

/// All columns, in the order in which errors name them.
const COLUMNS: [&str; 7] = ["name", "app_id", "secret_env", "secret_file", "token_env", "token_file", "classic_token"];

/// The columns that a file must have.
const REQUIRED: [&str; 2] = ["name", "app_id"];

/// The accounts of a CSV file.
pub(super) struct Rows {
    /// One table per account, with the keys of `[[accounts]]`.
    pub(super) accounts: Vec<Value>,
    /// The line of each account, from 1.
    pub(super) lines: Vec<u64>,
}

/// Reads a CSV file. `None` if its columns are wrong or a cell may be a secret, which is reported:
/// later checks do not see the cells then, so that no error quotes them.
pub(super) fn read(text: &str, file: &Path, problems: &mut Vec<ConfigError>) -> Option<Rows> {
    // Flexible: the reader would stop at the first line with a cell too many. `Row::take` checks
    // that instead.
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut lines = Lines { text, byte: 0, line: 1 };
    let mut records = reader.records().map(|record| record.expect("text is UTF-8, and a slice is read without fail"));
    let header = records.next().unwrap_or_default();
    if let Some(separator) = other_separator(&header) {
        let message = format!(
            "found {separator} between the columns, expected `,`; Excel writes commas as “CSV UTF-8 (comma delimited)” if \
             the list separator of the system is `,`"
        );
        problems.push(ConfigError::new(file, message).with_line(lines.of(&header)));
        return None;
    }
    let columns = columns(&header, lines.of(&header), file, problems)?;
    let mut rows = Rows { accounts: Vec::new(), lines: Vec::new() };
    let mut holds_secrets = false;
    for record in records.filter(|record| record.iter().any(|cell| !cell.trim().is_empty())) {
        let line = lines.of(&record);
        let mut row = Row { file, line, table: Dict::new(), holds_secret: false, problems };
        for (place, cell) in record.iter().enumerate().filter(|(_, cell)| !cell.trim().is_empty()) {
            row.take(columns.get(place).copied().flatten(), place, cell.trim());
        }
        holds_secrets |= row.holds_secret;
        rows.accounts.push(Value::Dict(Tag::Default, row.table));
        rows.lines.push(line);
    }
    (!holds_secrets).then_some(rows)
}

/// Counts the line of each record, from the first to the last.
struct Lines<'text> {
    text: &'text str,
    byte: usize,
    line: u64,
}

impl Lines<'_> {
    fn of(&mut self, record: &StringRecord) -> u64 {
        let begin = record.position().map_or(0, |position| position.byte() as usize);
        // The reader counts empty lines, and the rest of a line end, to the record behind them.
        let rest = self.text.get(begin..).unwrap_or_default();
        let begin = begin + rest.len() - rest.trim_start_matches(['\r', '\n']).len();
        let passed = self.text.get(self.byte..begin).unwrap_or_default();
        self.line += passed.bytes().filter(|&byte| byte == b'\n').count() as u64;
        self.byte = begin;
        self.line
    }
}

/// Reads the names of the columns: `None` for each column without a name, and `None` for all if a
/// name is wrong.
fn columns(
    header: &StringRecord,
    line: u64,
    file: &Path,
    problems: &mut Vec<ConfigError>,
) -> Option<Vec<Option<&'static str>>> {
    let before = problems.len();
    let mut columns = Vec::new();
    let mut problem = |name: &str, message: String| {
        problems.push(ConfigError::new(file, message).with_line(line).with_key(name));
    };
    for name in header.iter().map(str::trim) {
        let known = COLUMNS.into_iter().find(|&known| known == name);
        match known {
            Some(known) if columns.contains(&Some(known)) => problem(name, "found this column twice".to_owned()),
            None if !name.is_empty() => problem(name, of_unknown(name)),
            _ => {}
        }
        columns.push(known);
    }
    for name in REQUIRED.into_iter().filter(|&name| !columns.contains(&Some(name))) {
        problem(name, "missing, expected a column of this name".to_owned());
    }
    (problems.len() == before).then_some(columns)
}

/// Returns the separator of a header that is one cell only because it is not `,`.
fn other_separator(header: &StringRecord) -> Option<&'static str> {
    let separators =
        [(';', "`;`"), ('\t', "a tab"), ('|', "`|`"), ('，', "the full-width `，`"), ('；', "the full-width `；`")];
    let is_known = |name: &str| {
        let name = name.trim().trim_matches('"');
        COLUMNS.contains(&name) || account_words::meant_key(name).is_some()
    };
    let only = header.iter().next().filter(|_| header.iter().filter(|cell| !cell.is_empty()).count() == 1)?;
    let used =
        separators.into_iter().find(|(separator, _)| only.contains(*separator) && only.split(*separator).any(is_known));
    used.map(|(_, name)| name)
}

/// Says what is wrong with a column of another name.
fn of_unknown(name: &str) -> String {
    let meant = account_words::meant_key(name);
    if let Some(key @ ("secret" | "token")) = meant {
        return format!(
            "found a column of secrets, expected one that names where each is: `{key}_env` (an environment variable) or \
             `{key}_file`; take the secrets out of the file, and renew them if it was passed on"
        );
    }
    let near = match meant {
        Some(meant) => format!("; did you mean `{meant}`?"),
        None => did_you_mean(name, &COLUMNS),
    };
    format!("unknown column, expected one of `{}`{near}", COLUMNS.join("`, `"))
}

/// The account of one line, while its cells are read.
struct Row<'file> {
    file: &'file Path,
    line: u64,
    table: Dict,
    holds_secret: bool,
    problems: &'file mut Vec<ConfigError>,
}

impl Row<'_> {
    /// Adds a cell that is not empty.
    fn take(&mut self, column: Option<&'static str>, place: usize, cell: &str) {
        let Some(column) = column else {
            let error = ConfigError::new(self.file, format!("found a cell {} in a column without a name", place + 1));
            return self.problems.push(error.with_line(self.line));
        };
        let Some((key, kind)) = column.rsplit_once('_').filter(|(_, kind)| ["env", "file"].contains(kind)) else {
            self.table.insert(column.to_owned(), plain(column, cell));
            return;
        };
        if (kind == "env" && !is_variable(cell)) || may_be_secret(cell) {
            let expected = if kind == "env" { "the name of an environment variable" } else { "the path of a file" };
            let message = format!("expected {expected}; what stands there is not shown, for it may be a secret");
            self.problem(column, message);
            self.holds_secret = true;
        }
        let reference = Dict::from([(kind.to_owned(), cell.into())]);
        if self.table.insert(key.to_owned(), Value::Dict(Tag::Default, reference)).is_some() {
            self.problem(column, format!("found both `{key}_env` and `{key}_file`, expected one of them"));
        }
    }

    fn problem(&mut self, column: &str, message: String) {
        self.problems.push(ConfigError::new(self.file, message).with_line(self.line).with_key(column));
    }
}

/// Reads a cell that refers to no secret. Excel writes a boolean as `TRUE`; other words are checked
/// with the key.
fn plain(column: &str, cell: &str) -> Value {
    match cell.to_ascii_lowercase().as_str() {
        "true" if column == "classic_token" => true.into(),
        "false" if column == "classic_token" => false.into(),
        _ => cell.into(),
    }
}

fn is_variable(cell: &str) -> bool {
    !cell.starts_with(|first: char| first.is_ascii_digit())
        && cell.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
