//! The rows of a page: one for each account, with what it opens, and one for each run.

use std::fmt::Write as _;

use chrono::DateTime;

use super::super::summary::{change, in_words};
use super::super::table::{NOTHING, duration, grouped, signed};
use super::chart::{self, Chart};
use super::gather::{AccountPast, List, Overview, RunFacts, is_good};
use super::text::{Html, moment};
use crate::error::Exit;
use crate::report::{AccountReport, Verdict};

/// So many runs are shown at once, two weeks of nights; the earlier ones wait behind a click.
const LATEST: usize = 14;

/// Returns the class of what has a verdict: good, bad, or something between.
pub(super) fn mood(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Failed => "bad",
        verdict if is_good(verdict) => "good",
        _ => "mild",
    }
}

/// Returns how bad a verdict is, for sorting.
fn severity(verdict: Verdict) -> u8 {
    match mood(verdict) {
        "bad" => 3,
        "mild" => 2,
        _ => u8::from(verdict == Verdict::Published),
    }
}

/// Writes the row of the account at `place`, and what it opens.
pub(super) fn account(overview: &Overview, place: usize, span: (i64, i64), newest_date: Option<&str>) -> String {
    let account = &overview.accounts[place];
    let drawing = Chart::new(account, span);
    let id = format!("p{place}");
    let verdict = account.last.as_ref().map_or("no run yet", |(_, report)| report.verdict.as_str());
    let text = format!("{} {} {verdict}", account.name, account.app_id).to_lowercase();
    let mut row = format!("<tbody id=\"a{place}\" data-text=\"{}\">\n<tr>", Html(&text));
    let name = Html(&account.name);
    let _ = write!(
        row,
        "<th scope=\"row\" data-sort=\"{name}\"><details><summary><bdi>{name}</bdi></summary></details></th>"
    );
    if let Some((begun_at, report)) = &account.last {
        row.push_str(&cells(begun_at, report, account.list(), &drawing.drawing(&id), newest_date));
    } else {
        let none = format!("<td>{NOTHING}</td>").repeat(7);
        let _ = write!(row, "<td data-sort=\"2\"><span class=\"verdict mild\">{verdict}</span></td>{none}");
    }
    let _ = write!(
        row,
        "</tr>\n<tr class=\"detail\"><td colspan=\"9\">{}</td></tr>\n</tbody>\n",
        details(account, &drawing, &id, span)
    );
    row
}

/// Writes the cells of an account of which there was a run.
fn cells(
    begun_at: &str,
    report: &AccountReport,
    list: Option<&List>,
    drawing: &str,
    newest_date: Option<&str>,
) -> String {
    let mut cells = format!(
        "<td data-sort=\"{}\"><span class=\"verdict {}\">{}</span></td>",
        severity(report.verdict),
        mood(report.verdict),
        report.verdict.as_str()
    );
    if let Some(List { date, followers, .. }) = list {
        // An older list than others have is worth a look.
        let class = if newest_date.is_some_and(|newest| newest != date) { "date mild" } else { "date" };
        let _ = write!(cells, "<td class=\"{class}\" data-label=\"list of\" data-sort=\"{0}\">{0}</td>", Html(date));
        cells.push_str(&number("followers", followers, &grouped(*followers)));
    } else {
        let _ = write!(cells, "<td data-label=\"list of\">{NOTHING}</td>");
        cells.push_str(&number_of_nothing("followers"));
    }
    cells.push_str(&match change(report) {
        Some(change) => number("change", change, &signed(change)),
        None => number_of_nothing("change"),
    });
    let _ = write!(cells, "<td>{drawing}</td>");
    cells.push_str(&calls(report));
    cells.push_str(&number("in", report.seconds, &duration(report.seconds)));
    let _ = write!(cells, "<td data-label=\"last run\" data-sort=\"{}\">{}</td>", Html(begun_at), moment(begun_at));
    cells
}

fn number(label: &str, sort: impl std::fmt::Display, text: &str) -> String {
    format!("<td class=\"number\" data-label=\"{label}\" data-sort=\"{sort}\">{text}</td>")
}

fn number_of_nothing(label: &str) -> String {
    format!("<td class=\"number\" data-label=\"{label}\">{NOTHING}</td>")
}

/// Writes the calls of an account, beside those that it had that day.
fn calls(report: &AccountReport) -> String {
    let made = report.calls;
    let Some(left) = report.calls_left else { return number("calls", made, &grouped(made)) };
    let all = made.saturating_add(left);
    let percent = made.saturating_mul(100) / all.max(1);
    let text = format!(
        "{} <span class=\"quiet\">of {}</span><span class=\"share\" style=\"--part:{percent}%\"></span>",
        grouped(made),
        grouped(all)
    );
    number("calls", made, &text)
}

