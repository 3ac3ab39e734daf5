//! A simulated list that changes by night (`source.simulate`): each run finds another one, although
//! no night passes.

use std::time::Duration;

use chrono::{Days, NaiveDate};
use fanout::simulator::{Nights, Simulator};
use serde_json::Value;

use crate::support::{Ended, Project};

const FOLLOWERS: u64 = 3_000;
const NIGHTS: Nights = Nights { per_mille: 5, holes: 4 };
const TODAY: &str = "2026-01-30";

/// Makes a project with this in the section of the simulated list, on [`TODAY`].
fn project(more: &str) -> Project {
    let file = format!(
        "name = 'nights'\n[source.simulate]\nfollowers = {FOLLOWERS}\npage_size = 1000\n{more}\n\
         [sinks.lines]\ntype = 'ndjson'\noptions.root = 'out'\n"
    );
    Project::builder().file(&file).date(TODAY).build()
}

fn changing() -> String {
    format!("changes_per_mille = {}\nholes = {}\nnight_a_run = true", NIGHTS.per_mille, NIGHTS.holes)
}

fn day(number: u64) -> NaiveDate {
    TODAY.parse::<NaiveDate>().unwrap() + Days::new(number)
}

/// Returns the date of the list of the one account.
fn date(ended: &Ended) -> String {
    ended.json()["accounts"][0]["date"].as_str().unwrap().to_owned()
}

/// Returns the OpenIDs that are published for a date.
fn openids(project: &Project, date: NaiveDate) -> Vec<String> {
    let folder = project.path(&format!("out/dt={date}/account=simulated"));
    let text = std::fs::read_to_string(folder.join("part-00000.ndjson")).unwrap();
    let openid = |line: &str| serde_json::from_str::<Value>(line).unwrap()["openid"].as_str().unwrap().to_owned();
    text.lines().map(openid).collect()
}

/// Returns the list of a date, as it is computed.
fn truth(date: NaiveDate) -> Vec<String> {
    let roster = Simulator::builder().seed(1).followers(FOLLOWERS).nights(NIGHTS).roster("wxsimulated", date);
    roster.listed().map(|index| roster.openid(index)).collect()
}

#[test]
fn each_run_reads_the_list_of_the_next_night() {
    let project = project(&changing());
    for number in 0..3 {
        let ended = project.finish(&["--json"]);
        assert_eq!(date(&ended), day(number).to_string());
        assert_eq!(openids(&project, day(number)), truth(day(number)), "run {number}");
    }
    assert!((0..2).all(|number| truth(day(number)) != truth(day(number + 1))));
    // What only looks at the state sees it on the date of the last list.
    let status = project.fanout(&["status", "pipeline.toml", "--json"]).good();
    assert_eq!(status.json()["accounts"][0]["last"]["date"], day(2).to_string());
    project.fanout(&["replay", "pipeline.toml"]).good();
    assert_eq!(date(&project.finish(&["--json"])), day(3).to_string());
}

#[test]
fn a_list_that_was_cut_off_is_finished_on_its_date() {
    let project = project(&format!("{}\nlatency_ms = 300", changing()));
    let mut process = project.start(&[]);
    let has_begun = || project.files().iter().any(|file| file.ends_with("pages"));
    while !has_begun() {
        assert!(process.try_wait().unwrap().is_none(), "it ended before its first page");
        std::thread::sleep(Duration::from_millis(5));
    }
    process.kill().unwrap();
    process.wait().unwrap();
    assert_eq!(date(&project.finish(&["--json"])), day(0).to_string());
    assert_eq!(openids(&project, day(0)), truth(day(0)));
}

#[test]
fn without_a_night_a_run_the_list_is_that_of_the_calendar_s_date() {
    let project = project("changes_per_mille = 5\nholes = 4");
    for _ in 0..2 {
        assert_eq!(date(&project.finish(&["--json"])), TODAY);
    }
    assert_eq!(openids(&project, day(0)), truth(day(0)));
}

#[test]
fn a_list_that_changes_otherwise_is_another_list() {
    let project = project(&changing());
    project.finish(&["--json"]);
    // The lists of before are none of this one, so its first run is on the calendar's date.
    let ended = project.run(&["--json", "--set", "source.simulate.changes_per_mille=7"]);
    assert_eq!(date(&ended), TODAY);
}
