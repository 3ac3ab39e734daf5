//! Two runs of one account at once: the second is told who has it, and nobody has it once its process is gone.

use std::process::{Child, Stdio};
use std::time::Duration;

use fanout::simulator::Simulator;

use crate::crash_safety::outputs::holds_the_list;
use crate::crash_safety::{APP_ID, SMALL_CALLS, SMALL_FOLLOWERS, SMALL_PAGE_SIZE, SMALL_PAGES, Scene};
use crate::support::{Ended, signal};

/// Starts a run, and waits until it has asked for a page.
fn started(scene: &Scene) -> Child {
    let calls = scene.calls();
    let process = scene.command(&[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while scene.calls() == calls {
        std::thread::sleep(Duration::from_millis(5));
    }
    process
}

fn slow(seed: u64) -> Scene {
    let builder = Simulator::builder().followers(SMALL_FOLLOWERS).page_size(SMALL_PAGE_SIZE).seed(seed);
    Scene::of(builder.latency(Duration::from_millis(100)))
}

#[test]
fn the_second_run_says_who_has_the_account_and_since_when() {
    let scene = slow(1);
    let first = started(&scene);
    let calls = scene.simulator.requests().total();
    // Another pipeline on the same state shares the lock.
    let second = Ended::of(&mut scene.command(&["--set", "name=another"]));
    assert!(scene.simulator.requests().total() - calls < SMALL_PAGES, "the first run has ended already");
    assert_eq!(second.code, Some(75), "{second:?}");
    let holder = format!("app id `{APP_ID}` is in use by another run (process {} on `", first.id());
    assert!(second.stderr.contains(&holder), "{second:?}");
    assert!(second.stderr.contains("` since 20") && second.stderr.contains(" UTC, pipeline `crash`)"), "{second:?}");
    assert!(second.stderr.contains("hint: wait until it has ended"), "{second:?}");
    let first = Ended::after(first);
    assert_eq!(first.code, Some(0), "{first:?}");
    holds_the_list(&scene.project, &scene.truth());
    assert_eq!(scene.calls(), SMALL_CALLS, "the second run made a call");
}

#[test]
fn a_lock_whose_process_was_killed_is_no_lock() {
    let scene = slow(2);
    let mut first = started(&scene);
    first.kill().unwrap();
    first.wait().unwrap();
    scene.finish();
    holds_the_list(&scene.project, &scene.truth());
}

#[test]
fn a_process_that_was_halted_keeps_its_lock() {
    let scene = slow(3);
    let first = started(&scene);
    signal(&first, "STOP");
    assert_eq!(Ended::of(&mut scene.command(&[])).code, Some(75));
    signal(&first, "CONT");
    assert_eq!(Ended::after(first).code, Some(0));
    holds_the_list(&scene.project, &scene.truth());
}
