//! `--simulate` on a pipeline file that has a real state.

use std::time::Duration;

use crate::crash_safety::{CALLS, PAGES, kill_at_page, large_list};
use crate::support::Project;
use crate::support::four_sinks::{CALLS_OF_A_RESTART, SINKS, holds_the_list};
use crate::support::journal::current_walk;
use crate::support::outputs::tree;

const REHEARSED: &str = "3_000";

/// Runs with `--simulate`, and asserts that the real state and the real outputs stay as they were.
fn rehearse(project: &Project) {
    let real = || ["state", "out/lake", "out/lines", "out/packed", "out/single"].map(|path| tree(&project.path(path)));
    let (before, requests) = (real(), project.api().requests());
    let report = project.finish(&["--simulate", REHEARSED, "--json"]).json();
    assert_eq!(report["accounts"][0]["snapshot"]["rows"], 3_000);
    assert!(real() == before, "a rehearsal changed the real state or the real outputs");
    assert_eq!(project.api().requests(), requests, "a rehearsal called the real API");

    assert!(!tree(&project.path("state.simulated")).is_empty());
    for (sink, _, _) in SINKS {
        let simulated = tree(&project.path("out").join(format!("{sink}.simulated")));
        assert!(simulated.keys().any(|name| name.to_string_lossy().ends_with("SUCCESS")), "{sink}");
    }
}

#[test]
fn a_rehearsal_leaves_real_state_and_real_outputs_alone() {
    let project = large_list(1, Duration::ZERO);
    kill_at_page(&project, PAGES / 2);
    assert!(current_walk(&project, 0).is_some());
    rehearse(&project);

    // The walk that was cut off is resumed as if there had been no rehearsal.
    project.finish(&[]);
    assert!(project.calls() <= CALLS + CALLS_OF_A_RESTART, "{} calls", project.calls());
    holds_the_list(&project, &project.truth());
    rehearse(&project);
    let requests = project.api().requests();
    project.finish(&[]);
    assert_eq!(project.api().requests(), requests);
}