/// Writes what an account opens: its chart, and what its last run came to.
fn details(account: &AccountPast, drawing: &Chart, id: &str, (first, last): (i64, i64)) -> String {
    let mut text = String::new();
    if let Some((fewest, most)) = drawing.range {
        let _ = write!(
            text,
            "<figure><span class=\"range\"><span>{}</span><span>{}</span></span>{}<span class=\"span\"><span>{}</span>\
             <span>{}</span></span><figcaption>{}</figcaption></figure>",
            grouped(most),
            if fewest == most { String::new() } else { grouped(fewest) },
            chart::again(id),
            day(first),
            day(last),
            caption(account),
        );
    }
    text.push_str("<dl>");
    fact(&mut text, "App id", &account.app_id);
    if let Some((_, report)) = &account.last {
        let walk = report.walk.map(|walk| walk.to_string());
        for (name, value) in [("Walk", &walk), ("Error", &report.error), ("What to do", &report.hint)] {
            if let Some(value) = value {
                fact(&mut text, name, value);
            }
        }
        fact(&mut text, "Pages", &grouped(report.pages));
        fact(&mut text, "Retries", &grouped(report.retries));
        for sink in &report.sinks {
            let optional = if sink.required { "" } else { " (not required)" };
            fact(&mut text, &format!("Sink {}", sink.sink), &format!("{}{optional}", in_words(&sink.state)));
        }
    }
    text + "</dl>"
}

/// Says what a chart shows.
fn caption(account: &AccountPast) -> String {
    let lists = match account.lists().len() {
        1 => "followers of the only list".to_owned(),
        lists => format!("followers of {lists} lists"),
    };
    match account.failures().len() {
        0 => lists,
        1 => format!("{lists};&ensp;<span class=\"mark\">❘</span>&ensp;a run without one"),
        runs => format!("{lists};&ensp;<span class=\"mark\">❘</span>&ensp;{runs} runs without one"),
    }
}

fn day(at: i64) -> String {
    DateTime::from_timestamp(at, 0).map_or_else(String::new, |at| at.date_naive().to_string())
}

fn fact(text: &mut String, name: &str, value: &str) {
    let _ = write!(text, "<dt>{}</dt><dd>{}</dd>", Html(name), Html(value));
}

/// Writes the table of the runs, newest first.
pub(super) fn runs(overview: &Overview) -> String {
    if overview.runs.is_empty() {
        return "<p>There is no report of a run yet.</p>\n".to_owned();
    }
    let longest = overview.runs.iter().map(|run| run.seconds).fold(0.0, f64::max);
    let has_shards = overview.runs.iter().any(|run| run.shard.is_some());
    let shard = if has_shards { "<th scope=\"col\">Shard</th>" } else { "" };
    let head = format!(
        "<table class=\"runs\">\n<thead><tr><th scope=\"col\">Begun</th>{shard}<th scope=\"col\">Exit code</th>\
         <th scope=\"col\" class=\"number\">With a list</th><th scope=\"col\" class=\"number\">Without</th>\
         <th scope=\"col\" class=\"number\">Calls</th><th scope=\"col\" class=\"number\">Duration</th></tr></thead>\n<tbody>\n"
    );
    let rows: Vec<String> = overview.runs.iter().rev().map(|facts| run(facts, longest, has_shards)).collect();
    let (latest, earlier) = rows.split_at(rows.len().min(LATEST));
    let mut text = format!("{head}{}</tbody>\n</table>\n", latest.concat());
    if !earlier.is_empty() {
        let (number, rows) = (earlier.len(), earlier.concat());
        let _ = writeln!(
            text,
            "<details class=\"earlier\"><summary>{number} earlier runs</summary>\n{head}{rows}</tbody>\n</table>\n</details>"
        );
    }
    text
}

fn run(run: &RunFacts, longest: f64, has_shards: bool) -> String {
    let mut text = format!("<tr><td>{}</td>", moment(&run.begun_at));
    if has_shards {
        let _ = write!(text, "<td data-label=\"shard\">{}</td>", Html(run.shard.as_deref().unwrap_or(NOTHING)));
    }
    let (mood, meaning) = exit(run.exit);
    let _ = write!(text, "<td><span class=\"verdict {mood}\">{}: {meaning}</span></td>", run.exit);
    let percent = (run.seconds / longest.max(f64::MIN_POSITIVE) * 100.0) as u64;
    let failed = if run.failed > 0 { " bad" } else { "" };
    let _ = writeln!(
        text,
        "<td class=\"number\" data-label=\"with a list\">{}</td><td class=\"number{failed}\" data-label=\"without\">{}</td>\
         <td class=\"number\" data-label=\"calls\">{}</td><td class=\"number\" data-label=\"in\">{}<span class=\"share\" \
         style=\"--part:{percent}%\"></span></td></tr>",
        grouped(run.good),
        grouped(run.failed),
        grouped(run.calls),
        duration(run.seconds)
    );
    text
}

/// Says what an exit code means, in two words.
fn exit(exit: Exit) -> (&'static str, &'static str) {
    match exit {
        Exit::Done => ("good", "complete"),
        Exit::Failed => ("bad", "a person must act"),
        Exit::Usage => ("bad", "wrong file"),
        Exit::Later => ("mild", "try later"),
        Exit::Interrupted => ("mild", "interrupted"),
    }
}
