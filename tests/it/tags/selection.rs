//! Which tags are read, by their names or ids.

use fanout::simulator::{Effect, Fault, When};

use super::*;

fn select(project: &Project, wanted: &str) -> crate::support::Ended {
    project.run(&["--set", &format!("tags.select={wanted}")])
}

fn read(project: &Project) -> Vec<i64> {
    tags(project, TODAY).iter().map(|(id, ..)| *id).collect()
}

#[test]
fn tags_are_read_by_name_or_id_and_wechats_own_only_where_they_are_named() {
    for (wanted, expected) in [
        ("['VIP', 102]", &[100, 102][..]),
        ("[101]", &[101]),
        ("[2, 'VIP']", &[2, 100]),
        ("['星标组']", &[2]),
        ("['店\"1\"']", &[101]),
    ] {
        let project = project(tagged(three_tags()), BOTH);
        let ended = select(&project, wanted);
        assert_eq!(ended.code, Some(0), "{wanted}: {ended:?}");
        assert_eq!(read(&project), expected, "{wanted}");
        let read: Vec<i32> = expected.iter().map(|&tag| tag as i32).collect();
        let truth: BTreeMap<_, _> =
            read.iter().map(|&tag| (tag, truth(&project, tag))).filter(|(_, people)| !people.is_empty()).collect();
        assert_eq!(people(&project, TODAY), truth, "{wanted}");
    }
    let all = project(tagged(three_tags()), BOTH);
    all.finish(&[]);
    assert_eq!(read(&all), [100, 101, 102]);
}

#[test]
fn an_unknown_tag_fails_after_one_call_and_names_those_that_there_are() {
    let project = project(tagged(three_tags()), BOTH);
    let ended = select(&project, "['vip', 7, 'VIP']");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for word in ["`tags.select` names \"vip\", 7, and the account has", "\"VIP\" (100)", "\"店\\\"1\\\"\" (101)", "(2)"]
    {
        assert!(ended.stderr.contains(word), "`{word}` is not in: {}", ended.stderr);
    }
    assert_eq!(calls(&project), (1, 0));
    assert!(rows(&project, "people", TODAY).is_empty() && rows(&project, "tags", TODAY).is_empty());
}

#[test]
fn an_account_without_tags_has_two_empty_lists() {
    let project = project(tagged([]), BOTH);
    project.finish(&[]);
    assert_eq!((rows(&project, "people", TODAY).len(), rows(&project, "tags", TODAY).len()), (0, 0));
    assert_eq!(calls(&project), (1, 0));
}

#[test]
fn another_selection_is_another_list_and_its_order_does_not_matter() {
    let project = project(tagged(three_tags()), BOTH);
    for (wanted, made) in [("[100, 'empty']", (2, 4 + 1)), ("['empty', 100]", (2, 4 + 1)), ("[101]", (4, 4 + 1 + 4))] {
        let ended = select(&project, wanted);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(calls(&project), made, "{wanted}");
    }
}

#[test]
fn going_back_to_an_earlier_selection_on_the_same_day_publishes_it_again() {
    let only = "[sinks.tags]\ntype = 'ndjson'\nlist = 'tags'\noptions.root = 'out/tags'\n";
    for sinks in [BOTH, only] {
        let project = project(tagged(three_tags()), sinks);
        for (round, wanted, expected) in [(1, "[100]", 100), (2, "[101]", 101), (3, "[100]", 100), (4, "[101]", 101)] {
            // A list is newer than another one by the second in which it was begun.
            project.clock.set(crate::support::noon(TODAY) + chrono::TimeDelta::minutes(round));
            for again in [false, true] {
                let made = calls(&project);
                let ended = select(&project, wanted);
                assert_eq!(ended.code, Some(0), "round {round}: {ended:?}");
                assert_eq!(read(&project), [expected], "round {round}: {ended:?}");
                assert_eq!(calls(&project) == made, again, "the same selection is read once: round {round}");
                if sinks == BOTH {
                    let tag = expected as i32;
                    assert_eq!(people(&project, TODAY), [(tag, truth(&project, tag))].into(), "round {round}");
                }
            }
        }
    }
}

#[test]
fn a_tag_that_got_another_name_keeps_its_id() {
    let project = project(tagged(three_tags()), BOTH);
    project.finish(&[]);
    let renamed = r#"{"tags":[{"id":100,"name":"gold","count":25},{"id":101,"name":"VIP","count":30},{"id":102,"name":"empty","count":0}]}"#;
    project.api().add_fault(Fault::new(Endpoint::Tags, When::Always, Effect::body(renamed)));
    project.clock.set(crate::support::noon(TOMORROW));
    project.finish(&[]);
    let names = |date| tags(&project, date).into_iter().map(|(id, name, ..)| (id, name)).collect::<Vec<_>>();
    let expected = |names: [&str; 3]| (100..).zip(names.map(str::to_owned)).collect::<Vec<(i64, _)>>();
    assert_eq!(names(TODAY), expected(["VIP", "店\"1\"", "empty"]));
    assert_eq!(names(TOMORROW), expected(["gold", "VIP", "empty"]));
    assert_eq!(people(&project, TOMORROW), people(&project, TODAY));
}

#[test]
fn names_may_hold_anything() {
    let names = ["😀 \u{1f1e8}\u{1f1f3}", "a\u{7}\n\t\u{14}", "\\\"", "", "'; DROP TABLE tags; --", "../..", "a/b"];
    let of = (200..).zip(names).map(|(id, name)| Tag::new(id, name, 3));
    let raw = Fault::new(Endpoint::Tags, When::Always, Effect::RawControls);
    let project = project(tagged(of).fault(raw), BOTH);
    project.finish(&[]);
    assert_eq!(tags(&project, TODAY).iter().map(|(_, name, ..)| name.as_str()).collect::<Vec<_>>(), names);
}

#[test]
fn the_people_are_read_although_only_the_tags_have_a_sink() {
    let sink = "[sinks.tags]\ntype = 'ndjson'\nlist = 'tags'\noptions.root = 'out/tags'\n";
    let project = project(tagged(three_tags()), sink);
    let first = project.finish(&[]);
    assert!(first.stdout.contains("tag_members") || first.stderr.contains("tag_members"), "{first:?}");
    assert_eq!(tags(&project, TODAY).len(), 3);
    let made = calls(&project);
    project.finish(&[]);
    assert_eq!(calls(&project), made, "both lists are decided");
    // A sink that comes later receives the tags from their own journal.
    project.append("[sinks.more]\ntype = 'ndjson'\nlist = 'tags'\noptions.root = 'out/more'\n");
    project.finish(&[]);
    assert_eq!(calls(&project), made);
    assert_eq!(rows(&project, "more", TODAY), rows(&project, "tags", TODAY));
}
