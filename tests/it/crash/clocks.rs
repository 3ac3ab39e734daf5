//! Clocks that jump: walks that say that they were begun in another century.

use chrono::{DateTime, Utc};
use fanout::journal::{AccountState, FORMAT, Identity};

use super::journal::walks;
use super::outputs::holds_the_list;
use super::*;

/// Begins a walk at a time that the clock showed then.
fn begin(scene: &Scene, date: &str, now: &str) {
    let identity = Identity {
        format: FORMAT,
        app_id: APP_ID.to_owned(),
        host: "127.0.0.1".to_owned(),
        list: "followers".to_owned(),
    };
    let state = AccountState::open(&scene.project.path("state"), identity, "test").unwrap();
    state.begin(date.parse().unwrap(), now.parse::<DateTime<Utc>>().unwrap()).unwrap();
}

/// Returns the numbers of the walks, from the oldest to the newest.
fn numbers(scene: &Scene) -> Vec<String> {
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap()[..6].to_owned();
    walks(&scene.project).iter().map(name).collect()
}

fn run_today(scene: &Scene) -> serde_json::Value {
    let mut command = scene.project.command(&["run", "pipeline.toml", "--json"]);
    finished(command.env("CRASH_SECRET", "anything")).json()["accounts"][0].clone()
}

#[test]
fn a_walk_of_the_future_is_finished_under_its_own_date_and_the_next_one_follows_it() {
    let scene = Scene::small(1);
    begin(&scene, "2099-12-31", "2099-12-31T10:00:00Z");
    assert_eq!(run_today(&scene)["date"], "2099-12-31");
    assert_eq!(numbers(&scene), ["000001"]);
    // Later, in order; earlier, by the clock.
    let next = run_today(&scene);
    assert_eq!((&next["verdict"], &next["calls"]), (&"published".into(), &SMALL_CALLS.into()));
    assert_eq!(numbers(&scene), ["000001", "000002"]);
    assert_eq!(run_today(&scene)["verdict"], "already_published");
}

#[test]
fn a_walk_of_the_past_is_left_alone_and_a_new_one_is_begun() {
    let scene = Scene::small(2);
    begin(&scene, DATE, "1970-01-01T00:00:00Z");
    scene.finish();
    holds_the_list(&scene.project, &scene.truth());
    assert_eq!(numbers(&scene), ["000001", "000002"]);
}

#[test]
fn a_date_says_which_walk_is_meant_whatever_the_clock_says() {
    let scene = Scene::small(3);
    begin(&scene, "2099-12-31", "2099-12-31T10:00:00Z");
    scene.finish();
    holds_the_list(&scene.project, &scene.truth());
    assert_eq!(numbers(&scene), ["000001", "000002"]);
    assert_eq!(run_today(&scene)["verdict"], "published");
}
