//! Walks of profiles that are cut off: the next run goes on, and what is published is the same.

use std::time::Duration;

use fanout::report::Verdict;
use fanout::simulator::{Flaw, Oddity, Who};

use super::*;

const COUNT: u64 = 3_000;

fn slow() -> SimulatorBuilder {
    let odd = Flaw::new(Who::Share { share: 0.005, seed: 1 }, Oddity::FalselyLeftInBatches);
    followers(COUNT).flaw(odd).latency(Duration::from_millis(40))
}

#[test]
fn a_run_that_is_killed_asks_again_for_no_more_than_was_under_way() {
    for killed_after in [1, 7, 20] {
        let project = project(slow(), LINES);
        let mut process = project.start(&[]);
        while calls(&project).0 < killed_after {
            assert!(process.try_wait().unwrap().is_none(), "it has ended before it was killed");
            std::thread::sleep(Duration::from_millis(5));
        }
        process.kill().unwrap();
        process.wait().unwrap();
        assert!(published(&project, "brand").is_empty());
        let ended = project.finish(&[]);
        are_true(&project, APP_ID, &published(&project, "brand"));
        let undisturbed = project.without_state();
        let before = calls(&project);
        undisturbed.finish(&[]);
        let alone = calls(&project).0 - before.0;
        // Four are asked for at the same time.
        assert!(before.0 <= alone + 4, "{before:?} {alone} {ended:?}");
    }
}

#[test]
fn a_signal_stops_the_walk_and_the_same_command_goes_on() {
    let project = project(slow(), LINES);
    let mut process = project.start(&["--json"]);
    while calls(&project).0 < 6 {
        assert!(process.try_wait().unwrap().is_none(), "it has ended before the signal");
        std::thread::sleep(Duration::from_millis(5));
    }
    crate::support::signal(&process, "INT");
    let stopped = crate::support::Ended::after(process);
    assert_eq!(stopped.code, Some(130), "{stopped:?}");
    let report: RunReport = serde_json::from_str(&stopped.stdout).unwrap();
    let row = of_list(&report, "profiles")[0];
    assert_eq!(row.verdict, Verdict::Interrupted, "{row:#?}");
    assert!(row.pages >= 1 && row.pages < batches(COUNT), "{row:#?}");
    let ended = project.finish(&["--json"]);
    let report: RunReport = serde_json::from_str(&ended.stdout).unwrap();
    let second = good(&report);
    assert_eq!((second.walk, second.pages_before), (row.walk, row.pages), "{ended:?}");
    are_true(&project, APP_ID, &published(&project, "brand"));
}
