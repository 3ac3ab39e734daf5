//! Which lists are read, in which order, and what happens to one whose input fails.

use fanout::report::Verdict;
use fanout::simulator::{Effect, Fault, When};
use fanout_sink::SinkError;

use super::*;
use crate::support::{Ended, while_halted};

const SECOND: &str = "wx0000000000000002";

fn two_accounts(simulator: SimulatorBuilder, keys: &str, sinks: &str) -> Project {
    let keys = format!("{keys}\n{QUICK}");
    let builder = Project::builder().keys(&keys).account("brand", APP_ID).account("shop", SECOND);
    builder.sinks(sinks).simulator(simulator).build()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_published_is_neither_read_again_nor_are_the_followers_that_no_sink_takes() {
    let project = project(followers(250), LINES);
    let first = run(&project).await;
    assert_eq!(first.accounts.iter().map(|row| row.list.as_str()).collect::<Vec<_>>(), ["followers", "profiles"]);
    let requests = project.api().requests();
    let second = run(&project).await;
    assert_eq!(good(&second).verdict, Verdict::AlreadyPublished);
    assert_eq!(second.accounts.len(), 1, "the followers need not be read: {second:#?}");
    assert_eq!(project.api().requests(), requests, "not even a token");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_followers_of_all_accounts_come_before_the_first_profile() {
    let project = two_accounts(followers(250), "limits.accounts = 1", LINES);
    let report = run(&project).await;
    assert_eq!(report.exit.code(), 0, "{report:#?}");
    let is_page = |call: &fanout::simulator::Call| call.endpoint == Endpoint::UserGet;
    let calls: Vec<_> = project.api().log().into_iter().filter(|call| is_page(call) || call.people > 0).collect();
    let last_page = calls.iter().rposition(is_page).unwrap();
    let first_batch = calls.iter().position(|call| call.endpoint == Endpoint::BatchGet).unwrap();
    assert!(last_page < first_batch, "{calls:?}");
    for (account, app_id) in [("brand", APP_ID), ("shop", SECOND)] {
        are_true(&project, app_id, &published(&project, account));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles_of_followers_that_cannot_be_read_fail_and_those_of_another_account_do_not() {
    let unauthorized = Effect::errcode(48001);
    let fault = Fault::new(Endpoint::UserGet, When::Always, unauthorized).account(APP_ID);
    let project = two_accounts(followers(250).fault(fault), "", &format!("{LINES}\n{FOLLOWERS}"));
    let report = run(&project).await;
    assert_eq!(report.exit.code(), 1, "{report:#?}");
    let rows = of_list(&report, "profiles");
    let error = rows[0].error.as_deref().unwrap();
    assert!(error.starts_with("there is no complete list `followers` of "), "{error}");
    assert_eq!((rows[0].exit.code(), rows[1].verdict), (1, Verdict::Published), "{report:#?}");
    assert_eq!(calls(&project), (0, 0));
    are_true(&project, SECOND, &published(&project, "shop"));
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles_are_read_if_only_a_sink_of_the_followers_has_failed() {
    let kept = "[sinks.kept]\ntype = 'recorder'";
    let project = project(followers(250), &format!("{LINES}\n{kept}"));
    project.recorder.fail("kept", "commit", SinkError::permanent("it is broken"));
    let report = run(&project).await;
    assert_eq!(report.exit.code(), 1);
    assert_eq!(of_list(&report, "profiles")[0].verdict, Verdict::Published, "{report:#?}");
    are_true(&project, APP_ID, &published(&project, "brand"));
}

#[test]
fn a_list_is_selected_with_what_it_rests_on_only_if_that_is_needed() {
    let project = project(followers(250), &format!("{LINES}\n{FOLLOWERS}"));
    project.finish(&["--list", "followers"]);
    assert_eq!((project.calls(), calls(&project)), (2, (0, 0)));
    project.finish(&["--list", "profiles"]);
    assert_eq!((project.calls(), calls(&project)), (2, (batches(250), 1)));
    are_true(&project, APP_ID, &published(&project, "brand"));
    // A new walk of profiles, over the same followers.
    let fresh = project.finish(&["--list", "profiles", "--fresh"]);
    assert_eq!((project.calls(), calls(&project)), (2, (2 * batches(250), 2)), "{fresh:?}");

    let other = project.without_state();
    other.finish(&["--list", "profiles"]);
    assert_eq!(project.calls(), 4, "nothing of the followers is in the state");
    assert!(rows_below(&other, "out/ids", "brand").is_empty(), "the sink of the other list was given it");
    are_true(&project, APP_ID, &published(&other, "brand"));
}

#[test]
fn profiles_under_way_keep_nobody_waiting_but_another_run_of_profiles() {
    let slow = followers(2_000).latency(std::time::Duration::from_millis(50));
    let project = project(slow, &format!("{LINES}\n{FOLLOWERS}"));
    let mut first = project.start(&[]);
    while calls(&project).0 < 2 {
        assert!(first.try_wait().unwrap().is_none(), "it has ended before it asked for profiles");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    while_halted(&first, || {
        let followers = project.run(&["--list", "followers", "--fresh"]);
        assert_eq!(followers.code, Some(0), "{followers:?}");
        let elsewhere = ["--set", "name=another", "--set", "sinks.ids.options.root=out/another"];
        let of_another = project.run(&[&["--list", "followers"], &elsewhere[..]].concat());
        assert_eq!(of_another.code, Some(0), "{of_another:?}");
        let profiles = project.run(&["--list", "profiles"]);
        assert_eq!(profiles.code, Some(75), "{profiles:?}");
        assert!(profiles.stderr.contains("list `profiles` of app id"), "{profiles:?}");
    });
    assert_eq!(Ended::after(first).code, Some(0));
    are_true(&project, APP_ID, &published(&project, "brand"));
}
