//! `profiles.refresh_days`: which rows a list takes over from the one before, and which are asked
//! for.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use fanout::simulator::{Effect, Fault, Flaw, Move, Oddity, SimulatorHandle, When, Who};
use fanout_sink::chrono::{NaiveDate, TimeDelta};

use super::*;
use crate::support::noon;

const COUNT: u64 = 5_000;
const DAYS: u64 = 10;

/// A tenth of [`COUNT`].
const SHARE: u64 = COUNT / DAYS;

/// Makes a project that refreshes a tenth of the profiles every night; `keys` are more of its file.
fn refreshing(simulator: SimulatorBuilder, keys: &str) -> Project {
    let keys = format!("profiles.refresh_days = {DAYS}\n{keys}\n{QUICK}");
    let builder = Project::builder().keys(&keys).account("brand", APP_ID).sinks(LINES);
    builder.simulator(simulator).clock_at(at(0)).build()
}

/// Returns the date of a night.
fn date(night: i64) -> NaiveDate {
    "2026-11-22".parse::<NaiveDate>().unwrap() + TimeDelta::days(night)
}

/// Returns the time at which a night's run begins.
fn at(night: i64) -> DateTime<Utc> {
    noon(&date(night).to_string())
}

/// Runs the pipeline file on a night.
async fn on_night(project: &Project, night: i64) -> RunReport {
    project.clock.set(at(night));
    run(project).await
}

/// Returns the rows that were published for a night.
fn rows_of(project: &Project, night: i64) -> Vec<Value> {
    let (root, date) = (project.path("out/lines"), date(night).to_string());
    let is_it = |path: &PathBuf| {
        let is_rows = path.extension().is_some_and(|extension| extension == "ndjson");
        is_rows && path.starts_with(&root) && path.to_string_lossy().contains(&date)
    };
    let lines = project.files().into_iter().filter(is_it).map(|path| std::fs::read_to_string(path).unwrap());
    lines
        .flat_map(|text| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>())
        .collect()
}

/// Returns on which night a row was fetched.
fn fetched_on(row: &Value) -> i64 {
    let fetched_at: DateTime<Utc> = row["fetched_at"].as_str().unwrap().parse().unwrap();
    (fetched_at - at(0)).num_days()
}

/// Returns the OpenIDs of rows that were not fetched on the first night.
fn fetched_again(rows: &[Value]) -> BTreeSet<String> {
    rows.iter().filter(|row| fetched_on(row) > 0).map(openid).collect()
}

