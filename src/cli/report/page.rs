//! The page as a whole: sums, what needs a person, every account, every run.

use std::collections::BTreeMap;

use askama::Template;
use chrono::{DateTime, Utc};

use super::gather::Overview;
use super::rows::{AccountRow, RunRows};
use super::{chart, rows};
use crate::causes::kind_of_error;
use crate::cli::{summary, table, told};
use crate::report::{AccountReport, SinkState, Verdict};

/// Writes the page.
pub(super) fn render(overview: &Overview) -> String {
    let page = Page {
        overview,
        counts: Counts::new(overview),
        problems: Problem::all(overview),
        accounts: AccountRow::all(overview),
        runs: RunRows::new(overview),
        span: overview.span(),
    };
    page.render().expect("nothing in the template fails") + "\n"
}

/// What the template is filled with.
#[derive(Template)]
#[template(path = "page.html", config = "src/cli/report/askama.toml")]
struct Page<'a> {
    overview: &'a Overview,
    counts: Counts,
    problems: Vec<Problem<'a>>,
    accounts: Vec<AccountRow<'a>>,
    runs: RunRows<'a>,
    /// The first and the last instant of all charts.
    span: (DateTime<Utc>, DateTime<Utc>),
}

impl Page<'_> {
    /// Returns the title of the column of rows.
    fn title_of_rows(&self) -> &'static str {
        if self.overview.accounts.iter().all(|account| account.has_followers) { "Followers" } else { "Rows" }
    }

    /// Writes what the last list of an account tells beside its rows.
    fn told(report: &AccountReport) -> Option<String> {
        told::in_words(report.changes.as_ref(), report.tags.as_ref(), report.date)
    }
}

/// Sums over all accounts.
struct Counts {
    accounts: u64,
    /// Accounts whose last run ended with a published list.
    good: u64,
    failed: u64,
    followers: u64,
    change: i128,
    /// Those who came and who left, of the last changes; `None` if no list tells changes.
    changes: Option<(u64, u64)>,
    calls: u64,
}

impl Counts {
    fn new(overview: &Overview) -> Self {
        let reports = || overview.accounts.iter().filter_map(|account| account.last.as_ref()).map(|(_, report)| report);
        // Of lists of the same followers only one counts.
        let mut followers: BTreeMap<&str, (u64, i128)> = BTreeMap::new();
        for account in overview.accounts.iter().filter(|account| account.has_followers) {
            let rows = account.list().map_or(0, |list| list.rows);
            let change = account.last.as_ref().and_then(|(_, report)| summary::change(report)).unwrap_or(0);
            let most = followers.entry(&account.app_id).or_default();
            *most = (rows, change).max(*most);
        }
        let last_nights = overview.accounts.iter().filter_map(|account| account.nights().next_back());
        let changes = last_nights.map(|night| (night.changes.followed, night.changes.unfollowed));
        Self {
            accounts: overview.accounts.len() as u64,
            good: reports().filter(|report| report.is_published()).count() as u64,
            failed: reports().filter(|report| report.verdict == Verdict::Failed && !report.is_published()).count()
                as u64,
            followers: followers.values().map(|(rows, _)| *rows).fold(0, u64::saturating_add),
            change: followers.values().map(|(_, change)| *change).sum(),
            changes: changes.reduce(|(came, left), night| (came.saturating_add(night.0), left.saturating_add(night.1))),
            calls: reports().map(|report| report.calls).fold(0, u64::saturating_add),
        }
    }

    fn without(&self) -> u64 {
        self.accounts - self.good
    }

    fn headline(&self) -> String {
        let accounts = table::grouped(self.accounts);
        match (self.without(), self.accounts) {
            (0, 1) => "The account has its list".to_owned(),
            (0, _) => format!("All {accounts} accounts have their list"),
            (_, 1) => "The account has no new list".to_owned(),
            (1, _) => format!("1 of {accounts} accounts has no new list"),
            (without, _) => format!("{} of {accounts} accounts have no new list", table::grouped(without)),
        }
    }

    /// Returns the style class of the headline.
    fn mood(&self) -> &'static str {
        match (self.without(), self.failed) {
            (0, _) => "good",
            (_, 0) => "mild",
            _ => "bad",
        }
    }
}

/// How many accounts of one cause are named at once. The others are folded away.
const NAMED: usize = 10;

/// What needs a person: a cause, once, with all accounts that have it.
struct Problem<'a> {
    /// Whether the error has not made the accounts fail.
    is_mild: bool,
    /// The error of the first account.
    error: String,
    /// Whether the errors of the other accounts have other details.
    differs: bool,
    hint: Option<&'a str>,
    /// The places of the accounts in the pipeline file.
    accounts: Vec<usize>,
}

impl<'a> Problem<'a> {
    /// Returns the problems, the worst first.
    fn all(overview: &'a Overview) -> Vec<Self> {
        let mut problems: BTreeMap<(bool, String, Option<&str>), Self> = BTreeMap::new();
        for (place, account) in overview.accounts.iter().enumerate() {
            let Some((_, report)) = &account.last else { continue };
            for (is_mild, error, hint) in errors(report) {
                let kind = kind_of_error(&error, &[&report.account, &report.app_id]);
                let new = || Self { is_mild, error: error.clone(), differs: false, hint, accounts: Vec::new() };
                let problem = problems.entry((is_mild, kind, hint)).or_insert_with(new);
                problem.differs |= problem.error != error;
                problem.accounts.push(place);
            }
        }
        problems.into_values().collect()
    }

    /// Returns the places of the accounts that are named at once.
    fn first(&self) -> &[usize] {
        &self.accounts[..self.accounts.len().min(NAMED)]
    }

    /// Returns the places of the accounts that are folded away.
    fn others(&self) -> &[usize] {
        &self.accounts[self.first().len()..]
    }

    /// Returns how many are folded away.
    fn more(&self) -> String {
        table::grouped(self.others().len() as u64)
    }
}

/// Returns the errors of an account's last run: whether the error is mild, its text, and its hint.
fn errors(report: &AccountReport) -> Vec<(bool, String, Option<&str>)> {
    let mut errors = Vec::new();
    if let Some(error) = &report.error {
        errors.push((report.verdict != Verdict::Failed, error.clone(), report.hint.as_deref()));
    }
    for sink in report.sinks.iter().filter(|sink| !sink.required) {
        if let SinkState::Failed { error, hint } = &sink.state {
            errors.push((true, format!("sink `{}`: {error}", sink.sink), hint.as_deref()));
        }
    }
    errors
}
