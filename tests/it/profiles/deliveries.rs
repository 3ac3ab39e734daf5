//! Sinks of profiles: those that fail, those that are added later, and that all are given the same.

use fanout::report::{SinkState, Verdict};
use fanout::simulator::{Flaw, Oddity, Who};
use fanout_sink::SinkError;

use super::*;

const LATER: &str = "[sinks.later]\ntype = 'ndjson'\nlist = 'profiles'\noptions.root = 'out/later'";

fn odd(count: u64) -> SimulatorBuilder {
    let odd = Flaw::new(Who::Share { share: 0.01, seed: 3 }, Oddity::FalselyLeftInBatches);
    followers(count).flaw(odd)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_is_added_later_is_given_the_same_rows_without_a_call() {
    // More rows than one batch of a delivery has.
    let project = project(odd(6_000), LINES);
    let first = run(&project).await;
    let digest = good(&first).snapshot.as_ref().unwrap().digest.clone();
    let requests = project.api().requests();
    let with_both = project.file() + LATER;
    let replayed = project.engine_replay(&with_both, &[], RunOptions::default()).await.unwrap();
    assert_eq!(good(&replayed).verdict, Verdict::Published);
    assert_eq!(good(&replayed).snapshot.as_ref().unwrap().digest, digest);
    assert_eq!(project.api().requests(), requests, "not even a token");
    let rows = published(&project, "brand");
    are_true(&project, APP_ID, &rows);
    assert_eq!(rows_below(&project, "out/later", "brand"), rows);
    let again = project.engine_replay(&with_both, &[], RunOptions::default()).await.unwrap();
    assert_eq!(good(&again).verdict, Verdict::AlreadyPublished);
}

#[tokio::test(flavor = "multi_thread")]
async fn how_batches_are_verified_later_does_not_change_a_list_that_is_decided() {
    let project = project(odd(600), LINES);
    run(&project).await;
    let twice = format!("profiles.verify = 'twice'\n{}{LATER}", project.file());
    let report = project.engine_run_file(&twice, RunOptions::default()).await.unwrap();
    assert_eq!(good(&report).verdict, Verdict::Published, "to the sink that was added");
    assert_eq!(rows_below(&project, "out/later", "brand"), published(&project, "brand"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_fails_gets_the_list_in_the_next_run_without_a_call() {
    let project = project(odd(600), &format!("{LINES}\n{KEPT}"));
    project.recorder.fail("kept", "commit", SinkError::permanent("it is broken"));
    let report = run(&project).await;
    let row = of_list(&report, "profiles")[0];
    assert_eq!((row.exit.code(), row.error.as_deref()), (1, Some("sink `kept`: it is broken")));
    let decided = row.snapshot.clone().expect("the list is complete and decided, whatever a sink does then");
    let requests = project.api().requests();
    let report = run(&project).await;
    let row = good(&report);
    assert_eq!(row.snapshot.as_ref(), Some(&decided));
    let [kept, lines] = [&row.sinks[0], &row.sinks[1]];
    assert!(kept.sink == "kept" && matches!(kept.state, SinkState::Published(_)), "{row:#?}");
    assert!(lines.sink == "lines" && matches!(lines.state, SinkState::AlreadyPublished(_)), "{row:#?}");
    assert_eq!(project.recorder.published("kept", "brand").unwrap(), project.truth());
    assert_eq!(project.api().requests(), requests, "not even a token");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_sink_that_fails_before_the_decision_publishes_nothing_and_costs_no_profile_again() {
    let project = project(odd(600), &format!("{LINES}\n{KEPT}"));
    for _ in 0..2 {
        project.recorder.fail("kept", "prepare", SinkError::permanent("it is broken"));
    }
    let report = run(&project).await;
    let row = of_list(&report, "profiles")[0];
    assert_eq!((row.exit.code(), row.snapshot.is_none()), (1, true), "{row:#?}");
    assert!(published(&project, "brand").is_empty());
    let before = calls(&project);
    let report = run(&project).await;
    assert_eq!(good(&report).verdict, Verdict::Published);
    assert_eq!(calls(&project), before, "the walk was complete");
    are_true(&project, APP_ID, &published(&project, "brand"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_was_removed_is_delivered_again_as_it_was() {
    let project = project(odd(600), LINES);
    run(&project).await;
    let rows = published(&project, "brand");
    std::fs::remove_dir_all(project.path("out")).unwrap();
    let report = run(&project).await;
    assert_eq!(good(&report).verdict, Verdict::Published);
    assert_eq!(published(&project, "brand"), rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_followers_on_which_a_list_rests_are_kept_as_long_as_the_list() {
    let keys = format!("journal.keep = 1\n{QUICK}");
    let project = Project::builder().keys(&keys).account("brand", APP_ID).sinks(LINES).simulator(odd(300)).build();
    run(&project).await;
    // Three newer lists of followers, each of which would push the first out.
    let only_followers = format!("name = 'test'\n{keys}\n{}", file_of(&project, FOLLOWERS));
    for _ in 0..3 {
        let report = project.engine_run_file(&only_followers, RunOptions::default().with_fresh()).await.unwrap();
        assert_eq!(report.exit.code(), 0, "{report:#?}");
    }
    let report = project.engine_replay(&(project.file() + LATER), &[], RunOptions::default()).await.unwrap();
    assert_eq!(good(&report).verdict, Verdict::Published);
    assert_eq!(rows_below(&project, "out/later", "brand"), published(&project, "brand"));
}

/// Returns the accounts of the project's file with other sinks.
fn file_of(project: &Project, sinks: &str) -> String {
    let file = project.file();
    let (start, end) = (file.find("[[accounts]]").unwrap(), file.find("[sinks").unwrap());
    format!("{}\n{sinks}", &file[start..end])
}
