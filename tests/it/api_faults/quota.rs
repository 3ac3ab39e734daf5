//! The calls that an account has a day.

use std::path::PathBuf;

use serde_json::Value;

use super::*;
use crate::engine::APP_ID;

const REFUSE: &str = "source.quota.refuse=true";
const NO_CHECK: &str = "source.quota.check=false";

fn set(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|&key| key.to_owned()).collect()
}

async fn place(calls_a_day: u64) -> Place {
    Place::new(Simulator::builder().followers(FOLLOWERS).page_size(PAGE_SIZE).quota(calls_a_day)).await
}

fn ledger(place: &Place) -> PathBuf {
    place.folder.path().join("state").join(APP_ID).join("followers.calls.json")
}

fn calls_in_the_ledger(place: &Place) -> u64 {
    let text = std::fs::read_to_string(ledger(place)).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["calls"].as_u64().unwrap()
}

async fn walk_anew(place: &Place, keys: &[&str]) -> AccountReport {
    let fresh = Selection::default().with_fresh();
    let report = place.run_set(&(place.head() + ONE_SINK), &set(keys), fresh).await.unwrap();
    report.accounts.into_iter().next().unwrap()
}

fn quota_call(effect: Effect) -> Mood {
    Mood::every(Endpoint::Quota, effect)
}

