//! What a sink has missed is delivered later from the journal, without a call.

use fanout::engine::{SinkState, Verdict};
use fanout_sink::SinkError;

use super::*;

const FOLLOWERS: u64 = 50;
const EARLIER: &str = "2026-01-30";
const LATER: &str = "2026-01-31";
const SINKS: &str = "[sinks.kept]\ntype = 'recorder'\n[sinks.extra]\ntype = 'recorder'\nrequired = false\n";

/// Makes a place where the list of each date was published, and the sink `extra` has missed it.
async fn extra_has_missed(dates: &[&str]) -> Place {
    let place = Place::new(Simulator::builder().followers(FOLLOWERS).page_size(10)).await;
    for (missed, date) in dates.iter().enumerate() {
        // A run delivers first what the sink has missed before.
        for _ in 0..=missed {
            place.recorder.fail("extra", "commit", SinkError::permanent("it is broken"));
        }
        let selection = Selection::default().with_date(date.parse().unwrap());
        let report = place.run_file(&(place.head() + SINKS), selection).await.unwrap();
        published(&report.accounts[0]);
        assert!(matches!(report.accounts[0].sinks[0].state, SinkState::Failed { .. }), "{report:#?}");
    }
    place
}

/// Replays the pipeline file without the environment that holds the secret.
async fn replay(place: &Place, names: &[&str], selection: Selection) -> Result<RunReport, fanout::error::Error> {
    let overrides = Overrides { offline: true, ..Overrides::default() };
    let text = place.head() + SINKS;
    let pipeline = Pipeline::from_toml(&text, &place.folder.path().join("p.toml"), &overrides).unwrap();
    let progress = Progress::new(&pipeline).into();
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    engine::replay(pipeline, &place.registry(), &names, selection, progress, place.stop.clone()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_catches_up_without_a_call_and_is_then_left_alone() {
    let place = extra_has_missed(&[LATER]).await;
    let calls = place.simulator.requests().total();

    let report = replay(&place, &["extra"], Selection::default()).await.unwrap();
    assert_eq!(published(&report.accounts[0]).rows, FOLLOWERS);
    assert_eq!(report.accounts[0].verdict, Verdict::Published);
    assert_eq!(report.accounts[0].sinks.len(), 1, "the other sink is not asked for");
    assert_eq!(place.recorder.published("extra", "brand").unwrap(), place.truth());

    let again = replay(&place, &["extra"], Selection::default()).await.unwrap();
    assert_eq!(again.accounts[0].verdict, Verdict::AlreadyPublished);
    assert_eq!(place.recorder.count("extra commit"), 2, "the one that failed, and the one that did not");
    assert_eq!(place.simulator.requests().total(), calls, "not even a token");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_that_was_missed_is_delivered_from_the_oldest_on() {
    let place = extra_has_missed(&[EARLIER, LATER]).await;
    let report = replay(&place, &[], Selection::default()).await.unwrap();
    let dates: Vec<_> = report.accounts.iter().map(|account| account.date.as_deref().unwrap()).collect();
    assert_eq!(dates, [EARLIER, LATER]);
    for account in &report.accounts {
        assert!(matches!(account.sinks[0].state, SinkState::Published(_)), "{account:#?}");
        assert!(matches!(account.sinks[1].state, SinkState::AlreadyPublished(_)), "{account:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_date_selects_one_list() {
    let place = extra_has_missed(&[EARLIER, LATER]).await;
    let report = replay(&place, &[], Selection::default().with_date(EARLIER.parse().unwrap())).await.unwrap();
    assert_eq!(report.accounts.len(), 1);
    assert_eq!(report.accounts[0].date.as_deref(), Some(EARLIER));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_lists_of_a_date_the_older_one_is_not_delivered() {
    let place = extra_has_missed(&[LATER]).await;
    place.recorder.fail("extra", "commit", SinkError::permanent("it is broken"));
    let fresh = Selection::default().with_date(LATER.parse().unwrap()).with_fresh();
    let fresh = place.run_file(&(place.head() + SINKS), fresh).await.unwrap();
    let report = replay(&place, &[], Selection::default()).await.unwrap();
    let walks: Vec<_> = report.accounts.iter().map(|account| &account.walk).collect();
    assert_eq!(walks, [&fresh.accounts[0].walk]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_is_asked_for_fails_the_replay_even_if_a_run_could_do_without() {
    let place = extra_has_missed(&[LATER]).await;
    place.recorder.fail("extra", "commit", SinkError::permanent("it is still broken"));
    let report = replay(&place, &["extra"], Selection::default()).await.unwrap();
    failed(&report.accounts[0], 1, "sink `extra`: it is still broken");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_complete_list_there_is_nothing_to_replay() {
    let place = extra_has_missed(&[LATER]).await;
    let report = replay(&place, &[], Selection::default().with_date(EARLIER.parse().unwrap())).await.unwrap();
    failed(&report.accounts[0], 1, &format!("the journal has no complete list of {EARLIER}"));

    let place = extra_has_missed(&[]).await;
    let report = replay(&place, &[], Selection::default()).await.unwrap();
    failed(&report.accounts[0], 1, "the journal has no complete list");
    assert_eq!(report.accounts[0].hint.as_deref(), Some("`fanout run` reads one"));
    assert_eq!(place.simulator.requests().total(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_sink_is_told_which_there_are() {
    let place = extra_has_missed(&[]).await;
    let error = replay(&place, &["extr"], Selection::default()).await.unwrap_err();
    assert_eq!(error.exit().code(), 2);
    let expected = "`sinks`: found no sink `extr`, which `--sink` asks for; expected one of `extra`, `kept`; did you \
                    mean `extra`?";
    assert!(error.chain().ends_with(expected), "{}", error.chain());
}
