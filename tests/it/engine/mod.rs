//! The engine of the library against a simulated API: whole runs, with a sink that remembers what
//! it was given.

mod list_content;
mod one_shot;
mod replay;
mod rules;
mod sink_policy;

use fanout::engine::RunOptions;
use fanout::report::AccountReport;
use fanout::simulator::{Simulator, SimulatorBuilder};
use fanout_sink::Snapshot;

use crate::support::{ONE_SINK, Project};

/// The app id of the one account that most tests need.
pub(crate) const APP_ID: &str = "wx0000000000000001";

/// Makes a project with one account and no sink; each call is tried three times.
pub(crate) fn one_account(simulator: SimulatorBuilder) -> Project {
    let source = "[source]\nretry = { attempts = 3, base_ms = 1, max_ms = 4 }";
    Project::builder().keys(source).account("brand", APP_ID).simulator(simulator).build()
}

/// Asserts that the account is published, and returns the facts of its list.
#[track_caller]
pub(crate) fn published(report: &AccountReport) -> &Snapshot {
    assert_eq!(report.error, None, "{report:#?}");
    assert_eq!(report.exit.code(), 0, "{report:#?}");
    report.snapshot.as_ref().unwrap()
}

/// Asserts that the account has failed with this exit code and these words.
#[track_caller]
pub(crate) fn failed(report: &AccountReport, exit: u8, words: &str) {
    assert_eq!(report.exit.code(), exit, "{report:#?}");
    let error = report.error.as_deref().unwrap_or_default();
    assert!(error.contains(words), "{error}");
}

/// Returns how many pages hold these followers.
fn pages(followers: u64, page_size: u64) -> u64 {
    followers.div_ceil(page_size)
}
