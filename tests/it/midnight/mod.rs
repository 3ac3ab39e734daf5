//! Midnight in Beijing: which list is published under which date, and what a run does when an
//! earlier day has left something.
//!
//! The clock of a project is set; nothing sleeps. Each row of the output says when it was fetched,
//! so that a list under the wrong date is seen.
mod during_a_call;
mod table;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use fanout::simulator::{Effect, Endpoint, Fault, When};
use serde_json::Value;

use crate::support::outputs::tree;
use crate::support::{Ended, Project};

const PAGE_SIZE: u64 = 10;
const PAGES: u64 = 5;
const FOLLOWERS: u64 = PAGE_SIZE * PAGES;
/// Full pages, and the end.
const CALLS: u64 = PAGES + 1;

const YESTERDAY: &str = "2026-11-21";
const TODAY: &str = "2026-11-22";

/// Ten minutes before midnight in Beijing, on the evening of [`YESTERDAY`].
fn evening() -> DateTime<Utc> {
    "2026-11-21T15:50:00Z".parse().unwrap()
}

/// Half past two in the morning of [`TODAY`] in Beijing.
fn morning() -> DateTime<Utc> {
    "2026-11-21T18:30:00Z".parse().unwrap()
}

/// Makes each call for page `page` of all accounts, or of one, fail for good.
fn stop_at(project: &Project, page: u64, app_id: Option<&str>) {
    let fault = Fault::new(Endpoint::UserGet, When::Page(page), Effect::errcode(48001));
    project.api().add_fault(match app_id {
        Some(app_id) => fault.account(app_id),
        None => fault,
    });
}

/// The rows of a run: account, date, verdict, calls.
type Rows = Vec<(String, String, String, u64)>;

fn rows(ended: &Ended) -> Rows {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let rows = ended.json()["accounts"].as_array().unwrap().clone();
    let row = |row: &Value| {
        (text(&row["account"]), text(&row["date"]), text(&row["verdict"]), row["calls"].as_u64().unwrap())
    };
    rows.iter().map(row).collect()
}

/// Returns the dates that lie in the output, and for each account of each date the days on which
/// its rows were fetched.
fn published(project: &Project) -> BTreeMap<(String, String), Vec<String>> {
    let mut found = BTreeMap::new();
    for (path, content) in tree(&project.path("out")) {
        let path = path.to_string_lossy().into_owned();
        let Some((folder, _)) = path.split_once("/part-") else { continue };
        let mut names = folder.split('/').map(|part| part.split_once('=').unwrap().1.to_owned());
        let (date, account) = (names.next().unwrap(), names.next().unwrap());
        let text = String::from_utf8(content).unwrap();
        assert_eq!(text.lines().count() as u64, FOLLOWERS, "{path} is no whole list");
        let mut days: Vec<String> = text.lines().map(day_of_row).collect();
        days.sort();
        days.dedup();
        found.insert((date, account), days);
    }
    found
}

/// Returns the day in Beijing on which the row was fetched.
fn day_of_row(line: &str) -> String {
    let row: Value = serde_json::from_str(line).unwrap();
    let fetched_at: DateTime<Utc> = row["fetched_at"].as_str().unwrap().parse().unwrap();
    (fetched_at + chrono::TimeDelta::hours(8)).date_naive().to_string()
}
