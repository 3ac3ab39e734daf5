//! A list that a sink has missed is delivered later from the journal, without a call.

use fanout::error::Error;
use fanout::report::{RunReport, SinkState, Verdict};
use fanout_sink::SinkError;

use super::*;
use crate::support::noon;

const FOLLOWERS: u64 = 50;
const EARLIER: &str = "2026-01-30";
const LATER: &str = "2026-01-31";
const SINKS: &str = "[sinks.kept]\ntype = 'recorder'\n[sinks.extra]\ntype = 'recorder'\nrequired = false\n";

/// Makes a project where the list of each date was published, and the sink `extra` has missed it.
async fn extra_has_missed(dates: &[&str]) -> Project {
    let project = one_account(Simulator::builder().followers(FOLLOWERS).page_size(10));
    for (missed, date) in dates.iter().enumerate() {
        // A run first delivers the lists that the sink has missed before.
        for _ in 0..=missed {
            project.recorder.fail("extra", "commit", SinkError::permanent("it is broken"));
        }
        project.clock.set(noon(date));
        let report = project.engine_run_file(&(project.file() + SINKS), RunOptions::default()).await.unwrap();
        assert_eq!(report.accounts.len(), missed + 1, "{report:#?}");
        for account in &report.accounts {
            published(account);
            assert!(matches!(account.sinks[0].state, SinkState::Failed { .. }), "{account:#?}");
        }
    }
    project
}

/// Replays the pipeline file without the environment that holds the secret.
async fn replay(project: &Project, names: &[&str], selection: RunOptions) -> Result<RunReport, Error> {
    project.engine_replay(&(project.file() + SINKS), names, selection).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_catches_up_without_a_call_and_is_then_left_alone() {
    let project = extra_has_missed(&[LATER]).await;
    let calls = project.api().requests().total();

    let report = replay(&project, &["extra"], RunOptions::default()).await.unwrap();
    assert_eq!(published(&report.accounts[0]).rows, FOLLOWERS);
    assert_eq!(report.accounts[0].verdict, Verdict::Published);
    assert_eq!(report.accounts[0].sinks.len(), 1, "the other sink is not asked for");
    assert_eq!(project.recorder.published("extra", "brand").unwrap(), project.truth());

    let again = replay(&project, &["extra"], RunOptions::default()).await.unwrap();
    assert_eq!(again.accounts[0].verdict, Verdict::AlreadyPublished);
    assert_eq!(project.recorder.count("extra commit"), 2, "the one that failed, and the one that did not");
    assert_eq!(project.api().requests().total(), calls, "not even a token");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_that_was_missed_is_delivered_from_the_oldest_on() {
    let project = extra_has_missed(&[EARLIER, LATER]).await;
    let report = replay(&project, &[], RunOptions::default()).await.unwrap();
    let dates: Vec<_> = report.accounts.iter().map(|account| account.date.unwrap().to_string()).collect();
    assert_eq!(dates, [EARLIER, LATER]);
    for account in &report.accounts {
        assert!(matches!(account.sinks[0].state, SinkState::Published(_)), "{account:#?}");
        assert!(matches!(account.sinks[1].state, SinkState::AlreadyPublished(_)), "{account:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_date_selects_one_list() {
    let project = extra_has_missed(&[EARLIER, LATER]).await;
    let report = replay(&project, &[], RunOptions::default().with_date(EARLIER.parse().unwrap())).await.unwrap();
    assert_eq!(report.accounts.len(), 1);
    assert_eq!(report.accounts[0].date, EARLIER.parse().ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_lists_of_a_date_the_older_one_is_not_delivered() {
    let project = extra_has_missed(&[LATER]).await;
    project.recorder.fail("extra", "commit", SinkError::permanent("it is broken"));
    let fresh = project.engine_run_file(&(project.file() + SINKS), RunOptions::default().with_fresh()).await.unwrap();
    let report = replay(&project, &[], RunOptions::default()).await.unwrap();
    let walks: Vec<_> = report.accounts.iter().map(|account| &account.walk).collect();
    assert_eq!(walks, [&fresh.accounts[0].walk]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_is_asked_for_fails_the_replay_even_if_a_run_could_do_without() {
    let project = extra_has_missed(&[LATER]).await;
    project.recorder.fail("extra", "commit", SinkError::permanent("it is still broken"));
    let report = replay(&project, &["extra"], RunOptions::default()).await.unwrap();
    failed(&report.accounts[0], 1, "sink `extra`: it is still broken");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_complete_list_there_is_nothing_to_replay() {
    let project = extra_has_missed(&[LATER]).await;
    let report = replay(&project, &[], RunOptions::default().with_date(EARLIER.parse().unwrap())).await.unwrap();
    failed(&report.accounts[0], 1, &format!("the journal has no complete list of {EARLIER}"));

    let project = extra_has_missed(&[]).await;
    let report = replay(&project, &[], RunOptions::default()).await.unwrap();
    failed(&report.accounts[0], 1, "the journal has no complete list");
    assert_eq!(report.accounts[0].hint.as_deref(), Some("`fanout run` reads one"));
    assert_eq!(project.api().requests().total(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_sink_is_told_which_there_are() {
    let project = extra_has_missed(&[]).await;
    let error = replay(&project, &["extr"], RunOptions::default()).await.unwrap_err();
    assert_eq!(error.exit().code(), 2);
    let expected = "`sinks`: found no sink `extr`, which `--sink` asks for; expected one of `extra`, `kept`; did you \
                    mean `extra`?";
    assert!(error.chain().ends_with(expected), "{}", error.chain());
}
