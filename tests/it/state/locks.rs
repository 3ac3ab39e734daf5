//! Two runs of one account at once: the second one names the process that holds the lock, and a
//! lock ends with its process.

use std::time::Duration;

use fanout::simulator::Simulator;

use crate::crash_safety::{SMALL_CALLS, SMALL_FOLLOWERS, SMALL_PAGE_SIZE, SMALL_PAGES};
use crate::support::four_sinks::{self, APP_ID, holds_the_list};
use crate::support::{Ended, Project, while_halted};

fn slow(seed: u64) -> Project {
    let builder = Simulator::builder().followers(SMALL_FOLLOWERS).page_size(SMALL_PAGE_SIZE).seed(seed);
    four_sinks::project(builder.latency(Duration::from_millis(100)))
}

#[test]
fn the_second_run_says_who_has_the_account_and_since_when() {
    let project = slow(1);
    let first = project.start_until_page(&[], 1);
    let calls = project.api().requests().total();
    // Another pipeline on the same state shares the lock.
    let second = while_halted(&first, || project.run(&["--set", "name=another"]));
    assert!(project.api().requests().total() - calls < SMALL_PAGES, "the first run has ended already");
    assert_eq!(second.code, Some(75), "{second:?}");
    let holder = format!("app id `{APP_ID}` is in use by another run (process {} on `", first.id());
    assert!(second.stderr.contains(&holder), "{second:?}");
    assert!(second.stderr.contains("` since 20") && second.stderr.contains(" UTC), pipeline `crash`)"), "{second:?}");
    assert!(second.stderr.contains("hint: wait until it has ended"), "{second:?}");
    let first = Ended::after(first);
    assert_eq!(first.code, Some(0), "{first:?}");
    holds_the_list(&project, &project.truth());
    assert_eq!(project.calls(), SMALL_CALLS, "the second run made a call");
}

#[test]
fn a_lock_whose_process_was_killed_is_no_lock() {
    let project = slow(2);
    let mut first = project.start_until_page(&[], 1);
    first.kill().unwrap();
    first.wait().unwrap();
    project.finish(&[]);
    holds_the_list(&project, &project.truth());
}

#[test]
fn a_process_that_was_halted_keeps_its_lock() {
    let project = slow(3);
    let first = project.start_until_page(&[], 1);
    assert_eq!(while_halted(&first, || project.run(&[])).code, Some(75));
    assert_eq!(Ended::after(first).code, Some(0));
    holds_the_list(&project, &project.truth());
}
