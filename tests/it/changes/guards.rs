//! What a person must look at before changes are told.

use fanout::simulator::{Effect, Fault, When};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn too_many_changes_stop_with_the_numbers_until_a_person_lets_them_pass() {
    let project = project(followers(1_000), LINES);
    run_at(&project, 0).await;
    happen(&project, [Event::leave(0..40), Event::follow(2_000..2_011, before(1))]);
    let report = run_at(&project, 1).await;
    let row = of_changes(&report)[0];
    assert_eq!((report.exit.code(), row.walk.is_none()), (1, true), "{report:#?}");
    let error = row.error.as_deref().unwrap();
    assert!(error.starts_with("11 new and 40 missing followers are 5.10 % of 1000"), "{error}");
    assert!(row.hint.as_deref().unwrap().contains("--accept-change"), "{row:#?}");
    assert_eq!(calls(&project), 0, "nothing was asked before");
    let accepts = RunOptions::default().with_accepted_change();
    let report = run_with(&project, 1, &project.file(), accepts).await;
    good(&report, 1);
    assert_eq!(told(&project, "lines", 1).len(), 51);
    // The next night is measured again.
    happen(&project, [Event::leave(100..160)]);
    assert_eq!(run_at(&project, 2).await.exit.code(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_token_of_another_account_nothing_is_told() {
    let refused = |endpoint| Fault::new(endpoint, When::Always, Effect::errcode(40003));
    let simulator = followers(3_000).fault(refused(Endpoint::BatchGet)).fault(refused(Endpoint::UserInfo));
    let project = project(simulator, LINES);
    run_at(&project, 0).await;
    happen(&project, [Event::leave(0..120)]);
    let report = run_at(&project, 1).await;
    let row = of_changes(&report)[0];
    assert_eq!((report.exit.code(), row.snapshot.is_none()), (1, true), "{report:#?}");
    assert!(row.error.as_deref().unwrap().contains("none of the 3 followers whom both lists have"), "{row:#?}");
    assert!(calls(&project) < 20, "a few calls tell it: {}", calls(&project));
    assert!(rows_of(&project, "lines", 1).is_empty());
    // It was given up, and the next run begins anew.
    let report = run_at(&project, 1).await;
    assert_ne!(of_changes(&report)[0].walk, row.walk, "{report:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_another_account_is_not_compared_until_a_person_lets_it_pass() {
    // Of the second night's two calls the first has all followers.
    let other = Fault::new(Endpoint::UserGet, When::Calls(3..=3), Effect::OtherAccount);
    let project = project(followers(300).fault(other), LINES);
    run_at(&project, 0).await;
    assert_eq!(project.calls(), 2);
    let report = run_at(&project, 1).await;
    let row = of_changes(&report)[0];
    assert_eq!((report.exit.code(), row.walk.is_none()), (1, true), "{report:#?}");
    assert!(row.error.as_deref().unwrap().ends_with("these are two accounts"), "{row:#?}");
    assert!(row.hint.as_deref().unwrap().contains("--accept-change"), "{row:#?}");
}
