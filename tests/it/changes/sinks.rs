//! Which sink is told which changes: late ones, those that were down, and replays.

use fanout::report::SinkState;
use fanout_sink::SinkError;

use super::*;

const LATER: &str = "[sinks.later]\ntype = 'ndjson'\nlist = 'changes'\noptions.root = 'out/later'\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_asks_for_everybody_is_given_the_first_list() {
    let project = project(followers(1_000), &format!("{LINES}{WHOLE}"));
    let report = run_at(&project, 0).await;
    assert_eq!(good(&report, 0).snapshot.as_ref().unwrap().rows, 1_000);
    assert_eq!(told(&project, "whole", 0), each("baseline", 0..1_000));
    assert!(rows_of(&project, "lines", 0).is_empty());
    let states: Vec<&SinkState> = good(&report, 0).sinks.iter().map(|sink| &sink.state).collect();
    assert!(matches!(states[..], [SinkState::NotDue, SinkState::Published(_)]), "{states:?}");
    happen(&project, [Event::leave([5])]);
    good(&run_at(&project, 1).await, 1);
    for sink in ["lines", "whole"] {
        assert_eq!(told(&project, sink, 1), each("unfollowed", [5]), "{sink}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_is_added_begins_with_everybody_or_with_the_next_changes() {
    let project = project(followers(1_000), LINES);
    run_at(&project, 0).await;
    happen(&project, [Event::hide([9]), Event::leave([5])]);
    run_at(&project, 1).await;
    happen(&project, [Event::leave([6, 9])]);
    let all = format!("{}{WHOLE}{LATER}", project.file());
    let report = run_with(&project, 2, &all, RunOptions::default()).await;
    assert_eq!(report.exit.code(), 0, "{report:#?}");
    let both = [1, 2].map(|night| (NIGHTS[night].to_owned(), Verdict::Published));
    assert_eq!(verdicts(&report), both);
    // The hole of that list is told among them.
    assert_eq!(told(&project, "whole", 1), each("baseline", (0..1_000).filter(|person| *person != 5)));
    assert!(rows_of(&project, "later", 1).is_empty());
    for sink in ["lines", "whole", "later"] {
        assert_eq!(told(&project, sink, 2), each("unfollowed", [6, 9]), "{sink}");
    }
    // Nobody is late any more.
    happen(&project, [Event::leave([7])]);
    good(&run_with(&project, 3, &all, RunOptions::default()).await, 3);
    assert_eq!(told(&project, "whole", 3), each("unfollowed", [7]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_is_told_everybody_anew_by_fresh_is_told_the_changes_of_that_night_as_well() {
    let project = project(followers(1_000), LINES);
    run_at(&project, 0).await;
    let all = format!("{}{}baseline = true\n", project.file(), KEPT.replace("required = false\n", ""));
    for _ in 0..2 {
        project.recorder.fail("kept", "prepare", SinkError::permanent("it is down"));
    }
    happen(&project, [Event::leave([5])]);
    let report = run_with(&project, 1, &all, RunOptions::default()).await;
    assert_eq!((report.exit.code(), of_changes(&report)[0].snapshot.is_none()), (1, true), "{report:#?}");
    let report = run_with(&project, 1, &all, RunOptions::default().with_fresh()).await;
    let both = [0, 1].map(|night| (NIGHTS[night].to_owned(), Verdict::Published));
    assert_eq!((report.exit.code(), verdicts(&report)), (0, both.to_vec()), "{report:#?}");
    assert_eq!(project.recorder.count("kept commit"), 2);
    let last = project.api().roster(APP_ID).openid(5);
    assert_eq!(project.recorder.published("kept", "brand"), Some(vec![last]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_was_away_for_a_night_begins_again_with_everybody() {
    let project = project(followers(1_000), &format!("{LINES}{WHOLE}"));
    run_at(&project, 0).await;
    let without = project.file().replace(WHOLE, "");
    happen(&project, [Event::leave([5])]);
    good(&run_with(&project, 1, &without, RunOptions::default()).await, 1);
    happen(&project, [Event::leave([6])]);
    let report = run_at(&project, 2).await;
    assert_eq!(report.exit.code(), 0, "{report:#?}");
    assert_eq!(told(&project, "whole", 1), each("baseline", (0..1_000).filter(|person| *person != 5)));
    for sink in ["lines", "whole"] {
        assert_eq!(told(&project, sink, 2), each("unfollowed", [6]), "{sink}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_was_away_and_does_not_ask_for_everybody_is_told_what_it_lacks() {
    let project = project(followers(1_000), &format!("{LINES}{LATER}"));
    let without = project.file().replace(LATER, "");
    run_at(&project, 0).await;
    for night in 1..=3 {
        happen(&project, [Event::leave([night as u64])]);
        let file = if night == 1 { project.file() } else { without.clone() };
        good(&run_with(&project, night, &file, RunOptions::default()).await, night);
    }
    let new = "[sinks.new]\ntype = 'ndjson'\nlist = 'changes'\noptions.root = 'out/new'\n";
    let with_new = format!("{}{new}", project.file());
    happen(&project, [Event::leave([4])]);
    let report = run_with(&project, 4, &with_new, RunOptions::default()).await;
    let row = good(&report, 4);
    for sink in ["later", "new"] {
        assert_eq!(told(&project, sink, 4), each("unfollowed", [4]));
    }
    // Only the one that has missed something has a gap, and its proof names both lists.
    let gaps: Vec<_> = row.changes.as_ref().unwrap().gaps.iter().collect();
    assert_eq!(gaps, [(&"later".to_owned(), &NIGHTS[1].parse().unwrap())]);
    let last = rows_of(&project, "later", 1)[0]["to_walk"].clone();
    assert_eq!(proof(row, "gaps"), serde_json::json!({ "later": { "from_walk": last, "from_date": NIGHTS[1] } }));
    assert_eq!(proof(row, "from_date"), NIGHTS[3]);
    happen(&project, [Event::leave([5])]);
    let report = run_with(&project, 5, &with_new, RunOptions::default()).await;
    assert!(good(&report, 5).snapshot.as_ref().unwrap().proof.get("gaps").is_none());
}

#[test]
fn the_log_names_the_gap_of_a_sink_that_was_away_and_the_way_out() {
    let project = project(followers(1_000), &format!("{LINES}{LATER}"));
    let file = project.file();
    let at = |night: usize, file: &str| {
        project.clock.set(noon(NIGHTS[night]));
        std::fs::write(project.path("pipeline.toml"), file).unwrap();
        project.finish(&[])
    };
    at(0, &file);
    at(1, &file);
    at(2, &file.replace(LATER, ""));
    let ended = at(3, &file);
    let warning = ended.stderr.lines().find(|line| line.contains("the sink was away"));
    let warning = warning.unwrap_or_else(|| panic!("{ended:?}"));
    for word in ["later", NIGHTS[1], NIGHTS[2], "`baseline = true`"] {
        assert!(warning.contains(word), "`{word}` is not in: {warning}");
    }
    let told = format!("sink `later` lacks what changed from {} to {}", NIGHTS[1], NIGHTS[2]);
    assert!(ended.stdout.contains(&told), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_was_told_changes_and_asks_for_everybody_then_is_refused_until_it_has_another_name() {
    let project = project(followers(1_000), &format!("{LINES}{WHOLE}"));
    run_at(&project, 0).await;
    happen(&project, [Event::leave([1])]);
    good(&run_at(&project, 1).await, 1);
    let asks = project.file().replace(LINES, &format!("{LINES}baseline = true\n"));
    happen(&project, [Event::leave([2])]);
    let asked = calls(&project);
    project.clock.set(noon(NIGHTS[2]));
    let check = project.engine_check_file(&asks).await;
    let report = run_with(&project, 2, &asks, RunOptions::default()).await;
    let row = of_changes(&report)[0];
    assert_eq!((report.exit.code(), row.snapshot.is_none(), calls(&project)), (1, true, asked), "{report:#?}");
    assert_eq!((check.exit.code(), &of_changes(&check)[0].error), (1, &row.error), "it is foretold");
    let error = row.error.as_deref().unwrap();
    assert!(error.starts_with("sink `lines` has `baseline = true`, and was told changes already"), "{row:#?}");
    assert!(row.hint.as_deref().unwrap().contains("another name"), "{row:#?}");
    // Under another name and elsewhere it begins with everybody; the others lack nothing.
    let renamed = asks.replace("[sinks.lines]", "[sinks.more]").replace("out/lines", "out/more");
    let report = run_with(&project, 2, &renamed, RunOptions::default()).await;
    assert_eq!(report.exit.code(), 0, "{report:#?}");
    assert_eq!(told(&project, "more", 1), each("baseline", (0..1_000).filter(|person| *person != 1)));
    for sink in ["more", "whole"] {
        assert_eq!(told(&project, sink, 2), each("unfollowed", [2]), "{sink}");
    }
}

#[test]
fn a_sink_whose_options_have_changed_is_warned_that_its_place_has_no_earlier_changes() {
    let project = project(followers(1_000), LINES);
    let at = |night: usize| {
        project.clock.set(noon(NIGHTS[night]));
        project.finish(&[])
    };
    let is_warned = |ended: &crate::support::Ended| ended.stderr.contains("the options of the sink are not those");
    assert!(!is_warned(&at(0)) && !is_warned(&at(1)));
    let file = project.file().replace("out/lines", "out/elsewhere");
    std::fs::write(project.path("pipeline.toml"), file).unwrap();
    let ended = at(2);
    assert!(is_warned(&ended) && ended.stderr.contains("lines"), "{ended:?}");
    assert!(!is_warned(&at(3)), "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_was_down_for_three_nights_is_told_them_in_order() {
    let project = project(followers(1_000), &format!("{LINES}{KEPT}"));
    run_at(&project, 0).await;
    for (night, date) in NIGHTS.into_iter().enumerate().take(4).skip(1) {
        happen(&project, [Event::leave([night as u64])]);
        // The new changes are tried twice, those of before once each.
        for _ in 0..2 {
            project.recorder.fail("kept", "prepare", SinkError::permanent("it is down"));
        }
        let report = run_at(&project, night).await;
        let last = *of_changes(&report).last().unwrap();
        assert_eq!(last.date.unwrap().to_string(), date, "{report:#?}");
        assert_eq!(told(&project, "lines", night), each("unfollowed", [night as u64]));
        let kept = last.sinks.iter().find(|sink| sink.sink == "kept").unwrap();
        assert!(matches!(kept.state, SinkState::Failed { .. }), "{report:#?}");
    }
    let commits = project.recorder.count("kept commit");
    happen(&project, [Event::leave([4])]);
    let report = run_at(&project, 4).await;
    assert_eq!(report.exit.code(), 0, "{report:#?}");
    let expected: Vec<_> = (1..=4).map(|night| (NIGHTS[night].to_owned(), Verdict::Published)).collect();
    assert_eq!(verdicts(&report), expected);
    assert_eq!(project.recorder.count("kept commit"), commits + 4);
    let last = project.api().roster(APP_ID).openid(4);
    assert_eq!(project.recorder.published("kept", "brand"), Some(vec![last]), "the newest came last");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_sink_that_is_down_keeps_the_changes_until_it_is_back() {
    let kept = KEPT.replace("required = false\n", "");
    let project = project(followers(1_000), &format!("{LINES}{kept}"));
    run_at(&project, 0).await;
    for night in 1..=2 {
        happen(&project, [Event::leave([night as u64])]);
        for _ in 0..2 {
            project.recorder.fail("kept", "prepare", SinkError::permanent("it is down"));
        }
        let report = run_at(&project, night).await;
        assert_eq!(report.exit.code(), 1, "{report:#?}");
        assert!(rows_of(&project, "lines", night).is_empty());
    }
    let asked = calls(&project);
    let report = run_at(&project, 3).await;
    let dates: Vec<String> = verdicts(&report).into_iter().map(|(date, _)| date).collect();
    assert_eq!((report.exit.code(), dates), (0, vec![NIGHTS[1].to_owned(), NIGHTS[3].to_owned()]), "{report:#?}");
    assert_eq!(told(&project, "lines", 1), each("unfollowed", [1]));
    assert_eq!(told(&project, "lines", 3), each("unfollowed", [2]), "the nights in between are one list");
    assert!(calls(&project) > asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_delivers_every_list_of_changes_that_was_made_for_a_sink() {
    let project = project_with(followers(1_000), &format!("{WHOLE}{KEPT}"), "[journal]\nkeep = 9");
    run_at(&project, 0).await;
    for night in 1..=3 {
        project.recorder.fail("kept", "commit", SinkError::permanent("it is down"));
        happen(&project, [Event::leave([night as u64])]);
        run_at(&project, night).await;
    }
    let before: Vec<_> = (0..=3).map(|night| rows_of(&project, "whole", night)).collect();
    std::fs::remove_dir_all(project.path("out")).unwrap();
    let requests = project.api().requests();
    let with_later = format!("{}{LATER}", project.file());
    let report = project.engine_replay(&with_later, &[], RunOptions::default()).await.unwrap();
    assert_eq!(report.exit.code(), 0, "{report:#?}");
    let dates: Vec<String> = verdicts(&report).into_iter().map(|(date, _)| date).collect();
    assert_eq!(dates, NIGHTS[..4], "{report:#?}");
    let after: Vec<_> = (0..=3).map(|night| rows_of(&project, "whole", night)).collect();
    assert_eq!(after, before);
    assert!((0..=3).all(|night| rows_of(&project, "later", night).is_empty()), "it begins with the next changes");
    assert_eq!(project.api().requests(), requests, "not even a token");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_one_shot_sink_is_told_the_changes_of_the_night_in_each_run_and_never_everybody() {
    let stream = "[sinks.stream]\ntype = 'recorder'\nlist = 'changes'\noptions.one_shot = true\n";
    let project = project(followers(1_000), &format!("{WHOLE}{stream}"));
    run_at(&project, 0).await;
    assert_eq!(project.recorder.story(), ["stream end"]);
    project.recorder.fail("stream", "end", SinkError::permanent("its reader is gone"));
    let report = run_at(&project, 0).await;
    assert_eq!(report.exit.code(), 1, "no list was for it, and its reader lacks the end: {report:#?}");
    happen(&project, [Event::leave([5])]);
    run_at(&project, 1).await;
    happen(&project, [Event::leave([6, 9])]);
    for round in 2..4 {
        good(&run_at(&project, 2).await, 2);
        let roster = project.api().roster(APP_ID);
        let told = project.recorder.published("stream", "brand").unwrap();
        let people: BTreeSet<u64> = told.iter().map(|openid| roster.index(openid).unwrap()).collect();
        assert_eq!(people, BTreeSet::from([6, 9]));
        assert_eq!(project.recorder.count("stream commit"), round);
    }
}
