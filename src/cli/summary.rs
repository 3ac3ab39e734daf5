//! The report that `engine` returns, as text for people: a table, the outputs of each sink, the
//! errors.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use chrono::NaiveDate;
use fanout_sink::SinkReport;
use serde::Serialize;

use super::arguments::PipelineArguments;
use super::failures::{self, Failure};
use super::output::Terminal;
use super::table::{NOTHING, account_and_list, accounts_and_lists, bytes, grouped, line, number, render, signed, text};
use super::told::{self, has_followers, rows_of, title_of_rows};
use crate::report::{AccountReport, BatchesReport, FoundList, RunReport, SinkOutcome, SinkState, Verdict};
use crate::wechat::{List, Reading};

/// With more accounts than this, outputs are not listed; the report of the run has them.
const FEW: usize = 20;

/// Prints the result of a run or a replay, its errors, and the command that delivers what a sink
/// has missed.
pub(super) fn print_run(report: &RunReport, arguments: &PipelineArguments, stdout_is_taken: bool, terminal: &Terminal) {
    let text = if arguments.json { json(report) } else { of_run(report, terminal.width()) };
    if stdout_is_taken {
        terminal.result_aside(&text);
    } else {
        terminal.result(&text);
    }
    print_failures(report, terminal);
    let missed: Vec<String> = missed(report).iter().map(|sink| format!(" --sink {sink}")).collect();
    if !missed.is_empty() {
        let (file, sinks) = (arguments.file().display(), missed.concat());
        terminal
            .note(&format!("hint: `fanout replay {file}{sinks}` delivers later what is missing, without an API call"));
    }
}

/// Returns the sinks that have failed to publish a complete list. A one-shot sink gets it in the
/// next run.
fn missed(report: &RunReport) -> BTreeSet<&str> {
    let complete = report.accounts.iter().filter(|account| account.snapshot.is_some());
    let sinks = complete.flat_map(|account| &account.sinks);
    let has_missed = |sink: &&SinkOutcome| !sink.one_shot && matches!(sink.state, SinkState::Failed { .. });
    sinks.filter(has_missed).map(|sink| sink.sink.as_str()).collect()
}

/// Writes the result of a run.
fn of_run(report: &RunReport, width: Option<usize>) -> String {
    let columns = [
        text("account").wrapping(),
        text("verdict").wrapping(),
        text("date"),
        number(title_of_rows(report.accounts.iter().map(|account| account.list.as_str()))),
        number("change"),
        number("pages").extra(),
        number("calls"),
        number("retries").extra(),
        number("seconds").extra(),
        text("sinks").extra(),
    ];
    if let Some(text) = of_empty_shard(report) {
        return text;
    }
    let rows: Vec<_> = report.accounts.iter().map(run_row).collect();
    let mut text = render(columns, &rows, width);
    if report.accounts.len() > 1 {
        text.push_str(&line(&totals(report), width));
        text.push_str(&published_dates(report).map_or_else(String::new, |dates| line(&dates, width)));
    }
    if report.accounts.len() <= FEW {
        for account in &report.accounts {
            let name = account_and_list(&account.account, &account.list);
            text.push_str(&of_resumed(account).map_or_else(String::new, |resumed| line(&resumed, width)));
            if let Some(told) = told::in_words(account.changes.as_ref(), account.tags.as_ref(), account.date) {
                text.push_str(&line(&format!("{name}: {told}"), width));
            }
            for sink in &account.sinks {
                if let SinkState::Published(report) | SinkState::AlreadyPublished(report) = &sink.state {
                    let what = format!("{name}, {}: {}{}", sink.sink, describe(report), since(sink));
                    text.push_str(&line(&what, width));
                }
            }
        }
    }
    text
}

/// Returns the text about a shard that has no account; `None` if there are accounts.
fn of_empty_shard(report: &RunReport) -> Option<String> {
    let shard = report.shard.as_deref().filter(|_| report.accounts.is_empty())?;
    Some(format!("no account of `{}` is in the shard {shard}\n", report.pipeline))
}

/// Writes from where the walk of an account has gone on; `None` if no earlier run had begun it.
fn of_resumed(account: &AccountReport) -> Option<String> {
    let AccountReport { date: Some(date), pages_before: before @ 1.., pages, .. } = account else { return None };
    let of = if account.snapshot.is_some() { format!(" of {}", grouped(*pages)) } else { String::new() };
    let name = account_and_list(&account.account, &account.list);
    let from = if is_read_in_batches(account) {
        // Their order is not that of the list.
        format!("after {}{of} batches", grouped(*before))
    } else {
        format!("from page {}{of}", grouped(before + 1))
    };
    Some(format!("{name}: the walk of {date} went on {from}"))
}

