//! What the check found, as people read it: a line each, with what to do about it at its end.

use std::fmt::Write as _;

use super::table::{Side, grouped, render as table};
use crate::engine::{CheckReport, Finding, Severity};

/// Stands for all accounts.
const ALL: &str = "(all)";

/// Writes every finding on a line, and how many there are of each kind.
pub(super) fn render(diagnosis: &CheckReport) -> String {
    let columns = [("account", Side::Left), ("check", Side::Left), ("", Side::Left), ("found", Side::Left)];
    let rows: Vec<_> = diagnosis.findings.iter().map(row).collect();
    let mut text = table(columns, &rows);
    let count =
        |severity| grouped(diagnosis.findings.iter().filter(|finding| finding.severity == severity).count() as u64);
    let counts = [Severity::Ok, Severity::Warning, Severity::Error].map(count);
    let _ = writeln!(text, "{} ok, warnings: {}, errors: {}", counts[0], counts[1], counts[2]);
    text
}

fn row(finding: &Finding) -> [String; 4] {
    let hint = finding.hint.as_ref().map_or_else(String::new, |hint| format!("; hint: {hint}"));
    // What a server says may have lines of its own.
    let found = format!("{}{hint}", finding.found).replace(char::is_control, " ");
    let account = finding.account.clone().unwrap_or_else(|| ALL.to_owned());
    [account, finding.check.as_str().to_owned(), finding.severity.as_str().to_owned(), found]
}

/// Writes a diagnosis as one JSON document.
pub(super) fn json(diagnosis: &CheckReport) -> String {
    serde_json::to_string_pretty(diagnosis).expect("a diagnosis has no failing `Serialize`") + "\n"
}
