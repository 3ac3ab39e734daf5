//! `fanout status`: how the accounts stand, whether or not a run is at work.

use std::fmt::Write as _;

use clap::Args;
use indicatif::HumanBytes;

use super::arguments::PipelineArguments;
use super::output::Terminal;
use super::summary::json;
use super::table::{NOTHING, Side, account_and_list, duration, grouped, render};
use crate::config::Environment;
use crate::error::{Error, Exit};
use crate::inspect::{self, AccountStatus, LastStatus, Status, WalkStatus};

/// Arguments of `fanout status`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct StatusArguments {
    #[command(flatten)]
    pipeline: PipelineArguments,
}

const EXAMPLES: &str = "\
It makes no call, needs no secret, and may be asked while a run is at work: it takes no lock and changes nothing. Who is at
work on an account is known of processes on this machine.

Examples:
  fanout status pipelines/followers.toml
  fanout status pipelines/followers.toml --account brand --json";

/// Shows how the accounts of a pipeline file stand.
pub(super) fn execute(
    arguments: &StatusArguments,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Error> {
    let pipeline = arguments.pipeline.load_offline(environment)?;
    let status = inspect::status(&pipeline);
    terminal.result(&if arguments.pipeline.json { json(&status) } else { in_words(&status) });
    let mut exit = Exit::Done;
    for account in &status.accounts {
        if let Some(error) = &account.error {
            terminal.error(&format!("account `{}`: {error}", account.account), account.hint.as_deref());
            exit = Exit::Failed;
        }
    }
    Ok(exit)
}

/// Writes a table, and what has no room in it.
fn in_words(status: &Status) -> String {
    let columns = [
        ("account", Side::Left),
        ("list of", Side::Left),
        ("followers", Side::Right),
        ("sinks", Side::Left),
        ("walk under way", Side::Left),
        ("calls today", Side::Right),
        ("disk", Side::Right),
    ];
    let rows: Vec<_> = status.accounts.iter().map(row).collect();
    let mut text = render(columns, &rows);
    for AccountStatus { account, list, owed, held_by, .. } in &status.accounts {
        let account = account_and_list(account, list);
        if let Some(holder) = held_by {
            let _ = writeln!(text, "{account} is in use by {holder}");
        }
        if !owed.is_empty() {
            let dates: Vec<String> = owed.iter().map(ToString::to_string).collect();
            let _ = writeln!(text, "{account}: earlier lists that a sink still lacks: {}", dates.join(", "));
        }
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
        HumanBytes(account.bytes).to_string(),
    ]
}

/// Says which sinks have a list, and which lack it.
fn sinks(list: &LastStatus) -> String {
    let (published, lacking) = (list.published.join(", "), list.lacking.join(", "));
    match (published.is_empty(), lacking.is_empty()) {
        (_, true) => published,
        (true, false) => format!("lack it: {lacking}"),
        (false, false) => format!("{published}; lack it: {lacking}"),
    }
}

/// Says how far a walk has come, and how old its cursor is.
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
            held_by: Some("process 7 on `host`".to_owned()),
            ..account("brand")
        };
        let status = Status {
            pipeline: "test".to_owned(),
            at: "2026-02-01T02:00:00Z".parse().unwrap(),
            accounts: vec![brand, account("商店")],
        };
        let text = in_words(&status);
        let mut lines = text.lines().map(|line| line.split("  ").filter(|cell| !cell.is_empty()).map(str::trim));
        let mut cells = || lines.next().unwrap().collect::<Vec<_>>();
        assert_eq!(cells(), ["account", "list of", "followers", "sinks", "walk under way", "calls today", "disk"]);
        let walk = "2026-02-01: 12 pages, 120,000 followers, cursor 1 min 30 s old";
        assert_eq!(cells(), ["brand", "2026-01-31", "23,000", "lake; lack it: lines", walk, "4 of 500", "2.00 KiB"]);
        assert_eq!(cells(), ["商店", "-", "-", "-", "-", "4 of 500", "2.00 KiB"]);
        assert_eq!(cells(), ["brand is in use by process 7 on `host`"]);
        assert_eq!(cells(), ["brand: earlier lists that a sink still lacks: 2026-01-30"]);
    }

    #[test]
    fn a_list_names_who_has_it_and_who_lacks_it() {
        assert_eq!(sinks(&last(&["lake", "lines"], &[])), "lake, lines");
        assert_eq!(sinks(&last(&[], &["lake", "lines"])), "lack it: lake, lines");
    }
}
