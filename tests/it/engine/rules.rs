//! The rules of a run: decision and commits, failing sinks, what happens twice and what must not.

use std::time::Duration;

use fanout::engine::{SinkState, Verdict};
use fanout::simulator::{Effect, Endpoint, Fault, When};
use fanout_sink::SinkError;

use super::*;
use crate::support::forge;

const TWO_SINKS: &str = "[sinks.first]\ntype = 'recorder'\n[sinks.second]\ntype = 'recorder'\n";

fn five_pages() -> SimulatorBuilder {
    Simulator::builder().followers(50).page_size(10)
}

fn broken() -> SinkError {
    SinkError::permanent("it is broken").with_hint("mend it")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_published_is_not_read_again() {
    let place = Place::new(five_pages()).await;
    let first = place.run().await;
    let calls = place.simulator.requests().total();
    let second = place.run().await;
    assert_eq!(second.verdict, Verdict::AlreadyPublished);
    assert_eq!(published(&second), published(&first));
    assert_eq!(place.simulator.requests().total(), calls, "not even a token");
    assert_eq!(place.recorder.count("kept open"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn fresh_forces_a_new_walk() {
    let place = Place::new(five_pages()).await;
    let first = place.run().await;
    let again = place.run_file(&(place.head() + ONE_SINK), Selection::default().with_fresh()).await.unwrap();
    published(&again.accounts[0]);
    assert_ne!(again.accounts[0].walk, first.walk);
    assert_eq!(place.calls(), 2 * 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sink_committed_and_the_other_not() {
    let place = Place::new(five_pages()).await;
    place.recorder.fail("second", "commit", broken());
    let report = place.run_with(TWO_SINKS).await;
    failed(&report, 1, "sink `second`: it is broken");
    assert!(matches!(report.sinks[0].state, SinkState::Published(_)));
    assert!(matches!(report.sinks[1].state, SinkState::Failed { .. }));
    let decided = report.snapshot.expect("the list is complete and decided, whatever a sink does then");
    let calls = place.simulator.requests().total();

    let report = place.run_with(TWO_SINKS).await;
    assert_eq!(published(&report), &decided);
    assert!(matches!(report.sinks[0].state, SinkState::AlreadyPublished(_)));
    assert!(matches!(report.sinks[1].state, SinkState::Published(_)));
    assert_eq!(place.recorder.published("second", "brand").unwrap(), place.truth());
    assert_eq!(place.simulator.requests().total(), calls, "delivered from the journal");
    assert_eq!(place.recorder.count("first open"), 1, "who has the list is left alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_list_never_takes_the_place_of_a_newer_one_of_its_date() {
    let place = Place::new(five_pages()).await;
    place.recorder.fail("second", "commit", broken());
    failed(&place.run_with(TWO_SINKS).await, 1, "sink `second`: it is broken");
    let fresh = place.run_file(&(place.head() + TWO_SINKS), Selection::default().with_fresh()).await.unwrap();
    published(&fresh.accounts[0]);
    let commits = place.recorder.count("second commit");
    let report = place.run_with(TWO_SINKS).await;
    assert_eq!((report.verdict, &report.walk), (Verdict::AlreadyPublished, &fresh.accounts[0].walk));
    assert_eq!(place.recorder.count("second commit"), commits, "the first walk was delivered over the second");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_added_after_publishing_gets_the_list_without_a_call() {
    let place = Place::new(five_pages()).await;
    published(&place.run_with("[sinks.first]\ntype = 'recorder'\n").await);
    let calls = place.simulator.requests().total();
    published(&place.run_with(TWO_SINKS).await);
    assert_eq!(place.recorder.published("second", "brand").unwrap(), place.truth());
    assert_eq!(place.simulator.requests().total(), calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_an_earlier_day_is_delivered_first_to_a_sink_that_lacks_it() {
    let place = Place::new(five_pages()).await;
    place.recorder.fail("second", "commit", broken());
    let earlier = Selection::default().with_date("2026-01-31".parse().unwrap());
    let report = place.run_file(&(place.head() + TWO_SINKS), earlier).await.unwrap();
    failed(&report.accounts[0], 1, "sink `second`");
    // Without that sink there is nobody to deliver it to.
    published(&place.run_with("[sinks.first]\ntype = 'recorder'\n").await);
    assert_eq!(place.recorder.count("first open"), 2);
    let calls = place.calls();
    published(&place.run_with(TWO_SINKS).await);
    assert_eq!(place.recorder.count("second commit"), 1 + 2, "the earlier list, and then today's");
    assert_eq!(place.calls(), calls, "both from the journal");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_with_other_options_is_another_recipient() {
    let place = Place::new(five_pages()).await;
    published(&place.run().await);
    let calls = place.simulator.requests().total();
    published(&place.run_with(&format!("{ONE_SINK}options = {{ label = 'new' }}\n")).await);
    assert_eq!(place.recorder.count("kept commit"), 2);
    assert_eq!(place.simulator.requests().total(), calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_pipeline_shares_the_walk() {
    let place = Place::new(five_pages()).await;
    published(&place.run().await);
    let calls = place.simulator.requests().total();
    let other = place.head().replace("name = 'test'", "name = 'other'");
    let report = place.run_file(&(other + ONE_SINK), Selection::default()).await.unwrap();
    assert_eq!(report.accounts[0].verdict, Verdict::Published);
    assert_eq!(place.recorder.count("kept commit"), 2);
    assert_eq!(place.simulator.requests().total(), calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_app_id_under_an_old_name_is_another_list() {
    let place = Place::new(five_pages().account("wx0000000000000002", 30)).await;
    published(&place.run().await);
    let changed = place.head().replace(APP_ID, "wx0000000000000002");
    let report = place.run_file(&(changed + ONE_SINK), Selection::default()).await.unwrap();
    assert_eq!(published(&report.accounts[0]).rows, 30);
    let truth = list(&place.simulator.followers("wx0000000000000002"));
    assert_eq!(place.recorder.published("kept", "brand").unwrap(), truth);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_app_id_does_not_replace_the_files_of_another() {
    let place = Place::new(five_pages()).await;
    let sink = "[sinks.files]\ntype = 'ndjson'\noptions = { root = 'out' }\n";
    published(&place.run_with(sink).await);
    let calls = place.simulator.requests().total();
    let changed = place.head().replace(APP_ID, "wx0000000000000002");
    let report = place.run_file(&(changed + sink), Selection::default()).await.unwrap();
    failed(&report.accounts[0], 1, APP_ID);
    assert_eq!(place.simulator.requests().total(), calls, "found before the first call");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_fails_is_opened_once_more_while_the_walk_goes_on() {
    for event in ["open", "write", "prepare"] {
        let place = Place::new(five_pages()).await;
        place.recorder.fail("second", event, broken());
        published(&place.run_with(TWO_SINKS).await);
        for sink in ["first", "second"] {
            assert_eq!(place.recorder.published(sink, "brand").unwrap(), place.truth(), "{sink} after {event}");
        }
        assert_eq!(place.calls(), 6, "{event}");
        assert_eq!((place.recorder.count("first open"), place.recorder.count("second open")), (1, 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_sink_that_fails_twice_fails_the_run_and_nothing_is_published() {
    let place = Place::new(five_pages()).await;
    place.recorder.fail("second", "write", broken());
    place.recorder.fail("second", "write", broken());
    let report = place.run_with(TWO_SINKS).await;
    failed(&report, 1, "sink `second`: it is broken");
    assert_eq!(report.hint.as_deref(), Some("mend it"));
    assert_eq!(place.recorder.published("first", "brand"), None);
    assert_eq!((place.recorder.count("first abort"), place.recorder.count("second abort")), (1, 2));

    let calls = place.simulator.requests().total();
    published(&place.run_with(TWO_SINKS).await);
    assert_eq!(place.simulator.requests().total(), calls, "the walk was kept");
    assert_eq!(place.recorder.published("first", "brand").unwrap(), place.truth());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_optional_sink_that_fails_is_named_and_the_others_publish() {
    let place = Place::new(five_pages()).await;
    let sinks = format!("{TWO_SINKS}required = false\n");
    place.recorder.fail("second", "prepare", broken());
    place.recorder.fail("second", "prepare", broken());
    let report = place.run_with(&sinks).await;
    published(&report);
    assert!(matches!(&report.sinks[1].state, SinkState::Failed { error, .. } if error == "it is broken"));
    assert_eq!(place.recorder.published("first", "brand").unwrap(), place.truth());
    // The list is owed to it, and the next run delivers it.
    let calls = place.simulator.requests().total();
    published(&place.run_with(&sinks).await);
    assert_eq!(place.recorder.published("second", "brand").unwrap(), place.truth());
    assert_eq!(place.simulator.requests().total(), calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_error_of_a_sink_is_tried_again_with_the_same_call() {
    for event in ["open", "write", "prepare", "commit"] {
        let place = Place::new(five_pages()).await;
        place.recorder.fail("kept", event, SinkError::temporary("not now"));
        published(&place.run().await);
        assert_eq!(place.recorder.published("kept", "brand").unwrap(), place.truth(), "{event}");
        assert_eq!(place.recorder.count("kept abort"), 0, "{event}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_waits_for_completion_comes_after_all_that_stage() {
    let sinks = "[sinks.a]\ntype = 'recorder'\noptions = { when_complete = true }\n[sinks.b]\ntype = 'recorder'\n";
    let place = Place::new(five_pages()).await;
    published(&place.run_with(sinks).await);
    let story = ["b open", "b prepare", "b commit", "a open", "a prepare", "a commit"];
    assert_eq!(place.recorder.story(), story);
    assert_eq!(place.recorder.published("a", "brand").unwrap(), place.truth());

    let place = Place::new(five_pages()).await;
    place.recorder.fail("b", "commit", broken());
    let report = place.run_with(sinks).await;
    failed(&report, 1, "sink `b`");
    assert!(matches!(report.sinks[0].state, SinkState::NotReached));
    published(&place.run_with(sinks).await);
    assert_eq!(place.recorder.published("a", "brand").unwrap(), place.truth());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_sink_has_taken_back_is_delivered_once_more_where_that_doubles_nothing() {
    for event in ["open", "write", "prepare", "commit"] {
        for (exactly_once, failures, exit, opened) in [(true, 1, 0, 2), (true, 2, 75, 2), (false, 1, 75, 1)] {
            let place = Place::new(five_pages()).await;
            for _ in 0..failures {
                place.recorder.fail("kept", event, SinkError::aborted("it is taken back"));
            }
            let options = format!("options = {{ when_complete = true, exactly_once = {exactly_once} }}\n");
            let report = place.run_with(&format!("{ONE_SINK}{options}")).await;
            assert_eq!(report.exit.code(), exit, "{event}, {exactly_once}, {failures}");
            assert_eq!(place.recorder.count("kept open"), opened);
            assert_eq!(place.recorder.published("kept", "brand"), (exit == 0).then(|| place.truth()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_facts_of_a_list_are_reported_from_its_decision_on() {
    for (event, failures, is_decided) in [("prepare", 2, false), ("commit", 1, true)] {
        for when_complete in [false, true] {
            let place = Place::new(five_pages()).await;
            for _ in 0..failures {
                place.recorder.fail("kept", event, broken());
            }
            let report = place.run_with(&format!("{ONE_SINK}options = {{ when_complete = {when_complete} }}\n")).await;
            failed(&report, 1, "sink `kept`: it is broken");
            // A sink that waits for the complete list fails after the decision, whatever it fails at.
            let followers = (is_decided || when_complete).then_some(50);
            assert_eq!(report.snapshot.map(|snapshot| snapshot.rows), followers, "{event}, {when_complete}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_reports_another_number_of_rows_has_failed() {
    let place = Place::new(five_pages()).await;
    place.recorder.misreport();
    let report = place.run().await;
    failed(&report, 1, "the sink says that it published 51 rows, and the list has 50");
    // Nothing says that it has the list: the next run delivers it again.
    assert_eq!(place.run().await.exit.code(), 1);
    assert_eq!(place.recorder.count("kept commit"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_receives_the_columns_that_it_asks_for() {
    let place = Place::new(five_pages()).await;
    published(&place.run_with("[sinks.kept]\ntype = 'recorder'\ncolumns = ['page', 'openid']\n").await);
    assert_eq!(place.recorder.columns(), ["page", "openid"]);
    assert_eq!(place.recorder.published("kept", "brand").unwrap(), place.truth());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_sink_stops_the_source() {
    // Of one page each: in the sink's hands, in its queue, in the delivery's hands, in the delivery's queue, and in the
    // walk's hands, which has fetched it and cannot hand it on.
    const QUEUE: u64 = 3;
    const DELIVERY_QUEUE: u64 = 2;
    let expected = 1 + QUEUE + 1 + DELIVERY_QUEUE + 1;
    let place = Place::new(Simulator::builder().followers(400).page_size(10)).await;
    let gate = place.recorder.close_gate();
    let sinks = format!("{ONE_SINK}queue = {QUEUE}\n");
    let mut run = Box::pin(place.run_with(&sinks));
    let mut calls = 0;
    loop {
        assert!(tokio::time::timeout(Duration::from_millis(400), &mut run).await.is_err());
        if place.calls() == calls {
            break;
        }
        calls = place.calls();
    }
    assert_eq!(calls, expected);
    gate.add_permits(1_000);
    published(&run.await);
    assert_eq!(place.recorder.published("kept", "brand").unwrap(), place.truth());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_stopped_keeps_its_journal_and_the_next_one_goes_on() {
    let mut place = Place::new(five_pages().latency(Duration::from_millis(30))).await;
    let stop = place.stop.clone();
    let report = {
        let run = place.run();
        let stopper = async {
            while place.calls() == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            stop.cancel();
        };
        tokio::join!(run, stopper).0
    };
    assert_eq!((report.verdict, report.exit.code()), (Verdict::Interrupted, 130));
    let calls = place.calls();
    assert!((1..6).contains(&calls), "{calls} calls");
    place.stop = CancellationToken::new();
    published(&place.run().await);
    assert_eq!(place.recorder.published("kept", "brand").unwrap(), place.truth());
    assert!(place.calls() <= 6 + 2, "the page in flight and the boundary page");
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_run_beside_each_other_and_the_worst_decides() {
    let wrong = Fault::new(Endpoint::UserGet, When::Always, Effect::errcode(48001)).account("wx3");
    let place = Place::new(five_pages().account("wx2", 35).fault(wrong)).await;
    let more = "[[accounts]]\nname = 'b'\napp_id = 'wx2'\nsecret = { env = 'SECRET' }\n\
                [[accounts]]\nname = 'c'\napp_id = 'wx3'\nsecret = { env = 'SECRET' }\n";
    let report = place.run_file(&(place.head() + more + ONE_SINK), Selection::default()).await.unwrap();
    assert_eq!(report.exit.code(), 1);
    published(&report.accounts[0]);
    assert_eq!(published(&report.accounts[1]).rows, 35);
    failed(&report.accounts[2], 1, "48001");
    assert_eq!(place.recorder.published("kept", "b").unwrap(), list(&place.simulator.followers("wx2")));
    assert_eq!(place.recorder.published("kept", "c"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_runs_at_once_the_second_is_told_to_wait() {
    let place = Place::new(five_pages().latency(Duration::from_millis(20))).await;
    let (one, other) = tokio::join!(place.run(), place.run());
    let (done, told) = if one.exit.code() == 0 { (one, other) } else { (other, one) };
    published(&done);
    failed(&told, 75, "in use by another run");
    assert_eq!(place.calls(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_not_what_was_decided_is_not_delivered() {
    let place = Place::new(five_pages()).await;
    place.recorder.fail("kept", "commit", broken());
    failed(&place.run().await, 1, "broken");
    let decision = walkdir(place.folder.path()).into_iter().find(|path| path.ends_with("decision.json")).unwrap();
    forge(&decision, |text| {
        let digest = text.split("\"digest\": \"").nth(1).unwrap().split('"').next().unwrap();
        text.replace(digest, &"0".repeat(64))
    });
    failed(&place.run().await, 1, "not the one that was decided on");
    assert_eq!(place.recorder.published("kept", "brand"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_that_cannot_suffice_is_found_before_the_first_call() {
    let place = Place::new(five_pages()).await;
    let text = place.head() + "[limits]\nmemory = '10 MiB'\n" + ONE_SINK;
    let error = place.run_file(&text, Selection::default()).await.unwrap_err();
    assert_eq!(error.exit().code(), 2);
    assert!(error.to_string().contains("`limits.memory`: found 10 MiB"), "{error}");
    assert_eq!(place.simulator.requests().total(), 0);
}

fn walkdir(path: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walkdir(&path) } else { vec![path] }).collect()
}
