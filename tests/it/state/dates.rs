//! Clocks that jump: walks whose header says that they were begun in another century.

use chrono::{DateTime, Utc};
use fanout::journal::{FORMAT, Identity, ListState};

use std::path::PathBuf;

use crate::crash_safety::{SMALL_CALLS, small_list};
use crate::support::four_sinks::{APP_ID, DATE, holds_the_list};
use crate::support::journal::walks;
use crate::support::{Ended, Project};

/// Begins a walk as if the clock showed `now`.
fn begin(project: &Project, date: &str, now: &str) {
    let identity = Identity {
        format: FORMAT,
        app_id: APP_ID.to_owned(),
        host: "127.0.0.1".to_owned(),
        list: "followers".to_owned(),
        options: serde_json::Map::new(),
    };
    let state = ListState::open(&project.path("state"), identity, "test").unwrap();
    state.begin(date.parse().unwrap(), now.parse::<DateTime<Utc>>().unwrap()).unwrap();
}

/// Returns the numbers of the walks, from the oldest to the newest.
fn numbers(project: &Project) -> Vec<String> {
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap()[..6].to_owned();
    walks(project).iter().map(name).collect()
}

fn run_today(project: &Project) -> serde_json::Value {
    let mut command = project.command_with_secrets(&["run", "pipeline.toml", "--json"]);
    Ended::of(&mut command).good().json()["accounts"][0].clone()
}

#[test]
fn a_walk_of_the_future_is_finished_under_its_own_date_and_the_next_one_follows_it() {
    let project = small_list(1);
    begin(&project, "2099-12-31", "2099-12-31T10:00:00Z");
    assert_eq!(run_today(&project)["date"], "2099-12-31");
    assert_eq!(numbers(&project), ["000001"]);
    // The later walk by its number, the earlier one by the clock.
    let next = run_today(&project);
    assert_eq!((&next["verdict"], &next["calls"]), (&"published".into(), &SMALL_CALLS.into()));
    assert_eq!(numbers(&project), ["000001", "000002"]);
    assert_eq!(run_today(&project)["verdict"], "already_published");
}

#[test]
fn a_walk_of_the_past_is_left_alone_and_a_new_one_is_begun() {
    let project = small_list(2);
    begin(&project, DATE, "1970-01-01T00:00:00Z");
    project.finish(&[]);
    holds_the_list(&project, &project.truth());
    assert_eq!(numbers(&project), ["000001", "000002"]);
}

#[test]
fn a_date_says_which_walk_is_meant_whatever_the_clock_says() {
    let project = small_list(3);
    begin(&project, "2099-12-31", "2099-12-31T10:00:00Z");
    project.finish(&[]);
    holds_the_list(&project, &project.truth());
    assert_eq!(numbers(&project), ["000001", "000002"]);
    assert_eq!(run_today(&project)["verdict"], "published");
}