/// Writes the dates whose lists this run has published, with their number; `None` if there is none.
fn published_dates(report: &RunReport) -> Option<String> {
    let mut lists: BTreeMap<NaiveDate, u64> = BTreeMap::new();
    let published = report.accounts.iter().filter(|account| account.verdict == Verdict::Published);
    published.filter_map(|account| account.date).for_each(|date| *lists.entry(date).or_default() += 1);
    let dates: Vec<String> = lists.iter().map(|(date, count)| format!("{date} ({})", grouped(*count))).collect();
    (!dates.is_empty()).then(|| format!("published in this run, by date: {}", dates.join(", ")))
}

/// Writes the sums over all accounts.
fn totals(report: &RunReport) -> String {
    let mut verdicts: Vec<(&str, u64)> = Vec::new();
    let mut calls = 0;
    // Of lists of the same followers only one counts.
    let mut followers: BTreeMap<(&str, Option<NaiveDate>), u64> = BTreeMap::new();
    let mut others: Vec<(&str, u64)> = Vec::new();
    let mut add = |rows, count| match others.iter_mut().find(|(known, _)| *known == rows) {
        Some((_, sum)) => *sum += count,
        None => others.push((rows, count)),
    };
    for account in &report.accounts {
        match verdicts.iter_mut().find(|(verdict, _)| *verdict == account.verdict.as_str()) {
            Some((_, count)) => *count += 1,
            None => verdicts.push((account.verdict.as_str(), 1)),
        }
        let rows = account.snapshot.as_ref().map_or(0, |snapshot| snapshot.rows);
        if let Some(changes) = account.changes.as_ref().filter(|changes| changes.since.is_some()) {
            add("followed", changes.followed);
            add("unfollowed", changes.unfollowed);
        } else if has_followers(&account.list) {
            let most = followers.entry((&account.account, account.date)).or_default();
            *most = rows.max(*most);
        } else if account.snapshot.is_some() && account.changes.is_none() {
            add(rows_of(&account.list), rows);
        }
        calls += account.calls;
    }
    let verdicts: Vec<String> =
        verdicts.into_iter().map(|(verdict, count)| format!("{} {verdict}", grouped(count))).collect();
    let what = accounts_and_lists(report.accounts.iter().map(|account| account.account.as_str()));
    if !followers.is_empty() {
        others.insert(0, (List::FOLLOWERS.rows_are(), followers.into_values().sum()));
    }
    others.push((if calls == 1 { "call" } else { "calls" }, calls));
    let amounts: Vec<String> = others.into_iter().map(|(what, count)| format!("{} {what}", grouped(count))).collect();
    format!("{what}: {}; {}, {:.1} s", verdicts.join(", "), amounts.join(", "), report.seconds)
}

fn run_row(account: &AccountReport) -> [String; 10] {
    let count = |value: Option<u64>| value.map_or_else(|| NOTHING.to_owned(), grouped);
    let snapshot = account.snapshot.as_ref();
    let sinks: Vec<String> = account.sinks.iter().map(|sink| format!("{}: {}", sink.sink, in_words(sink))).collect();
    [
        account_and_list(&account.account, &account.list),
        account.verdict.as_str().to_owned(),
        account.date.map_or_else(|| NOTHING.to_owned(), |date| date.to_string()),
        count(snapshot.map(|snapshot| snapshot.rows)),
        change(account).map_or_else(|| NOTHING.to_owned(), signed),
        grouped(account.pages),
        calls(account),
        grouped(account.retries),
        format!("{:.1}", account.seconds),
        if sinks.is_empty() { NOTHING.to_owned() } else { sinks.join(", ") },
    ]
}

/// Returns by how much the list has grown since the one before; of a list of changes, by how many
/// people the followers have.
pub(super) fn change(account: &AccountReport) -> Option<i128> {
    if account.list == List::CHANGES.name() {
        return account.changes.as_ref()?.net();
    }
    Some(i128::from(account.snapshot.as_ref()?.rows) - i128::from(account.previous_rows?))
}

