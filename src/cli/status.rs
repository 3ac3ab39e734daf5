//! `fanout status`: shows each account, also during a run. `inspect` reads the state.

use clap::Args;

use super::arguments::PipelineArguments;
use super::failures::{self, Failure, some_names};
use super::output::Terminal;
use super::summary::json;
use super::table::{NOTHING, account_and_list, bytes, duration, grouped, line, number, render, text};
use crate::config::Environment;
use crate::error::{Error, Exit};
use crate::inspect::{self, AccountStatus, LastStatus, Status, WalkStatus};

/// Arguments of `fanout status`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct StatusArguments {
    #[command(flatten)]
    pipeline: PipelineArguments,
    /// Only accounts that need a look: with an error, with a sink that lacks a list, or with an old
    /// walk
    #[arg(long)]
    problems: bool,
}

const EXAMPLES: &str = "\
It makes no call, needs no secret, takes no lock and changes nothing, and so can be used during a run. It names the process
that uses an account if the process is on this machine.

Examples:
  fanout status pipelines/followers.toml
  fanout status pipelines/followers.toml --problems               only accounts that need a look
  fanout status pipelines/followers.toml --account brand --json";

/// Prints the status of each account.
pub(super) fn execute(
    arguments: &StatusArguments,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Error> {
    let pipeline = arguments.pipeline.load_offline(environment)?;
    let mut status = inspect::status(&pipeline);
    let exit = if status.accounts.iter().any(|account| account.error.is_some()) { Exit::Failed } else { Exit::Done };
    let all = status.accounts.len() as u64;
    if arguments.problems {
        status.accounts.retain(AccountStatus::needs_a_look);
    }
    terminal.result(&match () {
        () if arguments.pipeline.json => json(&status),
        () if arguments.problems && status.accounts.is_empty() => format!("no problem in {} accounts\n", grouped(all)),
        () => in_words(&status, terminal.width()),
    });
    let failures = status.accounts.iter().filter_map(|account| {
        let error = account.error.as_ref()?.into();
        Some(Failure { account: &account.account, app_id: &account.app_id, error, hint: account.hint.as_deref() })
    });
    failures::print(&failures.collect::<Vec<_>>(), terminal);
    Ok(exit)
}

/// Writes a table, and below it what has no column.
fn in_words(status: &Status, width: Option<usize>) -> String {
    let columns = [
        text("account").wrapping(),
        text("list of"),
        number("followers"),
        text("sinks").wrapping(),
        text("walk under way").wrapping(),
        number("calls today"),
        number("disk").extra(),
    ];
    let rows: Vec<_> = status.accounts.iter().map(row).collect();
    let mut text = render(columns, &rows, width);
    // What is the same of many accounts stands there once: its key, its whole text, the accounts.
    let mut notes: Vec<(String, String, Vec<String>)> = Vec::new();
    let mut note = |account: &str, key: &str, what: String| match notes.iter_mut().find(|(known, ..)| known == key) {
        Some((_, _, accounts)) => accounts.push(account.to_owned()),
        None => notes.push((key.to_owned(), what, vec![account.to_owned()])),
    };
    for status in &status.accounts {
        let account = account_and_list(&status.account, &status.list);
        // A run takes its locks one after the other.
        let without_time = |holder: &str| holder.split(" since ").next().unwrap_or_default().to_owned();
        if let Some(holder) = &status.held_by {
            note(&account, &without_time(holder), format!("in use by {holder}"));
        }
        if let Some(holder) = &status.perhaps_held_by {
            let what = format!(
                "perhaps in use: the lock file names {holder}, which is of another machine or container and cannot be \
                 looked up from here"
            );
            note(&account, &without_time(holder), what);
        }
        if !status.owed.is_empty() {
            let dates: Vec<String> = status.owed.iter().map(ToString::to_string).collect();
            let what = format!("earlier lists that a sink still lacks: {}", dates.join(", "));
            note(&account, &what.clone(), what);
        }
    }
    for (_, what, accounts) in notes {
        let accounts = match accounts.as_slice() {
            [only] => only.clone(),
            many => some_names(&many.iter().map(String::as_str).collect::<Vec<_>>()),
        };
        text.push_str(&line(&format!("{accounts}: {what}"), width));
    }
    text
}

fn row(account: &AccountStatus) -> [String; 7] {
    let last = account.last.as_ref();
    let of_last = |show: &dyn Fn(&LastStatus) -> String| last.map_or_else(|| NOTHING.to_owned(), show);
    [
        account_and_list(&account.account, &account.list),
        of_last(&|last| last.date.to_string()),
        of_last(&|last| grouped(last.rows)),
        of_last(&sinks),
        account.walk.as_ref().map_or_else(|| NOTHING.to_owned(), walk),
        format!("{} of {}", grouped(account.calls_today), grouped(account.daily_calls)),
        bytes(account.bytes),
    ]
}

/// Writes which sinks have a list, and which lack it.
fn sinks(list: &LastStatus) -> String {
    let (published, lacking) = (list.published.join(", "), list.lacking.join(", "));
    match (published.is_empty(), lacking.is_empty()) {
        (_, true) => published,
        (true, false) => format!("lacking: {lacking}"),
        (false, false) => format!("{published}; lacking: {lacking}"),
    }
}

/// Writes what a walk has read, and how old its cursor is.
fn walk(walk: &WalkStatus) -> String {
    let age = duration(walk.cursor_seconds as f64);
    let pages = if walk.pages == 1 { "1 page".to_owned() } else { format!("{} pages", grouped(walk.pages)) };
    let read = format!("{}: {pages}, {} followers", walk.date, grouped(walk.followers));
    if walk.ended { format!("{read}, read to its end") } else { format!("{read}, cursor {age} old") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(published: &[&str], lacking: &[&str]) -> LastStatus {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let (published, lacking) = (names(published), names(lacking));
        LastStatus {
            walk: "000001-20260131T020000Z".parse().unwrap(),
            date: "2026-01-31".parse().unwrap(),
            rows: 23_000,
            published,
            lacking,
        }
    }

    fn account(name: &str) -> AccountStatus {
        AccountStatus {
            account: name.to_owned(),
            app_id: "wx1".to_owned(),
            list: "followers".to_owned(),
            last: None,
            owed: Vec::new(),
            walk: None,
            calls_today: 4,
            daily_calls: 500,
            bytes: 2_048,
            held_by: None,
            perhaps_held_by: None,
            error: None,
            hint: None,
        }
    }

    #[test]
    fn a_status_has_a_line_for_each_account_and_what_is_particular_below() {
        let walk = WalkStatus {
            walk: "000002-20260201T020000Z".parse().unwrap(),
            date: "2026-02-01".parse().unwrap(),
            pages: 12,
            followers: 120_000,
            cursor_seconds: 90,
            ended: false,
        };
        let brand = AccountStatus {
            last: Some(last(&["lake"], &["lines"])),
            owed: vec!["2026-01-30".parse().unwrap()],
            walk: Some(walk),
            held_by: Some("process 7 on `host` since 2026-02-01".to_owned()),
            ..account("brand")
        };
        let status = Status {
            pipeline: "test".to_owned(),
            at: "2026-02-01T02:00:00Z".parse().unwrap(),
            accounts: vec![brand, account("商店")],
        };
        let text = in_words(&status, None);
        let mut lines = text.lines().map(|line| line.split("  ").filter(|cell| !cell.is_empty()).map(str::trim));
        let mut cells = || lines.next().unwrap().collect::<Vec<_>>();
        assert_eq!(cells(), ["account", "list of", "followers", "sinks", "walk under way", "calls today", "disk"]);
        let walk = "2026-02-01: 12 pages, 120,000 followers, cursor 1 min 30 s old";
        assert_eq!(cells(), ["brand", "2026-01-31", "23,000", "lake; lacking: lines", walk, "4 of 500", "2.00 KiB"]);
        assert_eq!(cells(), ["商店", "-", "-", "-", "-", "4 of 500", "2.00 KiB"]);
        assert_eq!(cells(), ["brand: in use by process 7 on `host` since 2026-02-01"]);
        assert_eq!(cells(), ["brand: earlier lists that a sink still lacks: 2026-01-30"]);
    }

    #[test]
    fn a_list_names_who_has_it_and_who_lacks_it() {
        assert_eq!(sinks(&last(&["lake", "lines"], &[])), "lake, lines");
        assert_eq!(sinks(&last(&[], &["lake", "lines"])), "lacking: lake, lines");
    }
}
