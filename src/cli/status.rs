//! `fanout status`: shows each account, also during a run. `inspect` reads the state.

use std::borrow::Cow;

use clap::Args;

use super::arguments::PipelineArguments;
use super::failures::{self, Failure, some_names};
use super::output::Terminal;
use super::summary::{batches_in_words, json};
use super::table::{
    NOTHING, account_and_list, accounts_and_lists, bytes, duration, grouped, line, number, render, text,
};
use super::told::{self, people_of, title_of_rows};
use crate::config::Environment;
use crate::error::{Error, Exit};
use crate::inspect::{self, AccountStatus, LastStatus, SinkLook, Status, WalkStatus};
use crate::registry::SinkRegistry;
use crate::report::FoundList;
use crate::wechat::List;

/// Arguments of `fanout status`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct StatusArguments {
    #[command(flatten)]
    pipeline: PipelineArguments,
    /// Only accounts that need a look: with an error, with a sink that lacks a list or from which
    /// it is gone, with a list that lacks a tag, or with an old walk
    #[arg(long)]
    problems: bool,
}

const EXAMPLES: &str = "\
It makes no call to WeChat, takes no lock and changes nothing, and so can be used during a run. It names the process that uses
an account if the process is on this machine. It looks whether the last list is still at each sink that has published it. It
needs no secret, but without a sink's secret it cannot look there.

Examples:
  fanout status pipelines/followers.toml
  fanout status pipelines/followers.toml --problems               only accounts that need a look
  fanout status pipelines/followers.toml --account brand --json";

/// With more lists than this, what a list tells is not shown; `--json` has it.
const FEW: usize = 20;

/// Prints the status of each account.
pub(super) async fn execute(
    arguments: &StatusArguments,
    registry: &SinkRegistry,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Error> {
    let pipeline = arguments.pipeline.load_offline(environment)?;
    let mut status = inspect::status(&pipeline, registry).await;
    let exit = status.exit();
    let all = accounts_and_lists(status.accounts.iter().map(|account| account.account.as_str()));
    if arguments.problems {
        status.accounts.retain(AccountStatus::needs_a_look);
    }
    terminal.result(&match () {
        () if arguments.pipeline.json => json(&status),
        () if arguments.problems && status.accounts.is_empty() => format!("no problem in {all}\n"),
        () => in_words(&status, terminal.width()),
    });
    failures::print(&status.accounts.iter().flat_map(failures_of).collect::<Vec<_>>(), terminal);
    Ok(exit)
}

/// Writes a table, and below it what has no column.
fn in_words(status: &Status, width: Option<usize>) -> String {
    let columns = [
        text("account").wrapping(),
        text("list of"),
        number(title_of_rows(status.accounts.iter().map(|account| account.list.as_str()))),
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
    let is_short = status.accounts.len() <= FEW;
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
        if let Some(last) = status.last.as_ref().filter(|last| last.looks.iter().any(SinkLook::is_to_be_delivered)) {
            let date = last.date;
            let what = format!("`fanout replay` with `--date {date}` delivers again what is gone, without a call");
            note(&account, &what.clone(), what);
        }
        if let Some(batches) = status.walk.as_ref().filter(|walk| !walk.ended).and_then(|walk| walk.batches) {
            let what = batches_in_words(&batches);
            note(&account, &what.clone(), what);
        }
        let told = |last: &LastStatus| told::in_words(last.changes.as_ref(), last.tags.as_ref(), Some(last.date));
        if let Some(told) = status.last.as_ref().filter(|_| is_short).and_then(told) {
            note(&account, &account, told);
        }
        if !status.owed.is_empty() {
            let dates: Vec<String> = status.owed.iter().map(ToString::to_string).collect();
            let what = format!("earlier lists that a sink still lacks: {}", dates.join(", "));
            note(&account, &what.clone(), what);
        }
    }
    let are_accounts = status.accounts.iter().all(|account| account.list == List::FOLLOWERS.name());
    let kind = if are_accounts { "accounts" } else { "lists" };
    for (_, what, accounts) in notes {
        let accounts = match accounts.as_slice() {
            [only] => only.clone(),
            many => some_names(&many.iter().map(String::as_str).collect::<Vec<_>>(), kind),
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
        account.walk.as_ref().map_or_else(|| NOTHING.to_owned(), |under_way| walk(under_way, &account.list)),
        match account.daily_calls {
            // The list is read without a call.
            0 => NOTHING.to_owned(),
            calls => format!("{} of {}", grouped(account.calls_today), grouped(calls)),
        },
        bytes(account.bytes),
    ]
}

/// Returns the errors of an account: that of its state, and those of the looks at its last list.
fn failures_of(status: &AccountStatus) -> Vec<Failure<'_>> {
    let AccountStatus { account, list, app_id, .. } = status;
    let of_state = status.error.iter().map(|error| (Cow::from(error), status.hint.as_deref()));
    let looks = status.last.iter().flat_map(|last| &last.looks);
    let of_looks = looks.filter_map(|look| {
        let error = format!("sink `{}`: {}", look.sink, look.error.as_ref()?);
        Some((Cow::from(error), look.hint.as_deref()))
    });
    of_state.chain(of_looks).map(|(error, hint)| Failure { account, list: Some(list), app_id, error, hint }).collect()
}

/// Writes which sinks have a list, which have lost it, and which lack it.
fn sinks(list: &LastStatus) -> String {
    let mut groups = vec![("", Vec::new())];
    for sink in &list.published {
        let look = list.looks.iter().find(|look| look.sink == *sink);
        let group = look.map_or("", group_of);
        match groups.iter_mut().find(|(name, _)| *name == group) {
            Some((_, sinks)) => sinks.push(sink.as_str()),
            None => groups.push((group, vec![sink.as_str()])),
        }
    }
    groups.push(("lacking: ", list.lacking.iter().map(String::as_str).collect()));
    let groups = groups.into_iter().filter(|(_, sinks)| !sinks.is_empty());
    let groups: Vec<String> = groups.map(|(group, sinks)| format!("{group}{}", sinks.join(", "))).collect();
    // The first changes of an account are not for every sink.
    if groups.is_empty() { NOTHING.to_owned() } else { groups.join("; ") }
}

/// Returns the words before the sinks of which the same was found; no words if they have the list.
fn group_of(look: &SinkLook) -> &'static str {
    match look.found {
        Some(FoundList::Held | FoundList::Unknown) => "",
        Some(FoundList::Replaced) => "replaced since: ",
        Some(FoundList::Taken) => "taken: ",
        Some(FoundList::Altered) => "altered: ",
        Some(FoundList::Gone) => "gone: ",
        None => "not looked at: ",
    }
}