/// Writes the calls that the run made, of those that were left before it: `4 of 500`. A batch may
/// take more than one of them, and a question about one follower, or about the tags, takes none:
/// `234, 499,767 left`.
pub(super) fn calls(account: &AccountReport) -> String {
    let calls = grouped(account.calls);
    match account.calls_left {
        None => calls,
        Some(left) if !is_read_in_pages(account) => format!("{calls}, {} left", grouped(left)),
        Some(left) => format!("{calls} of {}", grouped(account.calls + left)),
    }
}

/// Returns whether the list of a report is read in pages, so that each of its calls is one of those
/// that WeChat counts for pages.
pub(super) fn is_read_in_pages(account: &AccountReport) -> bool {
    List::named(&account.list).is_some_and(|list| matches!(list.reading(), Reading::Pages { .. }))
}

/// Returns whether the list of a report is read in batches.
pub(super) fn is_read_in_batches(account: &AccountReport) -> bool {
    List::named(&account.list).is_some_and(|list| list.reading() == Reading::Batches)
}

/// Writes how many batches of a walk are left, what they cost, how long that takes, and how fast
/// they come.
pub(super) fn batches_in_words(batches: &BatchesReport) -> String {
    let BatchesReport { all, left, per_second, cost, days } = *batches;
    if all == 0 {
        // Between two lists nothing has changed, or changes are not verified.
        return "nobody is asked about".to_owned();
    }
    let mut text = format!("{} of {} batches left", grouped(left), grouped(all));
    match (cost, days) {
        (Some(cost), days) => {
            let _ = write!(text, ", each takes {} of the day's calls", grouped(cost));
            match days.filter(|&days| days > 0) {
                None => {}
                Some(1) => text.push_str(": 1 day"),
                Some(days) => drop(write!(text, ": {} days", grouped(days))),
            }
        }
        (None, _) => text.push_str(", what a batch costs is not known"),
    }
    if let Some(per_second) = per_second {
        let _ = write!(text, "; {per_second:.1} batches/s");
    }
    text
}

pub(super) fn in_words(outcome: &SinkOutcome) -> &'static str {
    match (&outcome.state, outcome.found) {
        (SinkState::Published(_), Some(FoundList::Gone)) => "published again",
        (SinkState::Published(_), _) if outcome.one_shot => "delivered",
        (SinkState::Published(_), _) => "published",
        (SinkState::AlreadyPublished(_), Some(FoundList::Gone)) => "already published, gone since",
        (SinkState::AlreadyPublished(_), Some(FoundList::Replaced)) => "already published, replaced since",
        (SinkState::AlreadyPublished(_), _) => "already published",
        (SinkState::Failed { .. }, _) => "failed",
        (SinkState::NotReached, _) => "not reached",
        (SinkState::NotDue, _) => "not for it",
    }
}

/// Writes what has become of an output since it was published; nothing if it is there.
fn since(outcome: &SinkOutcome) -> &'static str {
    match (&outcome.state, outcome.found) {
        (SinkState::Published(_), Some(FoundList::Gone)) => "; it was gone",
        (SinkState::AlreadyPublished(_), Some(FoundList::Gone)) => "; it is gone, and stays away (`when_gone`)",
        (SinkState::AlreadyPublished(_), Some(FoundList::Replaced)) => "; a newer list has replaced it",
        _ => "",
    }
}

/// Writes what a sink has published, and where.
fn describe(report: &SinkReport) -> String {
    let amount = format!("{} rows, {}", grouped(report.rows), bytes(report.bytes));
    match report.outputs.as_slice() {
        [] => amount,
        [only] => format!("{amount} in {}", only.location),
        [first, others @ ..] => format!("{amount} in {} and {} more", first.location, others.len()),
    }
}

/// Writes the result of a check without API calls.
pub(super) fn of_check(report: &RunReport, width: Option<usize>) -> String {
    let columns =
        [text("account").wrapping(), text("verdict"), text("date"), text("walk").extra(), text("sinks").wrapping()];
    let rows: Vec<_> = report
        .accounts
        .iter()
        .map(|account| {
            // No walk was chosen for an account that failed.
            let no_walk = if account.verdict == Verdict::Ready { "new" } else { NOTHING };
            let sinks: Vec<String> =
                account.sinks.iter().map(|sink| format!("{}: {}", sink.sink, before_a_run(sink))).collect();
            [
                account_and_list(&account.account, &account.list),
                account.verdict.as_str().to_owned(),
                account.date.map_or_else(|| NOTHING.to_owned(), |date| date.to_string()),
                account.walk.map_or_else(|| no_walk.to_owned(), |walk| walk.to_string()),
                if sinks.is_empty() { NOTHING.to_owned() } else { sinks.join(", ") },
            ]
        })
        .collect();
    of_empty_shard(report).unwrap_or_else(|| render(columns, &rows, width))
}

