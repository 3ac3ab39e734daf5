//! Walks of changes that are cut off: they go on, and what is told is the same.

use std::time::Duration;

use super::*;

const COUNT: u64 = 10_000;
/// Five batches of those who came.
const CHANGED: u64 = 480;

const MANY: &str = "[changes]\nmax_change_percent = 50.0";

/// Lets many people come and `left` of them leave, and one be missing. Who has left is asked about
/// alone.
fn many_changes(project: &Project, left: u64) -> BTreeSet<Told> {
    happen(project, [Event::follow(20_000..20_000 + CHANGED, before(1)), Event::leave(0..left), Event::hide([999])]);
    each("followed", 20_000..20_000 + CHANGED).into_iter().chain(each("unfollowed", 0..left)).collect()
}

fn report(text: &str) -> RunReport {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_day_without_enough_calls_goes_on_the_next_day_and_then_tells_that_day() {
    let project = project_with(followers(COUNT).profile_quota(3), LINES, MANY);
    project.finish(&[]);
    let expected = many_changes(&project, 2);
    project.clock.set(noon(NIGHTS[1]));
    let ended = project.run(&["--json"]);
    assert_eq!(ended.code, Some(75), "{ended:?}");
    let first = report(&ended.stdout);
    let row = of_changes(&first)[0];
    assert!(row.error.as_deref().unwrap().contains("goes on tomorrow"), "{row:#?}");
    assert!(rows_of(&project, "lines", 1).is_empty());
    happen(&project, [Event::leave([5_000])]);
    let mut codes = Vec::new();
    for date in NIGHTS.into_iter().skip(2) {
        let was_told = !rows_of(&project, "lines", 1).is_empty();
        project.clock.set(noon(date));
        let ended = project.run(&["--json"]);
        let next = report(&ended.stdout);
        if !was_told {
            assert_eq!(of_changes(&next)[0].walk, row.walk, "what is under way comes first: {next:#?}");
            assert_eq!(of_changes(&next).len(), 2, "{next:#?}");
        }
        codes.push(ended.code.unwrap());
        if ended.code == Some(0) {
            break;
        }
    }
    assert_eq!(codes.iter().rposition(|&code| code == 75), codes.len().checked_sub(2), "{codes:?}");
    assert_eq!(told(&project, "lines", 1), expected);
    let of_days = (2..NIGHTS.len()).flat_map(|night| told(&project, "lines", night));
    assert_eq!(of_days.collect::<Vec<_>>(), [("unfollowed".to_owned(), 5_000)]);
}

#[test]
fn a_run_that_is_killed_asks_only_for_what_is_missing() {
    for killed_after in [1, 5, 9] {
        let project = project_with(followers(COUNT).latency(Duration::from_millis(30)), LINES, MANY);
        project.finish(&[]);
        let expected = many_changes(&project, 150);
        project.clock.set(noon(NIGHTS[1]));
        let mut process = project.start(&[]);
        while calls(&project) < killed_after {
            assert!(process.try_wait().unwrap().is_none(), "it has ended before it was killed");
            std::thread::sleep(Duration::from_millis(5));
        }
        process.kill().unwrap();
        process.wait().unwrap();
        assert!(rows_of(&project, "lines", 1).is_empty());
        project.finish(&[]);
        assert_eq!(told(&project, "lines", 1), expected, "killed after {killed_after}");
        let asked = calls(&project);
        project.finish(&[]);
        assert_eq!(calls(&project), asked, "it is published");
    }
}