/// Returns the OpenIDs of the oldest rows of outcome `follows`, by their positions if they are of
/// one time.
fn oldest(rows: &[Value], count: u64) -> BTreeSet<String> {
    let mut rows: Vec<&Value> = rows.iter().filter(|row| row["outcome"] == "follows").collect();
    rows.sort_by_key(|row| row["fetched_at"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap());
    rows.into_iter().take(count as usize).map(openid).collect()
}

fn openid(row: &Value) -> String {
    row["openid"].as_str().unwrap().to_owned()
}

/// Returns the calls of batches that a night has cost.
async fn calls_of_night(project: &Project, night: i64) -> u64 {
    let before = calls(project).0;
    let report = on_night(project, night).await;
    good(&report);
    calls(project).0 - before
}

fn proof(report: &RunReport) -> Value {
    Value::Object(good(report).snapshot.as_ref().unwrap().proof.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_night_asks_for_a_tenth_and_a_canary() {
    let project = refreshing(followers(COUNT), "");
    let first = on_night(&project, 0).await;
    assert_eq!(calls(&project), (batches(COUNT), 1));
    let full = proof(&first);
    assert_eq!((&full["copied"], &full["asked"], &full["base_walk"]), (&0.into(), &COUNT.into(), &Value::Null));

    let second = on_night(&project, 1).await;
    assert_eq!(calls(&project), (batches(COUNT) + 1 + batches(SHARE), 2));
    let rows = rows_of(&project, 1);
    are_true(&project, APP_ID, &rows);
    assert!(fetched_again(&rows) == oldest(&rows_of(&project, 0), SHARE));
    let proof = proof(&second);
    assert_eq!((&proof["copied"], &proof["asked"]), (&(COUNT - SHARE).into(), &SHARE.into()));
    assert_eq!(proof["base_walk"], good(&first).walk.unwrap().to_string());
    assert_eq!((&proof["refresh_days"], &proof["bound_anew"]), (&DAYS.into(), &false.into()));
    let snapshot = good(&second).snapshot.as_ref().unwrap();
    assert_eq!(snapshot.first_fetched_at.unwrap().date_naive(), date(0));
    assert_eq!(snapshot.last_fetched_at.unwrap().date_naive(), date(1));
    assert_eq!(good(&second).pages, batches(SHARE), "progress counts what is asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn within_ten_nights_every_row_is_asked_for_and_no_night_asks_for_more_than_another() {
    const COUNT: u64 = 1_000;
    let project = refreshing(followers(COUNT), "");
    on_night(&project, 0).await;
    let mut nights: Vec<i64> = vec![0; COUNT as usize];
    for night in 1..=DAYS as i64 + 2 {
        let calls = calls_of_night(&project, night).await;
        assert_eq!(calls, 1 + batches(COUNT / DAYS), "night {night}");
        let rows = rows_of(&project, night);
        are_true(&project, APP_ID, &rows);
        let now: Vec<i64> = rows.iter().map(fetched_on).collect();
        let asked = now.iter().filter(|fetched| **fetched == night).count() as u64;
        assert_eq!(asked, COUNT / DAYS, "night {night}");
        assert!(now.iter().zip(&nights).all(|(now, before)| now == before || *now == night), "a row keeps its time");
        assert!(now.iter().all(|fetched| night - fetched < DAYS as i64), "night {night}");
        nights = now;
    }
}

/// Runs the pipeline file on a night, against another API.
async fn on_night_at(project: &Project, night: i64, api: &SimulatorHandle, more: &[&str]) -> RunReport {
    project.clock.set(at(night));
    let set: Vec<String> = [format!("source.base_url={}", api.base_url())]
        .into_iter()
        .chain(more.iter().map(|set| (*set).to_owned()))
        .collect();
    project.engine_run_set(&project.file(), &set, RunOptions::default()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_new_or_had_no_profile_is_asked_for_and_who_has_left_the_list_vanishes() {
    let odd = [(7, Oddity::Left), (4_000, Oddity::Refused { alone: true })];
    let flawed = odd.into_iter().fold(followers(COUNT), |api, (at, odd)| api.flaw(Flaw::new(Who::Index(at), odd)));
    let project = refreshing(flawed, "");
    on_night(&project, 0).await;
    let first = rows_of(&project, 0);
    are_true(&project, APP_ID, &first);
    assert_eq!((&first[7]["outcome"], &first[4_000]["outcome"]), (&"left".into(), &"refused".into()));

    // Fifty leave, fifty join.
    let now = followers(COUNT + 50)
        .clock(project.clock.clone())
        .fault(Fault::new(Endpoint::UserGet, When::Always, Effect::Total(COUNT as i64)))
        .fault(Fault::new(Endpoint::UserGet, When::Page(3), Effect::Omit(100..150)));
    let now = now.start().await.unwrap();
    let report = on_night_at(&project, 1, &now, &[]).await;
    let rows = rows_of(&project, 1);
    let is_there = |index: &usize| !(2_100..2_150).contains(index);
    let truth: Vec<Profile> =
        now.profiles(APP_ID).iter().enumerate().filter(|(i, _)| is_there(i)).map(|(_, p)| p).collect();
    assert_eq!((rows.len(), truth.len()), (COUNT as usize, COUNT as usize));
    for ((position, row), profile) in rows.iter().enumerate().zip(&truth) {
        let expected = expected(profile, position);
        assert!(expected.iter().all(|(column, value)| found(row, column) == *value), "position {position}");
    }
    // Of the rows that follow and stay, a tenth; the two odd ones; the new ones.
    let stay: BTreeSet<String> = truth.iter().map(|profile| profile.openid.clone()).collect();
    let known: Vec<Value> = first.iter().filter(|row| stay.contains(&openid(row))).cloned().collect();
    let mut expected = oldest(&known, (COUNT - 50 - 2).div_ceil(DAYS));
    expected.extend([openid(&first[7]), openid(&first[4_000])]);
    expected.extend((COUNT..COUNT + 50).map(|index| now.profiles(APP_ID).get(index).openid));
    assert!(fetched_again(&rows) == expected);
    let proof = proof(&report);
    assert_eq!(proof["asked"], expected.len());
    assert_eq!(now.calls(Endpoint::BatchGet, APP_ID), 1 + batches(expected.len() as u64));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_binding_is_found_and_everybody_is_asked_for() {
    for binding in [Some(1), None] {
        let project = refreshing(followers(COUNT), "");
        on_night(&project, 0).await;
        project.api().bind(binding);
        let before = calls(&project).0;
        let report = on_night(&project, 1).await;
        // The canary is asked for twice.
        assert_eq!(calls(&project).0 - before, 2 + batches(COUNT), "{binding:?}");
        let found = proof(&report);
        assert_eq!((&found["bound_anew"], &found["copied"]), (&true.into(), &0.into()), "{binding:?}");
        are_true(&project, APP_ID, &rows_of(&project, 1));
        assert_eq!(calls_of_night(&project, 2).await, 1 + batches(SHARE), "{binding:?}");
        are_true(&project, APP_ID, &rows_of(&project, 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_bound_for_the_first_time_is_found_too() {
    let project = refreshing(followers(300).binding(None), "");
    on_night(&project, 0).await;
    assert_eq!(calls_of_night(&project, 1).await, 1 + batches(300 / DAYS));
    project.api().bind(Some(4));
    assert_eq!(calls_of_night(&project, 2).await, 2 + batches(300));
    are_true(&project, APP_ID, &rows_of(&project, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_whose_rows_have_moved_or_that_is_refused_is_no_new_binding() {
    for (fault, extra) in [
        (Effect::MoveUnionids(30, Move::Up), 1),
        (Effect::Unsubscribe(0..50), 0),
        (Effect::Omit(0..50), 0),
        // The first half is then asked for.
        (Effect::errcode(40003), 1),
        (Effect::errcode(40032), 1),
    ] {
        let project = refreshing(followers(COUNT), "");
        on_night(&project, 0).await;
        project.api().add_fault(Fault::new(Endpoint::BatchGet, When::Call(1), fault.clone()));
        assert_eq!(calls_of_night(&project, 1).await, 1 + extra + batches(SHARE), "{fault:?}");
        are_true(&project, APP_ID, &rows_of(&project, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_about_which_wechat_does_not_answer_is_halved_and_one_that_is_never_answered_waits() {
    // Each call has two tries: of the whole, of the first half, of the second one.
    for (tries, published) in [(2, true), (4, true), (6, false)] {
        let project = refreshing(followers(COUNT), "");
        on_night(&project, 0).await;
        project.api().add_fault(Fault::new(Endpoint::BatchGet, When::Calls(1..=tries), Effect::errcode(-1)));
        if published {
            assert_eq!(calls_of_night(&project, 1).await, tries + 1 + batches(SHARE), "{tries}");
            are_true(&project, APP_ID, &rows_of(&project, 1));
        } else {
            assert_eq!(on_night(&project, 1).await.exit.code(), 75);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_only_a_lenient_reader_takes_are_copied_as_they_were() {
    use fanout::simulator::OddRemark;
    let odd = [OddRemark::RawControls, OddRemark::InvalidUtf8, OddRemark::LoneSurrogate];
    let simulator = odd.into_iter().zip([500, 700, 900]).fold(followers(1_000), |api, (remark, at)| {
        api.flaw(Flaw::new(Who::Index(at), Oddity::Remark(remark)))
            .flaw(Flaw::new(Who::Index(at + 1), Oddity::NoUnionidInBatches))
    });
    let project = refreshing(simulator, "");
    for night in 0..4 {
        on_night(&project, night).await;
        let rows = rows_of(&project, night);
        are_true(&project, APP_ID, &rows);
        assert_eq!(fetched_on(&rows[900]), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fresh_asks_for_everybody() {
    let project = refreshing(followers(COUNT), "");
    on_night(&project, 0).await;
    let before = calls(&project).0;
    project.clock.set(at(1));
    let report = run_with(&project, RunOptions::default().with_fresh()).await;
    assert_eq!(calls(&project).0 - before, batches(COUNT));
    let proof = proof(&report);
    assert_eq!((&proof["copied"], &proof["refresh_days"]), (&0.into(), &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_without_followers_is_refreshed_too() {
    let project = refreshing(followers(0), "");
    for night in 0..2 {
        assert_eq!(calls_of_night(&project, night).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_walk_keeps_to_the_days_under_which_it_began() {
    let project = refreshing(followers(COUNT), "");
    on_night(&project, 0).await;
    // The canary and three of six batches.
    project.api().add_fault(Fault::new(Endpoint::BatchGet, When::Calls(5..=100), Effect::errcode(45009)));
    let stopped = on_night(&project, 1).await;
    assert_eq!(stopped.exit.code(), 75, "{stopped:#?}");
    project.api().clear_faults();
    let before = calls(&project).0;
    let set = ["profiles.refresh_days=2".to_owned()];
    let report = project.engine_run_set(&project.file(), &set, RunOptions::default()).await.unwrap();
    let row = good(&report);
    assert_eq!(row.walk, of_list(&stopped, "profiles")[0].walk);
    assert_eq!(calls(&project).0 - before + row.pages_before, batches(SHARE));
    assert_eq!(proof(&report)["refresh_days"], DAYS);
    are_true(&project, APP_ID, &rows_of(&project, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_before_may_be_pruned_and_the_new_one_is_delivered_again_as_it_was() {
    let project = refreshing(followers(COUNT), "journal.keep = 1");
    on_night(&project, 0).await;
    on_night(&project, 1).await;
    let walks = std::fs::read_dir(project.path(&format!("state/{APP_ID}/profiles"))).unwrap();
    assert_eq!(walks.count(), 1, "the list before is gone");
    let rows = rows_of(&project, 1);
    are_true(&project, APP_ID, &rows);
    std::fs::remove_dir_all(project.path("out")).unwrap();
    let requests = project.api().requests();
    let report = run(&project).await;
    assert_eq!(good(&report).verdict, fanout::report::Verdict::Published);
    assert_eq!(project.api().requests(), requests, "not even a token");
    assert_eq!(rows_of(&project, 1), rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_before_that_cannot_be_read_is_passed_over() {
    let project = refreshing(followers(COUNT), "");
    on_night(&project, 0).await;
    let walks = std::fs::read_dir(project.path(&format!("state/{APP_ID}/profiles"))).unwrap();
    let pages = walks.map(|walk| walk.unwrap().path().join("pages")).next().unwrap();
    let mut bytes = std::fs::read(&pages).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&pages, bytes).unwrap();
    assert_eq!(calls_of_night(&project, 1).await, batches(COUNT));
    are_true(&project, APP_ID, &rows_of(&project, 1));
}

#[test]
fn a_run_that_is_killed_while_it_copies_leaves_nothing_that_a_later_one_takes_for_a_list() {
    const COUNT: u64 = 20_000;
    let simulator = followers(COUNT).latency(Duration::from_millis(50));
    let project = refreshing(simulator, "");
    project.finish(&["--set", "source.profiles.concurrency=64"]);
    project.clock.set(at(1));
    let list = project.path(&format!("state/{APP_ID}/profiles"));
    let draft = || {
        let mut paths = std::fs::read_dir(&list).unwrap().map(|entry| entry.unwrap().path());
        paths.find(|path| path.to_string_lossy().ends_with("~new"))
    };
    let mut process = project.start(&[]);
    loop {
        assert!(process.try_wait().unwrap().is_none(), "it has ended before it copied");
        // More than a header.
        let bytes = draft().and_then(|draft| std::fs::metadata(draft.join("pages")).ok()).map(|file| file.len());
        if bytes > Some(10_000) {
            break;
        }
    }
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(draft().is_some(), "it was killed before the first reply");
    let before = calls(&project).0;
    project.finish(&[]);
    assert_eq!(calls(&project).0 - before, 1 + batches(COUNT / DAYS));
    assert_eq!(draft(), None);
    are_true(&project, APP_ID, &rows_of(&project, 1));
}
