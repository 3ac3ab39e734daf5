//! The findings of `fanout check --connect` as a table: one line each, which ends with the hint.
//! Stands between `engine`, which finds them, and `check`, which prints them.

use std::fmt::Write as _;

use super::table::{account_and_list, grouped, render as table, text};
use crate::engine::{CheckReport, Finding, Severity};

/// Stands in the column of accounts if a finding concerns all of them.
const ALL: &str = "(all)";

/// Writes every finding on a line, and then how many there are of each severity.
pub(super) fn render(report: &CheckReport, width: Option<usize>) -> String {
    let columns = [text("account").wrapping(), text("check"), text(""), text("found").wrapping()];
    let rows: Vec<_> = report.findings.iter().map(row).collect();
    let mut text = table(columns, &rows, width);
    let count =
        |severity| grouped(report.findings.iter().filter(|finding| finding.severity == severity).count() as u64);
    let counts = [Severity::Ok, Severity::Warning, Severity::Error].map(count);
    let _ = writeln!(text, "{} ok, warnings: {}, errors: {}", counts[0], counts[1], counts[2]);
    text
}

fn row(finding: &Finding) -> [String; 4] {
    let hint = finding.hint.as_ref().map_or_else(String::new, |hint| format!("; hint: {hint}"));
    // An answer of a server may hold line breaks.
    let found = format!("{}{hint}", finding.found).replace(char::is_control, " ");
    let account = match (&finding.account, &finding.list) {
        (Some(account), Some(list)) => account_and_list(account, list),
        _ => ALL.to_owned(),
    };
    [account, finding.check.as_str().to_owned(), finding.severity.as_str().to_owned(), found]
}
