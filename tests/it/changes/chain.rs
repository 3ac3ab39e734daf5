//! The chain: which lists are compared, and what each night rests on.

use serde_json::json;

use super::*;

/// Returns the names of the walks in the state of a list.
fn walks(project: &Project, list: &str) -> Vec<String> {
    // The state of the runs in this process lies beside their file.
    let found = project.files().into_iter().filter_map(|path| {
        let text = path.to_string_lossy().into_owned();
        let (_, below) = text.split_once(&format!("{APP_ID}/{list}/"))?;
        Some(below.split('/').next()?.to_owned())
    });
    found.collect::<BTreeSet<_>>().into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missed_night_makes_one_longer_list_of_changes() {
    let project = project(followers(1_000), LINES);
    run_at(&project, 0).await;
    happen(&project, [Event::follow([2_000], before(1)), Event::leave([5])]);
    happen(&project, [Event::follow([2_001], before(2)), Event::leave([6])]);
    let report = run_at(&project, 2).await;
    good(&report, 2);
    let expected = each("followed", [2_000, 2_001]).into_iter().chain(each("unfollowed", [5, 6]));
    assert_eq!(told(&project, "lines", 2), expected.collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_list_of_a_day_makes_no_second_changes() {
    let ids = "[sinks.ids]\ntype = 'ndjson'\noptions.root = 'out/ids'\n";
    let project = project(followers(1_000), &format!("{LINES}{ids}"));
    run_at(&project, 0).await;
    happen(&project, [Event::follow([2_000], before(1))]);
    good(&run_at(&project, 1).await, 1);
    happen(&project, [Event::leave([5])]);
    let fresh = RunOptions::default().with_fresh();
    let report = run_with(&project, 1, &project.file(), fresh).await;
    assert_eq!(report.exit.code(), 0, "{report:#?}");
    assert_eq!(verdicts(&report), [(NIGHTS[1].to_owned(), Verdict::AlreadyPublished)]);
    assert_eq!(walks(&project, "followers").len(), 3, "the followers were read again");
    assert_eq!(told(&project, "lines", 1), each("followed", [2_000]));
    good(&run_at(&project, 2).await, 2);
    assert_eq!(told(&project, "lines", 2), each("unfollowed", [5]), "from the list of the last changes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_were_removed_are_delivered_again_as_they_were() {
    let project = project(followers(1_000), LINES);
    run_at(&project, 0).await;
    happen(&project, [Event::follow([2_000], before(1)), Event::leave([5])]);
    run_at(&project, 1).await;
    let (rows, asked) = (rows_of(&project, "lines", 1), calls(&project));
    std::fs::remove_dir_all(project.path("out")).unwrap();
    let report = run_at(&project, 1).await;
    assert_eq!(good(&report, 1).verdict, Verdict::Published);
    assert_eq!((rows_of(&project, "lines", 1), calls(&project)), (rows, asked));
    assert_eq!(verdicts(&run_at(&project, 1).await), [(NIGHTS[1].to_owned(), Verdict::AlreadyPublished)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_at_which_the_next_changes_begin_is_kept_whatever_else_is_pruned() {
    let keys = "[journal]\nkeep = 1";
    let project = project_with(followers(1_000), LINES, keys);
    run_at(&project, 0).await;
    happen(&project, [Event::leave([5])]);
    run_at(&project, 1).await;
    // Newer lists of the day push the end of the chain out, but for its pin.
    let ids = project.file().replace("'changes'", "'followers'").replace("out/lines", "out/ids");
    for _ in 0..3 {
        let report = run_with(&project, 1, &ids, RunOptions::default().with_fresh()).await;
        assert_eq!(report.exit.code(), 0, "{report:#?}");
    }
    happen(&project, [Event::leave([6])]);
    good(&run_at(&project, 2).await, 2);
    assert_eq!(told(&project, "lines", 2), each("unfollowed", [6]));
    for night in 3..6 {
        good(&run_at(&project, night).await, night);
    }
    let report = run_with(&project, 5, &ids, RunOptions::default().with_fresh()).await;
    assert_eq!(report.exit.code(), 0, "{report:#?}");
    assert_eq!(walks(&project, "changes").len(), 1);
    let followers = walks(&project, "followers");
    assert_eq!(followers.len(), 2, "the newest, and the end of the chain: {followers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_list_of_the_last_changes_a_person_must_let_the_chain_begin_anew() {
    let project = project(followers(1_000), &format!("{LINES}{WHOLE}"));
    run_at(&project, 0).await;
    let [state] = &project.files().into_iter().filter(|path| path.ends_with("decision.json")).fold(
        Vec::new(),
        |mut found: Vec<std::path::PathBuf>, path| {
            if path.to_string_lossy().contains(&format!("{APP_ID}/followers/")) {
                found.push(path.parent().unwrap().to_owned());
            }
            found
        },
    )[..] else {
        panic!("one list of followers")
    };
    std::fs::remove_dir_all(state).unwrap();
    happen(&project, [Event::leave([5])]);
    let report = run_at(&project, 1).await;
    let row = of_changes(&report)[0];
    assert_eq!((report.exit.code(), row.snapshot.is_none()), (1, true), "{report:#?}");
    assert!(row.error.as_deref().unwrap().ends_with("is no longer there"), "{row:#?}");
    assert!(row.hint.as_deref().unwrap().contains("--accept-change"), "{row:#?}");
    let accepts = RunOptions::default().with_accepted_change();
    let report = run_with(&project, 1, &project.file(), accepts).await;
    assert_eq!(good(&report, 1).snapshot.as_ref().unwrap().rows, 999);
    assert!(rows_of(&project, "lines", 1).is_empty());
    let everybody = each("baseline", (0..1_000).filter(|person| *person != 5));
    assert_eq!(told(&project, "whole", 1), everybody);
    happen(&project, [Event::leave([6])]);
    good(&run_at(&project, 2).await, 2);
    assert_eq!(told(&project, "lines", 2), each("unfollowed", [6]));
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_damaged_end_a_person_may_let_the_chain_begin_anew() {
    for list in ["followers", "changes"] {
        let project = project(followers(1_000), &format!("{LINES}{WHOLE}"));
        run_at(&project, 0).await;
        happen(&project, [Event::leave([4])]);
        run_at(&project, 1).await;
        let newest = walks(&project, list).pop().unwrap();
        let is_it = |path: &std::path::PathBuf| path.ends_with(format!("{APP_ID}/{list}/{newest}/pages"));
        let pages = project.files().into_iter().find(is_it).unwrap();
        let whole = std::fs::read(&pages).unwrap();
        let mut damaged = whole.clone();
        damaged[whole.len() * 3 / 4] ^= 1;
        std::fs::write(&pages, damaged).unwrap();
        happen(&project, [Event::leave([5])]);
        for _ in 0..2 {
            let report = run_at(&project, 2).await;
            let row = of_changes(&report)[0];
            assert_eq!((report.exit.code(), row.snapshot.is_none()), (1, true), "{list}: {report:#?}");
            let error = row.error.as_deref().unwrap();
            assert!(error.starts_with("the changes cannot go on from walk "), "{list}: {row:#?}");
            assert!(error.contains(" is damaged: "), "{list}: {row:#?}");
            assert!(row.hint.as_deref().unwrap().contains("--accept-change"), "{list}: {row:#?}");
        }
        let accepts = RunOptions::default().with_accepted_change();
        let report = run_with(&project, 2, &project.file(), accepts).await;
        assert_eq!(good(&report, 2).snapshot.as_ref().unwrap().rows, 998, "{list}");
        assert_eq!(told(&project, "whole", 2), each("baseline", (0..1_000).filter(|person| ![4, 5].contains(person))));
        assert!(rows_of(&project, "lines", 2).is_empty(), "{list}");
        happen(&project, [Event::leave([6])]);
        good(&run_at(&project, 3).await, 3);
        for sink in ["lines", "whole"] {
            assert_eq!(told(&project, sink, 3), each("unfollowed", [6]), "{list}: {sink}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_followers_of_a_date_its_changes_fail_and_name_them() {
    let short = fanout::simulator::Fault::new(
        Endpoint::UserGet,
        fanout::simulator::When::Always,
        fanout::simulator::Effect::errcode(48001),
    );
    let project = project(followers(1_000).fault(short), LINES);
    let report = run_at(&project, 0).await;
    let row = of_changes(&report)[0];
    let error = row.error.as_deref().unwrap();
    assert_eq!(
        (error, row.exit.code()),
        ("there is no complete list `followers` of 2026-01-10, on which this one rests", 1)
    );
    assert_eq!(json!(row.walk), Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn fresh_begins_the_changes_under_way_anew_and_skips_no_night() {
    let kept = KEPT.replace("required = false\n", "");
    let project = project(followers(1_000), &format!("{LINES}{kept}"));
    run_at(&project, 0).await;
    happen(&project, [Event::leave([5])]);
    for _ in 0..2 {
        project.recorder.fail("kept", "prepare", fanout_sink::SinkError::permanent("it is down"));
    }
    let report = run_at(&project, 1).await;
    let open = of_changes(&report)[0].walk;
    assert_eq!((report.exit.code(), open.is_some()), (1, true), "{report:#?}");
    happen(&project, [Event::leave([6])]);
    let report = run_with(&project, 2, &project.file(), RunOptions::default().with_fresh()).await;
    assert_ne!(good(&report, 2).walk, open);
    assert_eq!(told(&project, "lines", 2), each("unfollowed", [5, 6]));
    happen(&project, [Event::leave([7])]);
    good(&run_at(&project, 3).await, 3);
    assert_eq!(told(&project, "lines", 3), each("unfollowed", [7]), "what was under way is not told after all");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_date_before_the_end_of_the_chain_has_the_changes_that_were_told_or_none() {
    let project = project(followers(1_000), LINES);
    for night in [0, 1, 3] {
        run_at(&project, night).await;
    }
    let at = |night: usize| RunOptions::default().with_date(NIGHTS[night].parse().unwrap());
    let report = run_with(&project, 3, &project.file(), at(1)).await;
    assert_eq!(verdicts(&report), [(NIGHTS[1].to_owned(), Verdict::AlreadyPublished)]);
    // A night job's label of yesterday, after today's changes.
    let report = run_with(&project, 3, &project.file(), at(2)).await;
    let error = of_changes(&report)[0].error.as_deref().unwrap();
    assert_eq!(
        (error, report.exit.code()),
        ("no changes of 2026-01-12 can be told any more: those of 2026-01-13 are, and they go on from there", 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sinks_of_each_pipeline_have_a_chain_of_their_own() {
    let project = project(followers(1_000), LINES);
    let other = project.file().replace("name = 'test'", "name = 'other'").replace("out/lines", "out/other");
    run_at(&project, 0).await;
    good(&run_with(&project, 0, &other, RunOptions::default()).await, 0);
    happen(&project, [Event::leave([5])]);
    // Whichever comes first reads the followers for both.
    good(&run_with(&project, 1, &other, RunOptions::default()).await, 1);
    good(&run_at(&project, 1).await, 1);
    assert_eq!(walks(&project, "followers").len(), 2);
    for sink in ["lines", "other"] {
        assert_eq!(told(&project, sink, 1), each("unfollowed", [5]), "{sink}");
    }
}