/// Writes what a walk of `list` has read, and how old its cursor is.
fn walk(walk: &WalkStatus, list: &str) -> String {
    let age = duration(walk.cursor_seconds as f64);
    let (read, newest) = match (walk.batches, walk.pages) {
        (Some(batches), _) => (format!("{} of {} batches", grouped(walk.pages), grouped(batches.all)), "last reply"),
        (None, 1) => ("1 page".to_owned(), "cursor"),
        (None, pages) => (format!("{} pages", grouped(pages)), "cursor"),
    };
    let read = format!("{}: {read}, {} {}", walk.date, grouped(walk.followers), people_of(list));
    if walk.ended { format!("{read}, read to its end") } else { format!("{read}, {newest} {age} old") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::BatchesReport;

    fn last(published: &[&str], lacking: &[&str]) -> LastStatus {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let (published, lacking) = (names(published), names(lacking));
        LastStatus {
            walk: "000001-20260131T020000Z".parse().unwrap(),
            date: "2026-01-31".parse().unwrap(),
            rows: 23_000,
            changes: None,
            tags: None,
            published,
            lacking,
            looks: Vec::new(),
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
            has_begun: true,
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
            batches: None,
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
    fn a_walk_of_batches_says_how_many_have_a_reply() {
        let under_way = WalkStatus {
            walk: "000002-20260201T020000Z".parse().unwrap(),
            date: "2026-02-01".parse().unwrap(),
            pages: 4_100,
            batches: Some(BatchesReport::new(10_102, 4_100, Some(12.5), Some(100), Some(500_000))),
            followers: 1_000_000,
            cursor_seconds: 90,
            ended: false,
        };
        let told = "2026-02-01: 4,100 of 10,102 batches, 1,000,000 followers, last reply 1 min 30 s old";
        assert_eq!(walk(&under_way, "profiles"), told);
        let of_walk = |walk: &WalkStatus| {
            let account = AccountStatus { walk: Some(walk.clone()), list: "profiles".to_owned(), ..account("brand") };
            let (pipeline, at) = ("test".to_owned(), "2026-02-01T02:00:00Z".parse().unwrap());
            in_words(&Status { pipeline, at, accounts: vec![account] }, None)
        };
        let left =
            "brand profiles: 6,002 of 10,102 batches left, each takes 100 of the day's calls: 2 days; 12.5 batches/s";
        assert!(of_walk(&under_way).lines().any(|line| line == left), "{}", of_walk(&under_way));
        let ended = WalkStatus { pages: 10_102, ended: true, ..under_way };
        assert!(!of_walk(&ended).contains("left"), "{}", of_walk(&ended));
        assert_eq!(
            walk(&ended, "profiles"),
            "2026-02-01: 10,102 of 10,102 batches, 1,000,000 followers, read to its end"
        );
    }

    #[test]
    fn a_list_names_who_has_it_and_who_lacks_it() {
        assert_eq!(sinks(&last(&["lake", "lines"], &[])), "lake, lines");
        assert_eq!(sinks(&last(&[], &["lake", "lines"])), "lacking: lake, lines");
    }
}
