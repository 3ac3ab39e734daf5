//! A report as people read it: a table, where everything went, and what went wrong.

use std::fmt::Write as _;

use fanout_sink::SinkReport;
use indicatif::HumanBytes;

use super::output::Terminal;
use super::table::{Side, grouped, render};
use crate::engine::{AccountReport, Outcome, RunReport, SinkState};

const NOTHING: &str = "-";

/// Writes what came of a run.
pub(super) fn of_run(report: &RunReport) -> String {
    let columns = [
        ("account", Side::Left),
        ("outcome", Side::Left),
        ("date", Side::Left),
        ("followers", Side::Right),
        ("total", Side::Right),
        ("pages", Side::Right),
        ("calls", Side::Right),
        ("seconds", Side::Right),
        ("sinks", Side::Left),
    ];
    let rows: Vec<_> = report.accounts.iter().map(run_row).collect();
    let mut text = render(columns, &rows);
    for account in &report.accounts {
        for sink in &account.sinks {
            if let SinkState::Published(report) | SinkState::AlreadyPublished(report) = &sink.state {
                let _ = writeln!(text, "{}, {}: {}", account.account, sink.sink, describe(report));
            }
        }
    }
    text
}

fn run_row(account: &AccountReport) -> [String; 9] {
    let count = |value: Option<u64>| value.map_or_else(|| NOTHING.to_owned(), grouped);
    let snapshot = account.snapshot.as_ref();
    let sinks: Vec<String> =
        account.sinks.iter().map(|sink| format!("{}: {}", sink.sink, in_words(&sink.state))).collect();
    [
        account.account.clone(),
        account.outcome.as_str().to_owned(),
        account.date.clone().unwrap_or_else(|| NOTHING.to_owned()),
        count(snapshot.map(|snapshot| snapshot.followers)),
        count(snapshot.map(|snapshot| snapshot.total)),
        grouped(account.pages),
        grouped(account.calls),
        format!("{:.1}", account.seconds),
        if sinks.is_empty() { NOTHING.to_owned() } else { sinks.join(", ") },
    ]
}

fn in_words(state: &SinkState) -> &'static str {
    match state {
        SinkState::Published(_) => "published",
        SinkState::AlreadyPublished(_) => "already published",
        SinkState::Failed { .. } => "failed",
        SinkState::NotReached => "not reached",
    }
}

/// Says what a sink has published, and where.
fn describe(report: &SinkReport) -> String {
    let amount = format!("{} rows, {}", grouped(report.rows), HumanBytes(report.bytes));
    match report.outputs.as_slice() {
        [] => amount,
        [only] => format!("{amount} in {}", only.location),
        [first, others @ ..] => format!("{amount} in {} and {} more", first.location, others.len()),
    }
}

/// Writes what a check found.
pub(super) fn of_check(report: &RunReport) -> String {
    let columns = [("account", Side::Left), ("outcome", Side::Left), ("date", Side::Left), ("walk", Side::Left)];
    let rows: Vec<_> = report
        .accounts
        .iter()
        .map(|account| {
            // An account that failed has no walk because nothing was chosen for it.
            let no_walk = if account.outcome == Outcome::Ready { "new" } else { NOTHING };
            [
                account.account.clone(),
                account.outcome.as_str().to_owned(),
                account.date.clone().unwrap_or_else(|| NOTHING.to_owned()),
                account.walk.clone().unwrap_or_else(|| no_walk.to_owned()),
            ]
        })
        .collect();
    render(columns, &rows)
}

/// Prints what went wrong with each account and each sink on stderr.
pub(super) fn print_failures(report: &RunReport, terminal: &Terminal) {
    for (message, hint) in failures(report) {
        terminal.error(&message, hint);
    }
}

/// Returns what went wrong, each with what a person can do about it.
fn failures(report: &RunReport) -> Vec<(String, Option<&str>)> {
    let mut failures = Vec::new();
    // Interruptions are no failures: whoever asked for one knows, and was told how to go on.
    for account in report.accounts.iter().filter(|account| account.outcome != Outcome::Interrupted) {
        let name = &account.account;
        if let Some(error) = &account.error {
            failures.push((format!("account `{name}`: {error}"), account.hint.as_deref()));
        }
        for sink in &account.sinks {
            if let SinkState::Failed { error, hint } = &sink.state {
                let error = format!("sink `{}`: {error}", sink.sink);
                // A required sink's error is the account's, too.
                if account.error.as_ref() != Some(&error) {
                    failures.push((format!("account `{name}`: {error}"), hint.as_deref()));
                }
            }
        }
    }
    failures
}

/// Writes a report as one JSON document.
pub(super) fn json(report: &RunReport) -> String {
    serde_json::to_string_pretty(report).expect("a report has no failing `Serialize`") + "\n"
}