/// Writes what a run would find at a sink.
fn before_a_run(outcome: &SinkOutcome) -> &'static str {
    match outcome.state {
        SinkState::NotReached if outcome.is_lost() => "gone, would be delivered again",
        SinkState::NotReached => "would be delivered",
        _ => in_words(outcome),
    }
}

/// Prints the errors of accounts and sinks to stderr.
pub(super) fn print_failures(report: &RunReport, terminal: &Terminal) {
    failures::print(&failures(report), terminal);
}

/// Returns each error with its hint.
fn failures(report: &RunReport) -> Vec<Failure<'_>> {
    let (mut failures, all) = (Vec::new(), &report.accounts);
    // An account that was stopped has not failed, and how to continue is printed for the whole run.
    // One that the failure of its platform has stopped is told together with the one that failed.
    let failed = all.iter().filter(|account| account.verdict == Verdict::Failed);
    let told: BTreeSet<&str> = failed.filter_map(|account| account.error.as_deref()).collect();
    let was_stopped = |account: &AccountReport| match account.verdict {
        Verdict::Interrupted => true,
        Verdict::Stopped => account.error.as_deref().is_none_or(|error| !told.contains(error)),
        _ => false,
    };
    let mut walks: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for account in all {
        *walks.entry((&account.app_id, &account.list)).or_default() += 1;
    }
    for report in all.iter().filter(|account| !was_stopped(account)) {
        let (account, app_id, list) = (report.account.as_str(), report.app_id.as_str(), Some(report.list.as_str()));
        let has_others = walks[&(app_id, report.list.as_str())] > 1;
        let date = report.date.filter(|_| has_others).map_or_else(String::new, |date| format!("{date}: "));
        if let Some(error) = &report.error {
            let error = format!("{date}{error}").into();
            failures.push(Failure { account, list, app_id, error, hint: report.hint.as_deref() });
        }
        for sink in &report.sinks {
            if let SinkState::Failed { error, hint } = &sink.state {
                let error = format!("sink `{}`: {error}", sink.sink);
                // The error of a required sink is the account's error, too.
                if report.error.as_ref() != Some(&error) {
                    let error = format!("{date}{error}").into();
                    failures.push(Failure { account, list, app_id, error, hint: hint.as_deref() });
                }
            }
        }
    }
    failures
}

