//! The page as a whole: how the overview went, what needs a person, every account, every run.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::super::summary::change;
use super::super::table::{duration, grouped, signed};
use super::gather::{AccountPast, Overview, is_good};
use super::rows;
use super::text::{Html, fill, moment};
use crate::report::{AccountReport, SinkState, Verdict};

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Writes the page.
pub(super) fn render(overview: &Overview) -> String {
    let counts = Counts::new(overview);
    let span = overview.span();
    let newest_date = overview.newest_date();
    fill(TEMPLATE, |place| match place {
        "pipeline" => Html(&overview.pipeline).to_string(),
        "style" => STYLE.to_owned(),
        "script" => SCRIPT.to_owned(),
        "headline" => counts.headline(),
        "mood" => counts.mood().to_owned(),
        "last run" => last_run(overview),
        "tiles" => counts.tiles(),
        "problems" => problems(overview),
        "accounts" => {
            (0..overview.accounts.len()).map(|place| rows::account(overview, place, span, newest_date)).collect()
        }
        "runs" => rows::runs(overview),
        other => unreachable!("the template has a place `{other}`"),
    })
}

/// How many accounts are how.
struct Counts {
    accounts: u64,
    good: u64,
    failed: u64,
    followers: u64,
    change: i128,
    calls: u64,
}

impl Counts {
    fn new(overview: &Overview) -> Self {
        let reports = || overview.accounts.iter().filter_map(|account| account.last.as_ref()).map(|(_, report)| report);
        let last_lists = overview.accounts.iter().filter_map(AccountPast::list);
        Self {
            accounts: overview.accounts.len() as u64,
            good: reports().filter(|report| is_good(report.verdict)).count() as u64,
            failed: reports().filter(|report| report.verdict == Verdict::Failed).count() as u64,
            followers: last_lists.map(|list| list.followers).fold(0, u64::saturating_add),
            change: reports().filter_map(change).sum(),
            calls: reports().map(|report| report.calls).fold(0, u64::saturating_add),
        }
    }

    fn headline(&self) -> String {
        let accounts = grouped(self.accounts);
        match (self.good == self.accounts, self.accounts) {
            (true, 1) => "The account has its list".to_owned(),
            (true, _) => format!("All {accounts} accounts have their list"),
            (false, 1) => "The account has no new list".to_owned(),
            (false, _) => match self.accounts - self.good {
                1 => format!("1 of {accounts} accounts has no new list"),
                without => format!("{} of {accounts} accounts have no new list", grouped(without)),
            },
        }
    }

    fn mood(&self) -> &'static str {
        match (self.good == self.accounts, self.failed) {
            (true, _) => "good",
            (false, 0) => "mild",
            (false, _) => "bad",
        }
    }

    fn tiles(&self) -> String {
        let without = self.accounts - self.good;
        let tiles = [
            ("", grouped(self.good), "accounts with their list"),
            (if without > 0 { self.mood() } else { "" }, grouped(without), "without a new one"),
            ("", grouped(self.followers), "followers in the last lists"),
            ("", signed(self.change), "since the lists before"),
            ("", grouped(self.calls), "calls in the last runs"),
        ];
        tiles.iter().fold(String::new(), |mut text, (mood, value, meaning)| {
            let _ = writeln!(text, "<li class=\"{mood}\"><b>{value}</b><span>{meaning}</span></li>");
            text
        })
    }
}

/// Says when the last run was, and how long it took.
fn last_run(overview: &Overview) -> String {
    let Some(run) = overview.runs.back() else { return "There was no run yet.".to_owned() };
    format!("Last run: {}, {}, exit code {}", moment(&run.begun_at), duration(run.seconds), run.exit)
}

/// Writes what needs a person: each error once, with all accounts that have it.
fn problems(overview: &Overview) -> String {
    let mut problems: BTreeMap<(bool, String, Option<&str>), Vec<usize>> = BTreeMap::new();
    for (place, account) in overview.accounts.iter().enumerate() {
        let Some((_, report)) = &account.last else { continue };
        for (is_mild, error, hint) in errors(report) {
            problems.entry((is_mild, error, hint)).or_default().push(place);
        }
    }
    if problems.is_empty() {
        return String::new();
    }
    let mut text = "<section aria-labelledby=\"problems\">\n<h2 id=\"problems\">What needs a look</h2>\n".to_owned();
    for ((is_mild, error, hint), places) in problems {
        let names = places
            .iter()
            .map(|&place| format!("<a href=\"#a{place}\"><bdi>{}</bdi></a>", Html(&overview.accounts[place].name)));
        let names = names.collect::<Vec<_>>().join(", ");
        let class = if is_mild { " mild" } else { "" };
        let hint = hint.map_or_else(String::new, |hint| format!("<p class=\"hint\">{}</p>", Html(hint)));
        let error = Html(&error);
        let _ =
            writeln!(text, "<div class=\"problem{class}\"><p class=\"names\">{names}</p><p>{error}</p>{hint}</div>");
    }
    text + "</section>\n"
}

/// Returns what went wrong with an account and is still open: whether it has done the account no harm, the error, and the hint.
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
