//! A run that is killed in the middle of a tag goes on there: nothing that was read is asked for
//! again, but for one page.

use std::time::Duration;

use super::*;
use crate::support::wait_until;

#[test]
fn a_run_that_is_killed_after_any_call_goes_on_within_the_tag() {
    // Calls for people, in the order of the tags: 4, 4, 1.
    for killed_after in 1..9 {
        let simulator = tagged(three_tags()).latency(Duration::from_millis(30));
        let project = project(simulator, BOTH);
        let mut process = project.start(&[]);
        wait_until("the call", || calls(&project).1 >= killed_after);
        process.kill().unwrap();
        process.wait().unwrap();
        let made = calls(&project).1;
        project.finish(&[]);
        let truth: BTreeMap<_, _> = [VIP, SHOP].map(|tag| (tag, truth(&project, tag))).into();
        assert_eq!(people(&project, TODAY), truth, "killed after {killed_after}");
        // The page that is read again, and the one that was under way.
        let all = calls(&project).1;
        let undisturbed = 4 + 4 + 1;
        assert!((undisturbed..=undisturbed + 2).contains(&all), "killed after {made}: {all}");
        assert_eq!(tags(&project, TODAY).len(), 3);
    }
}

#[test]
fn what_is_under_way_is_shown_and_pruned_as_a_whole() {
    let simulator = tagged(three_tags()).latency(Duration::from_millis(30));
    let project = project(simulator, BOTH);
    let mut process = project.start(&[]);
    wait_until("the second tag", || calls(&project).1 >= 7);
    process.kill().unwrap();
    process.wait().unwrap();
    let status = project.fanout(&["status", "pipeline.toml", "--json"]).json();
    let list = status["accounts"].as_array().unwrap().iter().find(|account| account["list"] == "tag_members").unwrap();
    let walk = &list["walk"];
    assert!(walk["pages"].as_u64().unwrap() >= 5 && walk["followers"].as_u64().unwrap() >= 45, "{list}");
    assert_eq!(walk["ended"], false);
    project.finish(&[]);
    // Newer lists replace it, and its folders go with it.
    for day in 16..20 {
        project.clock.set(crate::support::noon(&format!("2026-01-{day}")));
        project.finish(&["--set", "journal.keep=1"]);
    }
    let walks = |list: &str| std::fs::read_dir(project.path("state").join(APP_ID).join(list)).unwrap().count();
    assert!(walks("tag_members") <= 2 && walks("tags") <= 2, "{} and {}", walks("tag_members"), walks("tags"));
}
