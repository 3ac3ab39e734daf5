//! `fanout history`: shows the results of one account's runs, from the reports that `inspect`
//! reads.

use chrono::NaiveDate;
use clap::Args;

use super::arguments::FileArguments;
use super::output::Terminal;
use super::summary::{calls, change, json};
use super::table::{NOTHING, grouped, in_beijing, number, render, signed, text, time_in_utc};
use super::told::{self, title_of_rows};
use crate::config::Environment;
use crate::error::{Error, Exit};
use crate::inspect::{self, History, PastRun};
use crate::report::Verdict;
use crate::wechat::List;

/// Arguments of `fanout history`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct HistoryArguments {
    #[command(flatten)]
    file: FileArguments,
    /// The account's name in the file
    account: String,
    /// Print the result as one JSON document
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Shows the runs whose reports lie in `runs/` under `journal.path`, oldest first.

Examples:
  fanout history pipelines/followers.toml brand
  fanout history pipelines/followers.toml brand --json";

/// Prints the results of an account's runs.
pub(super) fn execute(
    arguments: &HistoryArguments,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Error> {
    let pipeline = arguments.file.load_offline(environment)?;
    let account = pipeline.account(&arguments.account)?;
    let history = inspect::history(&pipeline, account)?;
    terminal.result(&if arguments.json { json(&history) } else { in_words(&history, terminal.width()) });
    if history.runs.is_empty() {
        terminal.note(&format!("there is no report of a run of account `{}` yet", history.account));
    }
    Ok(Exit::Done)
}

fn in_words(history: &History, width: Option<usize>) -> String {
    let columns = [
        text("begun in Beijing"),
        text("UTC"),
        text("verdict").wrapping(),
        text("list of"),
        number(title_of_rows(history.runs.iter().map(|run| run.report.list.as_str()))),
        number("change"),
        number("pages").extra(),
        number("calls"),
        number("retries").extra(),
        number("seconds").extra(),
        text("tells").or_below().optional(),
        text("error").or_below(),
    ];
    let rows: Vec<_> = history.runs.iter().map(row).collect();
    render(columns, &rows, width)
}

/// Writes the date of a list and, if it is not that of the followers, its name.
fn date_and_list(date: NaiveDate, list: &str) -> String {
    if list == List::FOLLOWERS.name() { date.to_string() } else { format!("{date} {list}") }
}

fn row(PastRun { begun_at, report, .. }: &PastRun) -> [String; 12] {
    let or_nothing = |text: Option<String>| text.unwrap_or_else(|| NOTHING.to_owned());
    // A run that was cut off could not count.
    let told = |text: String| (report.verdict != Verdict::CutOff).then_some(text);
    [
        in_beijing(*begun_at),
        time_in_utc(*begun_at),
        report.verdict.as_str().to_owned(),
        or_nothing(report.date.map(|date| date_and_list(date, &report.list))),
        or_nothing(report.snapshot.as_ref().map(|snapshot| grouped(snapshot.rows))),
        or_nothing(change(report).map(signed)),
        or_nothing(told(grouped(report.pages))),
        or_nothing(told(calls(report))),
        or_nothing(told(grouped(report.retries))),
        or_nothing(told(format!("{:.1}", report.seconds))),
        or_nothing(told::in_words(report.changes.as_ref(), report.tags.as_ref(), report.date)),
        or_nothing(report.error.as_ref().map(|error| error.replace('\n', " "))),
    ]
}
