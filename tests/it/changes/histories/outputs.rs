//! Reads what sinks were told in a history, and adds it up.

use std::collections::BTreeSet;
use std::fs;

use chrono::DateTime;
use serde_json::Value;

use super::APP_ID;
use crate::support::Project;
use crate::support::outputs::published;

/// A row of changes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) change: &'static str,
    pub(super) person: u64,
    pub(super) is_verified: bool,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    /// Seconds; 0 without a time.
    pub(super) not_before: i64,
    pub(super) not_after: i64,
    pub(super) since: Option<i64>,
}

/// The kinds of changes.
const KINDS: [&str; 5] = ["followed", "unfollowed", "refollowed", "reappeared", "baseline"];

/// Returns what a sink was told of a date, in its order; `None` if nothing is published. What is
/// published is compared with its manifest.
pub(super) fn rows(project: &Project, sink: &str, date: &str) -> Option<Vec<Row>> {
    let list = published(&project.path(&format!("out/{sink}/dt={date}")))?;
    let roster = project.api().roster(APP_ID);
    let mut rows = Vec::new();
    for file in &list.files {
        let text = fs::read_to_string(file).unwrap();
        rows.extend(text.lines().map(|line| {
            let row: Value = serde_json::from_str(line).unwrap();
            let text = |column: &str| row[column].as_str().map(str::to_owned);
            let seconds = |column: &str| Some(text(column)?.parse::<DateTime<chrono::Utc>>().unwrap().timestamp());
            Row {
                change: KINDS.into_iter().find(|kind| row["change"] == *kind).unwrap(),
                person: roster.index(row["openid"].as_str().unwrap()).expect("a person of this account"),
                is_verified: row["verified"].as_bool().unwrap(),
                from: text("from_walk"),
                to: text("to_walk"),
                not_before: seconds("not_before").unwrap_or_default(),
                not_after: seconds("not_after").unwrap(),
                since: seconds("subscribe_time"),
            }
        }));
    }
    assert_eq!(rows.len() as u64, list.rows);
    Some(rows)
}

/// Returns the dates of which something is published, oldest first.
pub(super) fn dates(project: &Project, sink: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(project.path(&format!("out/{sink}"))) else { return Vec::new() };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut dates: Vec<String> = names.filter_map(|name| Some(name.strip_prefix("dt=")?.to_owned())).collect();
    dates.retain(|date| rows(project, sink, date).is_some());
    dates.sort();
    dates
}

/// Adds up all that a sink was told, beginning with `sum`. Panics if a change is told of somebody
/// of whom it cannot be true, as if it is told twice.
pub(super) fn add_up(project: &Project, sink: &str, mut sum: BTreeSet<u64>) -> BTreeSet<u64> {
    for date in dates(project, sink) {
        for row in rows(project, sink, &date).unwrap() {
            let fits = match row.change {
                "unfollowed" => sum.remove(&row.person),
                "refollowed" => sum.contains(&row.person),
                _ => sum.insert(row.person),
            };
            assert!(fits, "{sink}, {date}: {row:?}");
        }
    }
    sum
}