/// Writes a result as one JSON document.
pub(super) fn json(result: &impl Serialize) -> String {
    serde_json::to_string_pretty(result).expect("a result has no failing `Serialize`") + "\n"
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use fanout_sink::{Output, Snapshot, WalkId};

    use super::*;
    use crate::error::Exit;

    fn account(name: &str, verdict: Verdict, sinks: Vec<(&str, SinkState)>) -> AccountReport {
        let sinks = sinks.into_iter();
        AccountReport {
            account: name.to_owned(),
            app_id: "wx1".to_owned(),
            list: "followers".to_owned(),
            verdict,
            exit: Exit::Done,
            walk: None,
            date: None,
            snapshot: None,
            changes: None,
            tags: None,
            previous_rows: None,
            previous_fetched_at: None,
            pages: 3,
            pages_before: 0,
            batches: None,
            calls: 4,
            calls_left: None,
            retries: 0,
            seconds: 0.25,
            sinks: sinks
                .map(|(sink, state)| SinkOutcome {
                    sink: sink.to_owned(),
                    required: true,
                    one_shot: false,
                    found: None,
                    state,
                })
                .collect(),
            error: None,
            hint: None,
        }
    }

    fn report(accounts: Vec<AccountReport>) -> RunReport {
        RunReport {
            run: None,
            begun_at: "2026-01-31T02:00:00Z".parse().unwrap(),
            seconds: 0.0,
            shard: None,
            pipeline: "test".to_owned(),
            exit: Exit::Done,
            accounts,
        }
    }

    fn published(location: &str) -> SinkState {
        let output = Output { location: location.to_owned(), rows: 23_000, bytes: 2_048 };
        SinkState::Published(SinkReport { rows: 23_000, bytes: 2_048, outputs: vec![output], ..SinkReport::default() })
    }

    fn failed(error: &str) -> SinkState {
        SinkState::Failed { error: error.to_owned(), hint: Some("make room".to_owned()) }
    }

    fn snapshot() -> Snapshot {
        Snapshot {
            walk: WalkId::new(1, DateTime::UNIX_EPOCH),
            date: "2026-01-31".parse().unwrap(),
            begun_at: DateTime::UNIX_EPOCH,
            rows: 23_000,
            first_fetched_at: None,
            last_fetched_at: None,
            digest: String::new(),
            proof: serde_json::Map::new(),
        }
    }

    #[test]
    fn a_summary_has_a_line_for_each_account_and_says_where_its_list_is() {
        let sinks = vec![("archive", published("out/a.parquet")), ("lines", failed("disk full"))];
        let brand = AccountReport {
            snapshot: Some(snapshot()),
            date: Some("2026-01-31".parse().unwrap()),
            previous_rows: Some(24_500),
            calls_left: Some(496),
            retries: 1,
            ..account("brand", Verdict::Published, sinks)
        };
        let report = report(vec![brand, account("shop", Verdict::Failed, Vec::new())]);
        assert_eq!(
            of_run(&report, None),
            "account  verdict    date        followers  change  pages     calls  retries  seconds  sinks\n\
             brand    published  2026-01-31     23,000  -1,500      3  4 of 500        1      0.2  archive: published, \
             lines: failed\n\
             shop     failed     -                   -       -      3         4        0      0.2  -\n\
             2 accounts: 1 published, 1 failed; 23,000 followers, 8 calls, 0.0 s\n\
             published in this run, by date: 2026-01-31 (1)\n\
             brand, archive: 23,000 rows, 2.00 KiB in out/a.parquet\n"
        );
        assert_eq!(
            of_run(&report, Some(72)),
            "account  verdict    date        followers  change  pages     calls\n\
             brand    published  2026-01-31     23,000  -1,500      3  4 of 500\n\
             shop     failed     -                   -       -      3         4\n\
             2 accounts: 1 published, 1 failed; 23,000 followers, 8 calls, 0.0 s\n\
             published in this run, by date: 2026-01-31 (1)\n\
             brand, archive: 23,000 rows, 2.00 KiB in out/a.parquet\n"
        );
    }

    #[test]
    fn a_summary_has_a_row_for_each_date_and_says_which_were_published_and_what_went_on() {
        let on = |date: &str, account: AccountReport| AccountReport { date: Some(date.parse().unwrap()), ..account };
        let published =
            || AccountReport { snapshot: Some(snapshot()), ..account("brand", Verdict::Published, Vec::new()) };
        let resumed = AccountReport { pages: 100, pages_before: 16, ..published() };
        let failed = AccountReport { pages: 20, pages_before: 12, ..account("shop", Verdict::Failed, Vec::new()) };
        let rows = vec![
            on("2026-01-30", resumed),
            on("2026-01-31", published()),
            on("2026-01-30", failed),
            on("2026-01-31", AccountReport { account: "shop".to_owned(), ..published() }),
        ];
        let text = of_run(&report(rows), None);
        assert_eq!(text.lines().filter(|line| line.contains("  2026-01-3")).count(), 4);
        let below = text.split_once("2 accounts").unwrap().1;
        assert_eq!(
            below,
            ", 4 lists: 3 published, 1 failed; 69,000 followers, 16 calls, 0.0 s\n\
             published in this run, by date: 2026-01-30 (1), 2026-01-31 (2)\n\
             brand: the walk of 2026-01-30 went on from page 17 of 100\n\
             shop: the walk of 2026-01-30 went on from page 13\n"
        );
    }

    #[test]
    fn a_failure_is_told_once_and_an_interruption_is_none() {
        let sinks = || vec![("archive", failed("disk full")), ("lines", failed("no room either"))];
        let error = Some("sink `archive`: disk full".to_owned());
        let brand = AccountReport { error: error.clone(), ..account("brand", Verdict::Failed, sinks()) };
        let shop = AccountReport { error, ..account("shop", Verdict::Interrupted, sinks()) };
        let report = report(vec![brand, shop]);
        let failures: Vec<_> = failures(&report)
            .into_iter()
            .map(|failure| (failure.account.to_owned(), failure.error.into_owned(), failure.hint.map(str::to_owned)))
            .collect();
        assert_eq!(
            failures,
            [
                ("brand".to_owned(), "sink `archive`: disk full".to_owned(), None),
                ("brand".to_owned(), "sink `lines`: no room either".to_owned(), Some("make room".to_owned())),
            ]
        );
    }
}
