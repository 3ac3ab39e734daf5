//! What the engine makes of the answers of sinks, with a sink that answers what it is told.

use fanout::engine::RunOptions;
use fanout::report::{AccountReport, FoundList, SinkState, Verdict};
use fanout_sink::{Found, SinkError};

use super::*;
use crate::engine::{failed, one_account, published};
use crate::support::ONE_SINK;

const SINKS: &str = "[sinks.a]\ntype = 'recorder'\nretry = { attempts = 2, base_ms = 1 }\n[sinks.b]\ntype = 'recorder'\n\
                     [sinks.waiting]\ntype = 'recorder'\noptions = { when_complete = true }\n";

/// Makes a project whose list is published to all of [`SINKS`].
async fn published_project() -> Project {
    let project = one_account(Simulator::builder().followers(50).page_size(10));
    published(&project.engine_run_with(SINKS).await);
    project
}

/// Runs again, and asserts that no request is made.
async fn again(project: &Project, sinks: &str) -> AccountReport {
    let requests = project.api().requests();
    let report = project.engine_run_with(sinks).await;
    assert_eq!(project.api().requests(), requests);
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn each_sink_is_asked_once_in_a_run() {
    let project = published_project().await;
    let looks = || ["a", "b", "waiting"].map(|sink| project.recorder.looks(sink));
    assert_eq!(looks(), [0; 3], "nothing was published before");
    assert_eq!(again(&project, SINKS).await.verdict, Verdict::AlreadyPublished);
    assert_eq!(looks(), [1; 3]);
    project.recorder.answer("a", Found::Gone);
    assert_eq!(again(&project, SINKS).await.verdict, Verdict::Published);
    assert_eq!(looks(), [2; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_from_a_sink_that_stages_or_waits_is_delivered_again() {
    for sink in ["b", "waiting"] {
        let project = published_project().await;
        project.recorder.answer(sink, Found::Gone);
        published(&again(&project, SINKS).await);
        for other in ["a", "b", "waiting"] {
            assert_eq!(project.recorder.count(&format!("{other} commit")), 1 + usize::from(other == sink), "{other}");
        }
        assert_eq!(again(&project, SINKS).await.verdict, Verdict::AlreadyPublished);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_that_fails_for_now_is_repeated_and_then_the_run_is_to_be_repeated() {
    let project = published_project().await;
    project.recorder.fail("a", "find", SinkError::temporary("not now"));
    assert_eq!(again(&project, SINKS).await.verdict, Verdict::AlreadyPublished);
    for _ in 0..2 {
        project.recorder.fail("a", "find", SinkError::temporary("not now").with_hint("wait"));
    }
    project.recorder.answer("b", Found::Gone);
    let report = again(&project, SINKS).await;
    failed(&report, 75, "sink `a`: not now");
    assert_eq!(report.hint.as_deref(), Some("wait"));
    assert_eq!(report.sinks[0].found, None);
    assert!(matches!(report.sinks[1].state, SinkState::Published(_)), "{report:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_whose_place_is_taken_keeps_nothing_from_the_sinks_that_lack_the_list() {
    let project = published_project().await;
    let more = format!(
        "{SINKS}[sinks.new]\ntype = 'recorder'\n[sinks.new_waiting]\ntype = 'recorder'\noptions = {{ when_complete = true }}\n"
    );
    project.recorder.answer("a", Found::Taken("a view".to_owned()));
    let report = again(&project, &more).await;
    failed(&report, 1, "sink `a`: something else is in the place of the published list: a view");
    assert_eq!(report.sinks[0].found, Some(FoundList::Taken));
    for sink in ["new", "new_waiting"] {
        assert_eq!(project.recorder.published(sink, "brand").unwrap(), project.truth(), "{sink}");
    }
    assert_eq!(again(&project, &more).await.verdict, Verdict::AlreadyPublished);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_sinks_that_fail_the_one_that_needs_a_person_decides() {
    let project = published_project().await;
    for _ in 0..2 {
        project.recorder.fail("a", "find", SinkError::temporary("not now"));
    }
    project.recorder.answer("b", Found::Altered("a row less".to_owned()));
    let report = again(&project, SINKS).await;
    failed(&report, 1, "sink `b`: the published list was changed: a row less");
    assert!(report.sinks[..2].iter().all(|sink| matches!(sink.state, SinkState::Failed { .. })), "{report:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_list_that_a_sink_lacks_is_delivered_without_a_look_at_the_others() {
    let project = one_account(Simulator::builder().followers(50).page_size(10));
    let sinks = format!("{ONE_SINK}[sinks.extra]\ntype = 'recorder'\nrequired = false\n");
    project.recorder.fail("extra", "commit", SinkError::permanent("it is broken"));
    for date in ["2026-01-30", "2026-01-31"] {
        let options = RunOptions::default().with_date(date.parse().unwrap());
        published(&project.engine_run_file(&(project.file() + &sinks), options).await.unwrap().accounts[0]);
    }
    assert_eq!(project.recorder.count("extra commit"), 3);
    assert_eq!(project.recorder.looks("kept"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_asks_only_the_sinks_that_it_is_for() {
    let project = published_project().await;
    project.recorder.answer("b", Found::Gone);
    let requests = project.api().requests();
    let report = project.engine_replay(&(project.file() + SINKS), &["b"], RunOptions::default()).await.unwrap();
    assert_eq!(published(&report.accounts[0]).rows, 50);
    assert_eq!(["a", "b", "waiting"].map(|sink| project.recorder.looks(sink)), [0, 1, 0]);
    assert_eq!(project.recorder.count("b commit"), 2);
    assert_eq!(project.api().requests(), requests);
}
