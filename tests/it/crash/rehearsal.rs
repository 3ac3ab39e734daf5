//! `--simulate` on a pipeline file that has a real state.

use super::journal::current_walk;
use super::outputs::{holds_the_list, tree};
use super::*;

const REHEARSED: &str = "3_000";

/// Rehearses, and holds the real state and the real outputs to what they were.
fn rehearse(scene: &Scene) {
    let project = &scene.project;
    let real = || ["state", "out/lake", "out/lines", "out/packed", "out/single"].map(|path| tree(&project.path(path)));
    let (before, requests) = (real(), scene.simulator.requests());
    let report = finished(&mut scene.command(&["--simulate", REHEARSED, "--json"])).json();
    assert_eq!(report["accounts"][0]["snapshot"]["rows"], 3_000);
    assert!(real() == before, "a rehearsal changed the real state or the real outputs");
    assert_eq!(scene.simulator.requests(), requests, "a rehearsal called the real API");

    assert!(!tree(&project.path("state.simulated")).is_empty());
    for (sink, _, _) in SINKS {
        let simulated = tree(&project.path("out").join(format!("{sink}.simulated")));
        assert!(simulated.keys().any(|name| name.to_string_lossy().ends_with("SUCCESS")), "{sink}");
    }
}

#[test]
fn a_rehearsal_leaves_real_state_and_real_outputs_alone() {
    let scene = Scene::new(1, Duration::ZERO);
    scene.kill_at_page(PAGES / 2);
    assert!(current_walk(&scene.project, 0).is_some());
    rehearse(&scene);

    // The walk that was cut off goes on as if there had been no rehearsal.
    scene.finish();
    assert!(scene.calls() <= CALLS + CALLS_OF_A_RESTART, "{} calls", scene.calls());
    holds_the_list(&scene.project, &scene.truth());
    rehearse(&scene);
    let requests = scene.simulator.requests();
    scene.finish();
    assert_eq!(scene.simulator.requests(), requests);
}
