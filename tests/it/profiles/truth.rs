//! What is published equals what is true, whatever WeChat answers first.

use fanout::report::Verdict;
use fanout::simulator::{Flaw, Move, Oddity, Who};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn every_follower_has_one_row_that_says_what_is_true() {
    // One, the last of a batch, the first of the next, and several pages.
    for count in [1, 2, 98, 99, 100, 101, 198, 199, 2_345] {
        let project = project(followers(count), LINES);
        let report = run(&project).await;
        let row = good(&report);
        assert_eq!((row.verdict, row.pages), (Verdict::Published, batches(count)), "{count}");
        assert_eq!(row.snapshot.as_ref().unwrap().rows, count);
        are_true(&project, APP_ID, &published(&project, "brand"));
        // The last follower of all stands in no other batch, so they are asked about once more.
        assert_eq!(calls(&project), (batches(count), 1), "{count}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_followers_has_an_empty_list_of_profiles() {
    let project = project(followers(0), LINES);
    let report = run(&project).await;
    assert_eq!(good(&report).snapshot.as_ref().unwrap().rows, 0);
    assert_eq!(calls(&project), (0, 0));
    assert_eq!(good(&run(&project).await).verdict, Verdict::AlreadyPublished);
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_answers_are_asked_again_and_the_truth_is_published_and_counted() {
    let flaws = [
        (Who::Index(5), Oddity::Refused { alone: false }),
        (Who::Index(150), Oddity::Refused { alone: true }),
        (Who::Indices(vec![200, 201]), Oddity::Left),
        (Who::Index(300), Oddity::FalselyLeft { answers: 1 }),
        (Who::Index(400), Oddity::FalselyLeftInBatches),
        (Who::Index(500), Oddity::Missing { alone: false }),
        (Who::Index(600), Oddity::Doubled),
        (Who::Index(700), Oddity::MovesUnionids(Move::Up)),
        (Who::Index(850), Oddity::MovesUnionids(Move::Down)),
        (Who::Index(900), Oddity::NoUnionidInBatches),
        (Who::Index(901), Oddity::NoUnionid),
        (Who::Index(1_000), Oddity::Unreadable { alone: true }),
    ];
    let flaws = flaws.into_iter().map(|(who, oddity)| Flaw::new(who, oddity));
    let simulator = flaws.fold(followers(1_234), SimulatorBuilder::flaw);
    let keys = format!("profiles.max_refused_percent = 1\n{QUICK}");
    let project = Project::builder().keys(&keys).account("brand", APP_ID).sinks(LINES).simulator(simulator).build();
    let report = run(&project).await;
    let proof = &good(&report).snapshot.as_ref().unwrap().proof;
    are_true(&project, APP_ID, &published(&project, "brand"));
    let outcomes = serde_json::json!({ "follows": 1_230, "left": 2, "refused": 1, "unreadable": 1, "conflict": 0 });
    assert_eq!(proof["outcomes"], outcomes);
    assert_eq!(proof["without_unionid"], 1);
    assert_eq!(proof["batches"], batches(1_234));
    assert!(proof["shifts"].as_u64() > Some(0), "{proof:?}");
    let (of_batches, singles) = calls(&project);
    assert_eq!(proof["replies"], of_batches + singles);
    assert_eq!(proof["asked_alone"], singles);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_which_too_many_are_refused_is_given_up_and_the_next_run_begins_anew() {
    let flaw = Flaw::new(Who::Indices((100..110).collect()), Oddity::Refused { alone: true });
    let project = project(followers(1_000).flaw(flaw), LINES);
    let report = run(&project).await;
    let row = of_list(&report, "profiles")[0];
    assert_eq!((row.verdict, row.exit.code(), row.snapshot.is_none()), (Verdict::Failed, 1, true), "{row:#?}");
    assert!(row.hint.as_deref().unwrap().contains("`profiles.max_refused_percent`"), "{row:#?}");
    assert!(published(&project, "brand").is_empty());

    project.api().clear_flaws();
    let report = run(&project).await;
    let second = good(&report);
    assert_ne!(second.walk, row.walk);
    are_true(&project, APP_ID, &published(&project, "brand"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_bound_to_no_platform_has_profiles_without_unionids() {
    let project = project(followers(250).binding(None), LINES);
    let report = run(&project).await;
    assert_eq!(good(&report).snapshot.as_ref().unwrap().proof["without_unionid"], 250);
    are_true(&project, APP_ID, &published(&project, "brand"));
}