moods! {
    the_question_is_not_answered: quota_call(Effect::status(500)).publishes(CALLS);
    the_question_is_not_allowed: quota_call(Effect::errcode(76022)).publishes(CALLS);
    the_question_is_not_known: quota_call(Effect::errcode(76021)).publishes(CALLS);
    the_question_has_its_own_quota: quota_call(Effect::errcode(45009)).publishes(CALLS);
    the_question_meets_a_reset: quota_call(Effect::Reset).publishes(CALLS);
    the_question_is_answered_with_html: quota_call(Effect::html(200)).publishes(CALLS);
    the_question_is_answered_with_two_gib: quota_call(Effect::Huge(2 << 30)).publishes(CALLS);
    the_question_is_answered_with_nonsense: quota_call(Effect::body(r#"{"quota":{"remain":"many"}}"#)).publishes(CALLS);
    the_question_meets_silence: quota_call(Effect::Stall).set(&["source.idle_timeout_secs=1"]).publishes(CALLS);
    the_answer_is_nothing_left_and_wrong: quota_call(Effect::body(r#"{"errcode":0,"quota":{"remain":0}}"#)).publishes(CALLS);
    the_list_is_not_known_and_so_not_refused:
        quota_call(Effect::body(r#"{"errcode":0,"quota":{"remain":1}}"#)).set(&[REFUSE]).publishes(CALLS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_that_meets_the_days_quota_goes_on_the_next_day_under_its_first_date() {
    const WHOLE: u64 = 100;
    const BEFORE: u64 = 60;
    let place = Place::new(Simulator::builder().followers(WHOLE * PAGE_SIZE).page_size(PAGE_SIZE).quota(BEFORE)).await;
    let yesterday = Selection::default().with_date("2026-01-31".parse().unwrap());
    let text = place.head() + ONE_SINK;
    let report = place.run_set(&text, &[], yesterday).await.unwrap().accounts.remove(0);
    failed(&place, &report, 75, &["no calls left today, with about 40 pages to go", "00:00 in Beijing"]);
    assert_eq!((report.pages, place.calls()), (BEFORE, BEFORE + 1));

    place.simulator.begin_next_day();
    let calls = place.calls();
    let report = run(&place, &[]).await;
    exact(&place, &report);
    assert_eq!(report.date.as_deref(), Some("2026-01-31"));
    assert_eq!(place.calls() - calls, (WHOLE - BEFORE) + 1 + 1, "the pages, the end, and the boundary");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_that_is_met_day_after_day_loses_no_page() {
    let place = place(3).await;
    let mut days = 0;
    let report = loop {
        let report = run(&place, &[]).await;
        days += 1;
        if report.exit.code() == 0 {
            break report;
        }
        failed(&place, &report, 75, &["no calls left today"]);
        place.simulator.begin_next_day();
    };
    exact(&place, &report);
    // Three pages; then two a day, for one call reads the boundary; the end is the last of them.
    assert_eq!(days, 1 + (CALLS - 3).div_ceil(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_of_one_account_is_not_that_of_another() {
    let builder = Simulator::builder().followers(FOLLOWERS).page_size(PAGE_SIZE);
    let place = Place::new(builder.account_quota("wx2", 2)).await;
    let other = "[[accounts]]\nname = 'other'\napp_id = 'wx2'\nsecret = { env = 'SECRET' }\n";
    let report = place.run_set(&(place.head() + other + ONE_SINK), &[], Selection::default()).await.unwrap();
    assert_eq!(report.accounts.iter().map(|account| account.exit.code()).collect::<Vec<_>>(), [0, 75]);
    assert_eq!(report.exit.code(), 75);
    exact(&place, &report.accounts[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_that_the_days_calls_cannot_finish_is_refused_where_that_is_wanted() {
    let place = place(CALLS + 2).await;
    exact(&place, &run(&place, &[]).await);
    let report = walk_anew(&place, &[REFUSE]).await;
    assert_eq!((report.exit.code(), report.calls), (75, 0));
    let error = "the account has 2 calls left today, and the list takes about 6";
    assert_eq!(report.error.as_deref(), Some(error));
    assert!(report.hint.unwrap().contains("00:00 in Beijing"));
    assert_eq!(place.calls(), CALLS, "refused before any page");
    place.simulator.begin_next_day();
    exact(&place, &run(&place, &set(&[REFUSE])).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_that_the_days_calls_cannot_finish_is_begun_otherwise() {
    let place = place(CALLS + 2).await;
    exact(&place, &run(&place, &[]).await);
    let report = walk_anew(&place, &[]).await;
    assert_eq!((report.exit.code(), report.calls, report.pages), (75, 3, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_asked_where_that_is_switched_off() {
    let place = place(CALLS).await;
    exact(&place, &run(&place, &set(&[NO_CHECK])).await);
    assert_eq!(place.simulator.requests().quota, 0);
    exact(&place, &run(&place, &[]).await);
    assert_eq!(place.simulator.requests().quota, 0, "a list that is in the journal takes no call");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_answer_the_ledger_decides_and_it_has_counted_the_retries() {
    let place = place(1_000).await;
    place.simulator.add_fault(Fault::new(Endpoint::UserGet, When::Page(2), Effect::status(500)).times(2));
    exact(&place, &run(&place, &set(&[NO_CHECK])).await);
    assert_eq!(place.calls(), CALLS + 2);
    assert_eq!(calls_in_the_ledger(&place), CALLS + 2);
    let daily = |calls: u64| format!("source.quota.daily_calls={calls}");
    let short = daily(2 * CALLS + 2 - 1);
    let report = walk_anew(&place, &[NO_CHECK, REFUSE, &short]).await;
    assert_eq!(report.error.as_deref(), Some("the account has 5 calls left today, and the list takes about 6"));
    let enough = daily(2 * CALLS + 2);
    exact(&place, &walk_anew(&place, &[NO_CHECK, REFUSE, &enough]).await);
    // WeChat's word is worth more than what we have counted.
    exact(&place, &walk_anew(&place, &[REFUSE, "source.quota.daily_calls=1"]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_counts_for_other_pipelines_on_the_same_state() {
    let place = place(1_000).await;
    exact(&place, &run(&place, &set(&[NO_CHECK])).await);
    let other = place.head().replace("name = 'test'", "name = 'other'") + ONE_SINK;
    let fresh = Selection::default().with_fresh();
    let keys = set(&[NO_CHECK, REFUSE, "source.quota.daily_calls=6"]);
    let report = place.run_set(&other, &keys, fresh).await.unwrap().accounts.remove(0);
    assert_eq!(report.error.as_deref(), Some("the account has 0 calls left today, and the list takes about 6"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_in_the_ledger_before_it_is_answered() {
    let place = place(1_000).await;
    place.simulator.add_fault(Fault::new(Endpoint::UserGet, When::Page(1), Effect::Reset));
    let report = run(&place, &set(&[NO_CHECK])).await;
    failed(&place, &report, 75, &["the connection failed"]);
    assert_eq!(calls_in_the_ledger(&place), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_ledger_stops_nothing_and_is_not_believed() {
    let place = place(1_000).await;
    exact(&place, &run(&place, &set(&[NO_CHECK])).await);
    let text = std::fs::read_to_string(ledger(&place)).unwrap();
    let altered = text.replace("\"calls\":6", "\"calls\":600");
    assert_ne!(text, altered);
    for damaged in [altered.as_str(), "", "{"] {
        std::fs::write(ledger(&place), damaged).unwrap();
        exact(&place, &walk_anew(&place, &[NO_CHECK, REFUSE]).await);
        assert_eq!(calls_in_the_ledger(&place), CALLS);
    }
}
