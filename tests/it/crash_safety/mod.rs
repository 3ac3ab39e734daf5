//! Crash safety, shown by killing the real process and by disks that are full or alter what they
//! hold: readers never see a part of a list, the same command finishes the work, and its output
//! equals that of an undisturbed run.

mod altered_records;
pub(crate) mod file_size_limit;
pub(crate) mod kill_moments;
mod kills;
pub(crate) mod small_disk;
mod torn_journals;
mod two_runs;

use std::fs;
use std::path::Path;
use std::time::Duration;

use fanout::simulator::Simulator;

use crate::support::outputs::are_equal_to_the_byte;
use crate::support::{Project, four_sinks, journal::current_walk};
use kill_moments::{Moment, run_until};

pub(crate) const PAGES: u64 = 60;
const PAGE_SIZE: u64 = 200;
const FOLLOWERS: u64 = PAGES * PAGE_SIZE;
/// An undisturbed walk: every page, and the empty one at the end.
pub(crate) const CALLS: u64 = PAGES + 1;

/// The same for a small list.
pub(crate) const SMALL_PAGES: u64 = 8;
pub(crate) const SMALL_PAGE_SIZE: u64 = 50;
pub(crate) const SMALL_FOLLOWERS: u64 = SMALL_PAGES * SMALL_PAGE_SIZE;
pub(crate) const SMALL_CALLS: u64 = SMALL_PAGES + 1;

/// How long a call takes, so that a walk takes about a second and can be hit.
const LATENCY: Duration = Duration::from_millis(10);

/// Makes a project whose runs take about a second.
pub(crate) fn large_list(seed: u64, latency: Duration) -> Project {
    let simulator = Simulator::builder().followers(FOLLOWERS).page_size(PAGE_SIZE).seed(seed).latency(latency);
    four_sinks::project(simulator)
}

/// Makes a project whose runs are short.
pub(crate) fn small_list(seed: u64) -> Project {
    four_sinks::project(Simulator::builder().followers(SMALL_FOLLOWERS).page_size(SMALL_PAGE_SIZE).seed(seed))
}

/// Kills a run while it asks for page `page`.
pub(crate) fn kill_at_page(project: &Project, page: u64) {
    let calls = project.calls();
    let has_come = Moment::when(move || project.calls() - calls >= page);
    let ended = run_until(&mut project.run_command(&[]), &has_come);
    assert_eq!(ended.code, None, "it should have been killed: {ended:?}");
}

/// Makes a project of the same pipeline that has the pages of this walk and no other state.
fn with_its_pages(project: &Project, walk: &Path) -> Project {
    let other = project.without_state();
    let copy = other.path("").join(walk.strip_prefix(project.path("")).unwrap());
    fs::create_dir_all(copy.join("commits")).unwrap();
    fs::copy(walk.join("pages"), copy.join("pages")).unwrap();
    other
}

/// Delivers the pages of a walk in another folder, and compares decision and output.
fn equals_an_undisturbed_delivery(project: &Project, walk: &Path) {
    let requests = project.api().requests();
    let undisturbed = with_its_pages(project, walk);
    undisturbed.finish(&[]);
    assert_eq!(project.api().requests(), requests, "a list that was read needs no call, not even for a token");
    are_equal_to_the_byte(&project.path("out"), &undisturbed.path("out"));
    let decision = |walk: &Path| fs::read_to_string(walk.join("decision.json")).unwrap();
    assert_eq!(decision(walk), decision(&current_walk(&undisturbed, 0).unwrap()));
}
