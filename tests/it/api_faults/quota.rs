//! The daily quota of calls: the question about it, the ledger, and a walk that meets its end.

use std::path::PathBuf;

use serde_json::Value;

use super::*;
use crate::engine::APP_ID;
use crate::support::noon;

const REFUSE: &str = "source.quota.refuse=true";
const NO_CHECK: &str = "source.quota.check=false";

fn set(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|&key| key.to_owned()).collect()
}

fn project(calls_a_day: u64) -> Project {
    one_account(Simulator::builder().followers(FOLLOWERS).page_size(PAGE_SIZE).quota(calls_a_day))
}

fn ledger(project: &Project) -> PathBuf {
    project.path("state").join(APP_ID).join("calls.user-get.json")
}

fn calls_in_the_ledger(project: &Project) -> u64 {
    let text = std::fs::read_to_string(ledger(project)).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["calls"].as_u64().unwrap()
}

async fn walk_anew(project: &Project, keys: &[&str]) -> AccountReport {
    let fresh = RunOptions::default().with_fresh();
    let report = project.engine_run_set(&(project.file() + ONE_SINK), &set(keys), fresh).await.unwrap();
    report.accounts.into_iter().next().unwrap()
}

fn quota_call(effect: Effect) -> Case {
    Case::every(Endpoint::Quota, effect)
}

cases! {
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
    let project = one_account(Simulator::builder().followers(WHOLE * PAGE_SIZE).page_size(PAGE_SIZE).quota(BEFORE));
    project.clock.set(noon("2026-01-31"));
    let report = run(&project, &[]).await;
    failed(&project, &report, 75, &["no calls left today, with about 40 pages to go", "00:00 in Beijing"]);
    assert_eq!((report.pages, project.calls()), (BEFORE, BEFORE + 1));

    project.api().begin_next_day();
    let calls = project.calls();
    let report = run(&project, &[]).await;
    exact(&project, &report);
    assert_eq!(report.date, "2026-01-31".parse().ok());
    assert_eq!(project.calls() - calls, (WHOLE - BEFORE) + 1 + 1, "the pages, the end, and the boundary; no more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_that_is_met_day_after_day_loses_no_page() {
    let project = project(3);
    let mut days = 0;
    let report = loop {
        let report = run(&project, &[]).await;
        days += 1;
        if report.exit.code() == 0 {
            break report;
        }
        failed(&project, &report, 75, &["no calls left today"]);
        project.api().begin_next_day();
    };
    exact(&project, &report);
    // Three pages on the first day; then two a day, because one call reads the boundary page again;
    // then the end.
    assert_eq!(days, 1 + (CALLS - 3).div_ceil(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_of_one_account_is_not_that_of_another() {
    let builder = Simulator::builder().followers(FOLLOWERS).page_size(PAGE_SIZE);
    let project = one_account(builder.account_quota("wx2", 2));
    let other = "[[accounts]]\nname = 'other'\napp_id = 'wx2'\nsecret = { env = 'TEST_SECRET' }\n";
    let report =
        project.engine_run_set(&(project.file() + other + ONE_SINK), &[], RunOptions::default()).await.unwrap();
    assert_eq!(report.accounts.iter().map(|account| account.exit.code()).collect::<Vec<_>>(), [0, 75]);
    assert_eq!(report.exit.code(), 75);
    exact(&project, &report.accounts[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_that_the_days_calls_cannot_finish_is_refused_where_that_is_wanted() {
    let project = project(CALLS + 2);
    exact(&project, &run(&project, &[]).await);
    let report = walk_anew(&project, &[REFUSE]).await;
    assert_eq!((report.exit.code(), report.calls), (75, 0));
    let error = "the account has 2 calls left today, and the list takes about 6";
    assert_eq!(report.error.as_deref(), Some(error));
    assert!(report.hint.unwrap().contains("00:00 in Beijing"));
    assert_eq!(project.calls(), CALLS, "refused before any page");
    project.api().begin_next_day();
    exact(&project, &run(&project, &set(&[REFUSE])).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_that_the_days_calls_cannot_finish_is_begun_otherwise() {
    let project = project(CALLS + 2);
    exact(&project, &run(&project, &[]).await);
    let report = walk_anew(&project, &[]).await;
    assert_eq!((report.exit.code(), report.calls, report.pages), (75, 3, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_asked_where_that_is_switched_off() {
    let project = project(CALLS);
    exact(&project, &run(&project, &set(&[NO_CHECK])).await);
    assert_eq!(project.api().requests().quota, 0);
    exact(&project, &run(&project, &[]).await);
    assert_eq!(project.api().requests().quota, 0, "a list that is in the journal takes no call");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_answer_the_ledger_decides_and_it_has_counted_the_retries() {
    let project = project(1_000);
    project.api().add_fault(Fault::new(Endpoint::UserGet, When::Page(2), Effect::status(500)).times(2));
    exact(&project, &run(&project, &set(&[NO_CHECK])).await);
    assert_eq!(project.calls(), CALLS + 2);
    assert_eq!(calls_in_the_ledger(&project), CALLS + 2);
    let daily = |calls: u64| format!("source.quota.daily_calls={calls}");
    let short = daily(2 * CALLS + 2 - 1);
    let report = walk_anew(&project, &[NO_CHECK, REFUSE, &short]).await;
    assert_eq!(report.error.as_deref(), Some("the account has 5 calls left today, and the list takes about 6"));
    let enough = daily(2 * CALLS + 2);
    exact(&project, &walk_anew(&project, &[NO_CHECK, REFUSE, &enough]).await);
    // WeChat's own count wins over the ledger.
    exact(&project, &walk_anew(&project, &[REFUSE, "source.quota.daily_calls=1"]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_counts_for_other_pipelines_on_the_same_state() {
    let project = project(1_000);
    exact(&project, &run(&project, &set(&[NO_CHECK])).await);
    let other = project.file().replace("name = 'test'", "name = 'other'") + ONE_SINK;
    let fresh = RunOptions::default().with_fresh();
    let keys = set(&[NO_CHECK, REFUSE, "source.quota.daily_calls=6"]);
    let report = project.engine_run_set(&other, &keys, fresh).await.unwrap().accounts.remove(0);
    assert_eq!(report.error.as_deref(), Some("the account has 0 calls left today, and the list takes about 6"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_in_the_ledger_before_it_is_answered() {
    let project = project(1_000);
    project.api().add_fault(Fault::new(Endpoint::UserGet, When::Page(1), Effect::Reset));
    let report = run(&project, &set(&[NO_CHECK])).await;
    failed(&project, &report, 75, &["the connection failed"]);
    assert_eq!(calls_in_the_ledger(&project), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_ledger_stops_nothing_and_is_not_believed() {
    let project = project(1_000);
    exact(&project, &run(&project, &set(&[NO_CHECK])).await);
    let text = std::fs::read_to_string(ledger(&project)).unwrap();
    let altered = text.replace("\"calls\":6", "\"calls\":600");
    assert_ne!(text, altered);
    for damaged in [altered.as_str(), "", "{"] {
        std::fs::write(ledger(&project), damaged).unwrap();
        exact(&project, &walk_anew(&project, &[NO_CHECK, REFUSE]).await);
        assert_eq!(calls_in_the_ledger(&project), CALLS);
    }
}
