//! Crash safety, shown by killing the real process: nobody ever sees half a list, the same command finishes the work,
//! and what it publishes is what it would have published if nothing had happened.

mod damage;
mod journal;
mod kills;
mod moments;
mod outputs;
mod rehearsal;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use fanout::simulator::{Simulator, SimulatorHandle};
use tokio::runtime::Runtime;

use crate::support::{Ended, Project};
use moments::{Moment, run_until};

const APP_ID: &str = "wxcrash";
/// Fixed, so that midnight in Beijing is no crash of its own.
const DATE: &str = "2026-11-22";

const PAGES: u64 = 60;
const PAGE_SIZE: u64 = 200;
const FOLLOWERS: u64 = PAGES * PAGE_SIZE;
/// An undisturbed walk: every page, and the empty one at the end.
const CALLS: u64 = PAGES + 1;
/// Of a restart: the page that is read again, and the one that was under way.
const CALLS_OF_A_RESTART: u64 = 2;

/// How long a call takes, so that a walk takes about a second and can be hit.
const LATENCY: Duration = Duration::from_millis(10);

/// Each sink with its type and options, in the order in which they commit; the root is `out/<sink>`.
const SINKS: [(&str, &str, &str); 4] = [
    ("lake", "parquet", "max_file_rows = 5_000\nrow_group_rows = 700"),
    ("lines", "ndjson", ""),
    ("packed", "ndjson", "compression = 'zstd'"),
    ("single", "parquet", "layout = 'followers.parquet'"),
];

/// A pipeline in a folder of its own, and the API that it reads.
struct Scene {
    project: Project,
    simulator: SimulatorHandle,
    /// Serves the API.
    _runtime: Runtime,
}

impl Scene {
    fn new(seed: u64, latency: Duration) -> Self {
        let runtime = Runtime::new().unwrap();
        let builder = Simulator::builder().followers(FOLLOWERS).page_size(PAGE_SIZE).seed(seed).latency(latency);
        let simulator = runtime.block_on(builder.start()).unwrap();
        Self { project: Project::new(&pipeline(&simulator.base_url())), simulator, _runtime: runtime }
    }

    fn command(&self, more: &[&str]) -> Command {
        command(&self.project, more)
    }

    /// Runs to the end, which must be a good one.
    fn finish(&self) -> Ended {
        finished(&mut self.command(&[]))
    }

    /// Kills a run while it asks for page `page`.
    fn kill_at_page(&self, page: u64) {
        let calls = self.calls();
        let has_come = Moment::when(move || self.calls() - calls >= page);
        let ended = run_until(&mut self.command(&[]), &has_come);
        assert_eq!(ended.code, None, "it should have been killed: {ended:?}");
    }

    /// Returns how many pages were asked for.
    fn calls(&self) -> u64 {
        self.simulator.requests().user_get
    }

    fn truth(&self) -> Vec<String> {
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

fn pipeline(base_url: &str) -> String {
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

fn finished(command: &mut Command) -> Ended {
    let ended = Ended::of(command);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended
}

/// Returns the root of a sink's output.
fn root(project: &Project, sink: &str) -> PathBuf {
    project.path("out").join(sink)
}
