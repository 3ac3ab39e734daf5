//! The rules of a run: decision and commits, failing sinks, repeated runs.

use std::time::Duration;

use fanout::report::{SinkState, Verdict};
use fanout::simulator::{Effect, Endpoint, Fault, When};
use fanout_sink::SinkError;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::support::journal::forge;
use crate::support::outputs::sha256;

const TWO_SINKS: &str = "[sinks.first]\ntype = 'recorder'\n[sinks.second]\ntype = 'recorder'\n";

fn five_pages() -> SimulatorBuilder {
    Simulator::builder().followers(50).page_size(10)
}

fn broken() -> SinkError {
    SinkError::permanent("it is broken").with_hint("mend it")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_published_is_not_read_again() {
    let project = one_account(five_pages());
    let first = project.engine_run().await;
    let calls = project.api().requests().total();
    let second = project.engine_run().await;
    assert_eq!(second.verdict, Verdict::AlreadyPublished);
    assert_eq!(published(&second), published(&first));
    assert_eq!(project.api().requests().total(), calls, "not even a token");
    assert_eq!(project.recorder.count("kept open"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn fresh_forces_a_new_walk() {
    let project = one_account(five_pages());
    let first = project.engine_run().await;
    let again =
        project.engine_run_file(&(project.file() + ONE_SINK), RunOptions::default().with_fresh()).await.unwrap();
    published(&again.accounts[0]);
    assert_ne!(again.accounts[0].walk, first.walk);
    assert_eq!(project.calls(), 2 * 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sink_committed_and_the_other_not() {
    let project = one_account(five_pages());
    project.recorder.fail("second", "commit", broken());
    let report = project.engine_run_with(TWO_SINKS).await;
    failed(&report, 1, "sink `second`: it is broken");
    assert!(matches!(report.sinks[0].state, SinkState::Published(_)));
    assert!(matches!(report.sinks[1].state, SinkState::Failed { .. }));
    let decided = report.snapshot.expect("the list is complete and decided, whatever a sink does then");
    let calls = project.api().requests().total();

    let report = project.engine_run_with(TWO_SINKS).await;
    assert_eq!(published(&report), &decided);
    assert!(matches!(report.sinks[0].state, SinkState::AlreadyPublished(_)));
    assert!(matches!(report.sinks[1].state, SinkState::Published(_)));
    assert_eq!(project.recorder.published("second", "brand").unwrap(), project.truth());
    assert_eq!(project.api().requests().total(), calls, "delivered from the journal");
    assert_eq!(project.recorder.count("first open"), 1, "who has the list is left alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_list_never_takes_the_place_of_a_newer_one_of_its_date() {
    let project = one_account(five_pages());
    project.recorder.fail("second", "commit", broken());
    failed(&project.engine_run_with(TWO_SINKS).await, 1, "sink `second`: it is broken");
    let fresh =
        project.engine_run_file(&(project.file() + TWO_SINKS), RunOptions::default().with_fresh()).await.unwrap();
    published(&fresh.accounts[0]);
    let commits = project.recorder.count("second commit");
    let report = project.engine_run_with(TWO_SINKS).await;
    assert_eq!((report.verdict, &report.walk), (Verdict::AlreadyPublished, &fresh.accounts[0].walk));
    assert_eq!(project.recorder.count("second commit"), commits, "the first walk was delivered over the second");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_whose_sinks_only_wait_make_room_for_the_next_one() {
    const ACCOUNTS: usize = 4;
    let mut project = Project::builder().keys("limits.deliveries = 1").simulator(five_pages());
    for account in 0..ACCOUNTS {
        project = project.account(&format!("account{account}"), &format!("wx{account}"));
    }
    let project = project.build();
    // One list is delivered while it is read and one when it is complete, each in its slot. Every
    // sink waits until those of all lists were opened.
    let sinks = format!("{ONE_SINK}options.opened = {ACCOUNTS}\n");
    let report = project.engine_run_file(&(project.file() + &sinks), RunOptions::default()).await.unwrap();
    assert_eq!(project.recorder.count("kept open"), ACCOUNTS, "one has waited in vain, and was opened again");
    for account in 0..ACCOUNTS {
        published(&report.accounts[account]);
        let name = format!("account{account}");
        assert_eq!(project.recorder.published("kept", &name).unwrap(), project.truth_of(&format!("wx{account}")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_added_after_publishing_gets_the_list_without_a_call() {
    let project = one_account(five_pages());
    published(&project.engine_run_with("[sinks.first]\ntype = 'recorder'\n").await);
    let calls = project.api().requests().total();
    published(&project.engine_run_with(TWO_SINKS).await);
    assert_eq!(project.recorder.published("second", "brand").unwrap(), project.truth());
    assert_eq!(project.api().requests().total(), calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_an_earlier_day_is_delivered_first_to_a_sink_that_lacks_it() {
    let project = one_account(five_pages());
    project.recorder.fail("second", "commit", broken());
    failed(&project.engine_run_with(TWO_SINKS).await, 1, "sink `second`");
    project.api().begin_next_day();
    // Without that sink the earlier list is owed to no sink.
    published(&project.engine_run_with("[sinks.first]\ntype = 'recorder'\n").await);
    assert_eq!(project.recorder.count("first open"), 2);
    let calls = project.calls();
    let report = project.engine_run_file(&(project.file() + TWO_SINKS), RunOptions::default()).await.unwrap();
    report.accounts.iter().for_each(|account| assert_eq!(account.verdict, Verdict::Published, "{account:#?}"));
    let dates: Vec<_> = report.accounts.iter().map(|account| account.date.unwrap()).collect();
    assert_eq!(dates.len(), 2, "each list has a row of its own");
    assert!(dates[0] < dates[1], "{dates:?}");
    assert_eq!(project.recorder.count("second commit"), 1 + 2, "the earlier list, and then today's");
    assert_eq!(project.calls(), calls, "both from the journal");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_with_other_options_is_another_recipient() {
    let project = one_account(five_pages());
    published(&project.engine_run().await);
    let calls = project.api().requests().total();
    published(&project.engine_run_with(&format!("{ONE_SINK}options = {{ label = 'new' }}\n")).await);
    assert_eq!(project.recorder.count("kept commit"), 2);
    assert_eq!(project.api().requests().total(), calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_pipeline_shares_the_walk() {
    let project = one_account(five_pages());
    published(&project.engine_run().await);
    let calls = project.api().requests().total();
    let other = project.file().replace("name = 'test'", "name = 'other'");
    let report = project.engine_run_file(&(other + ONE_SINK), RunOptions::default()).await.unwrap();
    assert_eq!(report.accounts[0].verdict, Verdict::Published);
    assert_eq!(project.recorder.count("kept commit"), 2);
    assert_eq!(project.api().requests().total(), calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_app_id_under_an_old_name_is_another_list() {
    let project = one_account(five_pages().account("wx0000000000000002", 30));
    published(&project.engine_run().await);
    let changed = project.file().replace(APP_ID, "wx0000000000000002");
    let report = project.engine_run_file(&(changed + ONE_SINK), RunOptions::default()).await.unwrap();
    assert_eq!(published(&report.accounts[0]).rows, 30);
    let truth = project.truth_of("wx0000000000000002");
    assert_eq!(project.recorder.published("kept", "brand").unwrap(), truth);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_app_id_does_not_replace_the_files_of_another() {
    let project = one_account(five_pages());
    let sink = "[sinks.files]\ntype = 'ndjson'\noptions = { root = 'out' }\n";
    published(&project.engine_run_with(sink).await);
    let calls = project.api().requests().total();
    let changed = project.file().replace(APP_ID, "wx0000000000000002");
    let report = project.engine_run_file(&(changed + sink), RunOptions::default()).await.unwrap();
    failed(&report.accounts[0], 1, APP_ID);
    assert_eq!(project.api().requests().total(), calls, "found before the first call");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_fails_is_opened_once_more_while_the_walk_goes_on() {
    for event in ["open", "write", "prepare"] {
        let project = one_account(five_pages());
        project.recorder.fail("second", event, broken());
        published(&project.engine_run_with(TWO_SINKS).await);
        for sink in ["first", "second"] {
            assert_eq!(project.recorder.published(sink, "brand").unwrap(), project.truth(), "{sink} after {event}");
        }
        assert_eq!(project.calls(), 6, "{event}");
        assert_eq!((project.recorder.count("first open"), project.recorder.count("second open")), (1, 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_sink_that_fails_twice_fails_the_run_and_nothing_is_published() {
    let project = one_account(five_pages());
    project.recorder.fail("second", "write", broken());
    project.recorder.fail("second", "write", broken());
    let report = project.engine_run_with(TWO_SINKS).await;
    failed(&report, 1, "sink `second`: it is broken");
    assert_eq!(report.hint.as_deref(), Some("mend it"));
    assert_eq!(project.recorder.published("first", "brand"), None);
    assert_eq!((project.recorder.count("first abort"), project.recorder.count("second abort")), (1, 2));

    let calls = project.api().requests().total();
    published(&project.engine_run_with(TWO_SINKS).await);
    assert_eq!(project.api().requests().total(), calls, "the walk was kept");
    assert_eq!(project.recorder.published("first", "brand").unwrap(), project.truth());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_optional_sink_that_fails_is_named_and_the_others_publish() {
    let project = one_account(five_pages());
    let sinks = format!("{TWO_SINKS}required = false\n");
    project.recorder.fail("second", "prepare", broken());
    project.recorder.fail("second", "prepare", broken());
    let report = project.engine_run_with(&sinks).await;
    published(&report);
    assert!(matches!(&report.sinks[1].state, SinkState::Failed { error, .. } if error == "it is broken"));
    assert_eq!(project.recorder.published("first", "brand").unwrap(), project.truth());
    // The list is owed to it, and the next run delivers it.
    let calls = project.api().requests().total();
    published(&project.engine_run_with(&sinks).await);
    assert_eq!(project.recorder.published("second", "brand").unwrap(), project.truth());
    assert_eq!(project.api().requests().total(), calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_error_of_a_sink_is_tried_again_with_the_same_call() {
    for event in ["open", "write", "prepare", "commit"] {
        let project = one_account(five_pages());
        project.recorder.fail("kept", event, SinkError::temporary("not now"));
        published(&project.engine_run().await);
        assert_eq!(project.recorder.published("kept", "brand").unwrap(), project.truth(), "{event}");
        assert_eq!(project.recorder.count("kept abort"), 0, "{event}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_waits_for_completion_comes_after_all_that_stage() {
    let sinks = "[sinks.a]\ntype = 'recorder'\noptions = { when_complete = true }\n[sinks.b]\ntype = 'recorder'\n";
    let project = one_account(five_pages());
    published(&project.engine_run_with(sinks).await);
    let story = ["b open", "b prepare", "b commit", "a open", "a prepare", "a commit"];
    assert_eq!(project.recorder.story(), story);
    assert_eq!(project.recorder.published("a", "brand").unwrap(), project.truth());

    let project = one_account(five_pages());
    project.recorder.fail("b", "commit", broken());
    let report = project.engine_run_with(sinks).await;
    failed(&report, 1, "sink `b`");
    assert!(matches!(report.sinks[0].state, SinkState::NotReached));
    published(&project.engine_run_with(sinks).await);
    assert_eq!(project.recorder.published("a", "brand").unwrap(), project.truth());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_sink_has_taken_back_is_delivered_once_more_where_that_doubles_nothing() {
    for event in ["open", "write", "prepare", "commit"] {
        for (exactly_once, failures, exit, opened) in [(true, 1, 0, 2), (true, 2, 75, 2), (false, 1, 75, 1)] {
            let project = one_account(five_pages());
            for _ in 0..failures {
                project.recorder.fail("kept", event, SinkError::aborted("it is taken back"));
            }
            let options = format!("options = {{ when_complete = true, exactly_once = {exactly_once} }}\n");
            let report = project.engine_run_with(&format!("{ONE_SINK}{options}")).await;
            assert_eq!(report.exit.code(), exit, "{event}, {exactly_once}, {failures}");
            assert_eq!(project.recorder.count("kept open"), opened);
            assert_eq!(project.recorder.published("kept", "brand"), (exit == 0).then(|| project.truth()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_facts_of_a_list_are_reported_from_its_decision_on() {
    for (event, failures, is_decided) in [("prepare", 2, false), ("commit", 1, true)] {
        for when_complete in [false, true] {
            let project = one_account(five_pages());
            for _ in 0..failures {
                project.recorder.fail("kept", event, broken());
            }
            let report =
                project.engine_run_with(&format!("{ONE_SINK}options = {{ when_complete = {when_complete} }}\n")).await;
            failed(&report, 1, "sink `kept`: it is broken");
            // A sink that waits for the complete list always fails after the decision.
            let followers = (is_decided || when_complete).then_some(50);
            assert_eq!(report.snapshot.map(|snapshot| snapshot.rows), followers, "{event}, {when_complete}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_reports_another_number_of_rows_has_failed() {
    let project = one_account(five_pages());
    project.recorder.misreport();
    let report = project.engine_run().await;
    failed(&report, 1, "the sink says that it published 51 rows, and the list has 50");
    // It has no commit record: the next run delivers the list again.
    assert_eq!(project.engine_run().await.exit.code(), 1);
    assert_eq!(project.recorder.count("kept commit"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_receives_the_columns_that_it_asks_for() {
    let project = one_account(five_pages());
    published(&project.engine_run_with("[sinks.kept]\ntype = 'recorder'\ncolumns = ['page', 'openid']\n").await);
    assert_eq!(project.recorder.columns(), ["page", "openid"]);
    assert_eq!(project.recorder.published("kept", "brand").unwrap(), project.truth());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_sink_stops_the_source() {
    // Each holds pages: the sink one, its queue, the delivery one, the delivery's queue, and the
    // walk one that it has fetched and cannot hand on.
    const QUEUE: u64 = 3;
    const DELIVERY_QUEUE: u64 = 2;
    let expected = 1 + QUEUE + 1 + DELIVERY_QUEUE + 1;
    let project = one_account(Simulator::builder().followers(400).page_size(10));
    let gate = project.recorder.close_gate();
    let sinks = format!("{ONE_SINK}queue = {QUEUE}\n");
    let mut run = Box::pin(project.engine_run_with(&sinks));
    let all_calls = async {
        while project.calls() < expected {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Time for one more.
        tokio::time::sleep(Duration::from_millis(400)).await;
    };
    tokio::select! {
        report = &mut run => panic!("it ended: {report:#?}"),
        () = all_calls => {}
    }
    assert_eq!(project.calls(), expected);
    gate.add_permits(1_000);
    published(&run.await);
    assert_eq!(project.recorder.published("kept", "brand").unwrap(), project.truth());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_stopped_keeps_its_journal_and_the_next_one_goes_on() {
    // It is stopped while this call waits for its reply.
    const LAST_CALL: u64 = 3;
    let stall = Fault::new(Endpoint::UserGet, When::Call(LAST_CALL), Effect::Stall);
    let mut project = one_account(five_pages().fault(stall));
    let stop = project.stop.clone();
    let report = {
        let run = project.engine_run();
        let stopper = async {
            while project.calls() < LAST_CALL {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            stop.cancel();
        };
        tokio::join!(run, stopper).0
    };
    assert_eq!((report.verdict, report.exit.code()), (Verdict::Interrupted, 130));
    assert_eq!(project.calls(), LAST_CALL);
    project.stop = CancellationToken::new();
    published(&project.engine_run().await);
    assert_eq!(project.recorder.published("kept", "brand").unwrap(), project.truth());
    assert!(project.calls() <= 6 + 2, "the page in flight and the boundary page");
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_run_beside_each_other_and_the_worst_decides() {
    let wrong = Fault::new(Endpoint::UserGet, When::Always, Effect::errcode(48001)).account("wx3");
    let project = one_account(five_pages().account("wx2", 35).fault(wrong));
    let more = "[[accounts]]\nname = 'b'\napp_id = 'wx2'\nsecret = { env = 'TEST_SECRET' }\n\
                [[accounts]]\nname = 'c'\napp_id = 'wx3'\nsecret = { env = 'TEST_SECRET' }\n";
    let report = project.engine_run_file(&(project.file() + more + ONE_SINK), RunOptions::default()).await.unwrap();
    assert_eq!(report.exit.code(), 1);
    published(&report.accounts[0]);
    assert_eq!(published(&report.accounts[1]).rows, 35);
    failed(&report.accounts[2], 1, "48001");
    assert_eq!(project.recorder.published("kept", "b").unwrap(), project.truth_of("wx2"));
    assert_eq!(project.recorder.published("kept", "c"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_runs_at_once_the_second_is_told_to_wait() {
    let project = one_account(five_pages().latency(Duration::from_millis(500)));
    let (one, other) = tokio::join!(project.engine_run(), project.engine_run());
    let (done, told) = if one.exit.code() == 0 { (one, other) } else { (other, one) };
    published(&done);
    failed(&told, 75, "in use by another run");
    assert_eq!(project.calls(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_not_what_was_decided_is_not_delivered() {
    let project = one_account(five_pages());
    project.recorder.fail("kept", "commit", broken());
    failed(&project.engine_run().await, 1, "broken");
    let decision = project.files().into_iter().find(|path| path.ends_with("decision.json")).unwrap();
    forge(&decision, |text| {
        let digest = text.split("\"digest\": \"").nth(1).unwrap().split('"').next().unwrap();
        text.replace(digest, &"0".repeat(64))
    });
    failed(&project.engine_run().await, 1, "not the one that was decided on");
    assert_eq!(project.recorder.published("kept", "brand"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_an_older_version_has_decided_with_sha_256_is_delivered() {
    let project = one_account(five_pages());
    project.recorder.fail("kept", "commit", broken());
    failed(&project.engine_run().await, 1, "broken");
    let truth = project.truth();
    let content: Vec<u8> =
        truth.iter().flat_map(|id| [&(id.len() as u32).to_le_bytes(), id.as_bytes()].concat()).collect();
    let old = format!("sha256:{}", sha256(&content));
    let decision = project.files().into_iter().find(|path| path.ends_with("decision.json")).unwrap();
    forge(&decision, |text| {
        let new = text.split("\"digest\": \"").nth(1).unwrap().split('"').next().unwrap();
        assert!(new.starts_with("blake3:"), "{new}");
        text.replace(new, &old)
    });
    let report = project.engine_run().await;
    assert_eq!(report.snapshot.as_ref().unwrap().digest, old);
    assert_eq!(project.recorder.published("kept", "brand"), Some(truth));
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_that_cannot_suffice_is_found_before_the_first_call() {
    let project = one_account(five_pages());
    let text = project.file() + "[limits]\nmemory = '10 MiB'\n" + ONE_SINK;
    let error = project.engine_run_file(&text, RunOptions::default()).await.unwrap_err();
    assert_eq!(error.exit().code(), 2);
    assert!(error.to_string().contains("`limits.memory`: found 10 MiB"), "{error}");
    assert_eq!(project.api().requests().total(), 0);
}
