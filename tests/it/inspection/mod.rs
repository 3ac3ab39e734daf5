//! What somebody sees who looks at the accounts of a night: how they stand, what their runs came to, and what can go.

mod history;
mod prune;
mod report_page;
mod status;

use std::process::{Child, Stdio};
use std::time::Duration;

use fanout::simulator::Simulator;

use crate::crash_safety::Scene;
use crate::support::Ended;

const PAGES: u64 = 8;
const PAGE_SIZE: u64 = 50;
const FOLLOWERS: u64 = PAGES * PAGE_SIZE;
/// Every page, and the empty one at the end.
const CALLS: u64 = PAGES + 1;

/// Makes a pipeline whose calls take so long.
fn scene(latency: Duration) -> Scene {
    Scene::of(Simulator::builder().followers(FOLLOWERS).page_size(PAGE_SIZE).latency(latency))
}

/// Runs to the end, which must be a good one.
fn run(scene: &Scene, more: &[&str]) -> Ended {
    let ended = Ended::of(&mut scene.command(more));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended
}

/// Starts a run, and waits until it has asked for page `page`: the one before is in the journal.
fn started(scene: &Scene, more: &[&str], page: u64) -> Child {
    let calls = scene.calls();
    let process = scene.command(more).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while scene.calls() < calls + page {
        std::thread::sleep(Duration::from_millis(5));
    }
    process
}
