//! Clocks that jump: walks that begin in another century. Midnight in Beijing has a folder of its
//! own, `tests/it/midnight`.

use std::path::PathBuf;

use fanout::simulator::{Effect, Endpoint, Fault, When};
use serde_json::Value;

use crate::crash_safety::{SMALL_CALLS, small_list};
use crate::support::four_sinks::{DATE, holds_the_list};
use crate::support::journal::walks;
use crate::support::{Project, noon};

/// The pages that an open walk has.
const PAGES: u64 = 2;

/// Leaves an open walk with [`PAGES`] pages that begins when the clock shows noon on `date`. Then
/// it shows the day of the other runs again.
fn leave_open(project: &Project, date: &str) {
    project.clock.set(noon(date));
    project.api().add_fault(Fault::new(Endpoint::UserGet, When::Page(PAGES + 1), Effect::errcode(48001)));
    assert_eq!(project.run(&[]).code, Some(1));
    project.api().clear_faults();
    project.clock.set(noon(DATE));
}

/// Returns the numbers of the walks, from the oldest to the newest.
fn numbers(project: &Project) -> Vec<String> {
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap()[..6].to_owned();
    walks(project).iter().map(name).collect()
}

/// Runs, and returns the date, the verdict and the calls of each row.
fn rows(project: &Project, more: &[&str]) -> Vec<(String, String, u64)> {
    let report = project.finish(&[&["--json"], more].concat()).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let row = |row: &Value| (text(&row["date"]), text(&row["verdict"]), row["calls"].as_u64().unwrap());
    report["accounts"].as_array().unwrap().iter().map(row).collect()
}

fn row(date: &str, verdict: &str, calls: u64) -> (String, String, u64) {
    (date.to_owned(), verdict.to_owned(), calls)
}

/// The calls that finish the open walk: the pages that are left, the end, and the page that is read
/// again.
const REST: u64 = SMALL_CALLS - PAGES + 1;

#[test]
fn a_walk_of_the_future_is_finished_under_its_own_date_and_the_next_one_follows_it() {
    let project = small_list(1);
    leave_open(&project, "2099-12-31");
    let both = [row("2099-12-31", "published", REST), row(DATE, "published", SMALL_CALLS)];
    assert_eq!(rows(&project, &[]), both);
    // The later walk by its number, the earlier one by the clock.
    assert_eq!(numbers(&project), ["000001", "000002"]);
    assert_eq!(rows(&project, &[]), [row(DATE, "already_published", 0)]);
}

#[test]
fn a_walk_of_the_past_is_left_alone_and_a_new_one_is_begun() {
    let project = small_list(2);
    leave_open(&project, "1970-01-01");
    assert_eq!(rows(&project, &[]), [row(DATE, "published", SMALL_CALLS)]);
    holds_the_list(&project, &project.truth());
    assert_eq!(numbers(&project), ["000001", "000002"]);
}

#[test]
fn a_date_says_which_walk_is_meant_whatever_the_clock_says() {
    let project = small_list(3);
    leave_open(&project, "2099-12-31");
    assert_eq!(rows(&project, &["--date", DATE]), [row(DATE, "published", SMALL_CALLS)]);
    holds_the_list(&project, &project.truth());
    assert_eq!(numbers(&project), ["000001", "000002"]);
    assert_eq!(rows(&project, &[]), [row("2099-12-31", "published", REST), row(DATE, "already_published", 0)]);
}
