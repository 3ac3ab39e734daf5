//! Crash safety, shown by killing the real process, by disks that are full and by disks that lie: nobody ever sees half
//! a list, the same command finishes the work, and what it publishes is what it would have published if nothing had
//! happened.

mod altered_records;
pub(crate) mod file_size_limit;
pub(crate) mod journal;
pub(crate) mod kill_moments;
mod kills;
pub(crate) mod outputs;
pub(crate) mod small_disk;
mod torn_journals;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use fanout::simulator::{Simulator, SimulatorBuilder, SimulatorHandle};
use tokio::runtime::Runtime;

use crate::support::{Ended, Project};
pub(crate) use journal::current_walk;
use kill_moments::{Moment, run_until};
use outputs::are_equal_to_the_byte;

pub(crate) const APP_ID: &str = "wxcrash";
/// Fixed, so that midnight in Beijing is no crash of its own.
pub(crate) const DATE: &str = "2026-11-22";

pub(crate) const PAGES: u64 = 60;
const PAGE_SIZE: u64 = 200;
const FOLLOWERS: u64 = PAGES * PAGE_SIZE;
/// An undisturbed walk: every page, and the empty one at the end.
pub(crate) const CALLS: u64 = PAGES + 1;
/// Of a restart: the page that is read again, and the one that was under way.
pub(crate) const CALLS_OF_A_RESTART: u64 = 2;

/// The same of a small list.
pub(crate) const SMALL_PAGES: u64 = 8;
pub(crate) const SMALL_PAGE_SIZE: u64 = 50;
pub(crate) const SMALL_FOLLOWERS: u64 = SMALL_PAGES * SMALL_PAGE_SIZE;
pub(crate) const SMALL_CALLS: u64 = SMALL_PAGES + 1;

/// How long a call takes, so that a walk takes about a second and can be hit.
const LATENCY: Duration = Duration::from_millis(10);

/// Each sink with its type and options, in the order in which they commit; the root is `out/<sink>`.
pub(crate) const SINKS: [(&str, &str, &str); 4] = [
    ("lake", "parquet", "max_file_rows = 5_000\nrow_group_rows = 700"),
    ("lines", "ndjson", ""),
    ("packed", "ndjson", "compression = 'zstd'"),
    ("single", "parquet", "layout = 'followers.parquet'"),
];

/// A pipeline in a folder of its own, and the API that it reads.
pub(crate) struct Scene {
    pub(crate) project: Project,
    pub(crate) simulator: SimulatorHandle,
    /// Serves the API.
    _runtime: Runtime,
}

impl Scene {
    pub(crate) fn new(seed: u64, latency: Duration) -> Self {
        Self::of(Simulator::builder().followers(FOLLOWERS).page_size(PAGE_SIZE).seed(seed).latency(latency))
    }

    /// Makes a scene whose runs are short.
    pub(crate) fn small(seed: u64) -> Self {
        Self::of(Simulator::builder().followers(SMALL_FOLLOWERS).page_size(SMALL_PAGE_SIZE).seed(seed))
    }

    pub(crate) fn of(builder: SimulatorBuilder) -> Self {
        let runtime = Runtime::new().unwrap();
        let simulator = runtime.block_on(builder.start()).unwrap();
        Self { project: Project::new(&pipeline(&simulator.base_url())), simulator, _runtime: runtime }
    }

    pub(crate) fn command(&self, more: &[&str]) -> Command {
        command(&self.project, more)
    }

    /// Runs to the end, which must be a good one.
    pub(crate) fn finish(&self) -> Ended {
        finished(&mut self.command(&[]))
    }

    /// Kills a run while it asks for page `page`.
    pub(crate) fn kill_at_page(&self, page: u64) {
        let calls = self.calls();
        let has_come = Moment::when(move || self.calls() - calls >= page);
        let ended = run_until(&mut self.command(&[]), &has_come);
        assert_eq!(ended.code, None, "it should have been killed: {ended:?}");
    }

    /// Returns how many pages were asked for.
    pub(crate) fn calls(&self) -> u64 {
        self.simulator.requests().user_get
    }

    pub(crate) fn truth(&self) -> Vec<String> {
        self.simulator.followers(APP_ID).iter().collect()
    }

    /// Returns a project of the same pipeline that has the same pages, and nothing else of this one.
    fn with_its_pages(&self, walk: &Path) -> Project {
        let project = Project::new(&pipeline(&self.simulator.base_url()));
        let copy = project.path("").join(walk.strip_prefix(self.project.path("")).unwrap());
        fs::create_dir_all(copy.join("commits")).unwrap();
        fs::copy(walk.join("pages"), copy.join("pages")).unwrap();
        project
    }
}

pub(crate) fn pipeline(base_url: &str) -> String {
    let sinks = SINKS.map(|(sink, kind, options)| {
        format!("[sinks.{sink}]\ntype = '{kind}'\n[sinks.{sink}.options]\nroot = 'out/{sink}'\n{options}\n")
    });
    format!(
        "name = 'crash'\n[source]\nbase_url = '{base_url}'\n[[accounts]]\nname = 'brand'\napp_id = '{APP_ID}'\n\
         secret = {{ env = 'CRASH_SECRET' }}\n{}",
        sinks.concat()
    )
}

fn command(project: &Project, more: &[&str]) -> Command {
    let mut command = project.command(&[&["run", "pipeline.toml", "--date", DATE], more].concat());
    command.env("CRASH_SECRET", "anything");
    command
}

pub(crate) fn finished(command: &mut Command) -> Ended {
    let ended = Ended::of(command);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended
}

/// Returns the root of a sink's output.
fn root(project: &Project, sink: &str) -> PathBuf {
    project.path("out").join(sink)
}

/// Delivers the pages of a walk elsewhere, and compares decision and output.
fn equals_an_undisturbed_delivery(scene: &Scene, walk: &Path) {
    let requests = scene.simulator.requests();
    let undisturbed = scene.with_its_pages(walk);
    finished(&mut command(&undisturbed, &[]));
    assert_eq!(scene.simulator.requests(), requests, "a list that was read needs no call, not even for a token");
    are_equal_to_the_byte(&scene.project.path("out"), &undisturbed.path("out"));
    let decision = |walk: &Path| fs::read_to_string(walk.join("decision.json")).unwrap();
    assert_eq!(decision(walk), decision(&current_walk(&undisturbed, 0).unwrap()));
}
