//! The fixture: a folder with a pipeline file, the simulated API that its runs read, and the built
//! binary run in it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use fanout::clock::Clock;
use fanout::simulator::{SimulatorBuilder, SimulatorHandle};
use tempfile::TempDir;
use tokio::runtime::{Handle, Runtime};
use tokio::task::block_in_place;
use tokio_util::sync::CancellationToken;

use super::builder::ProjectBuilder;
use super::process::{Ended, fanout};
use super::recorder::Recorder;

/// A pipeline file of two accounts, whose secret is in `TEST_SECRET`; each call is tried twice.
pub(crate) const TWO_ACCOUNTS: &str = r#"
name = "test"
[source.retry]
attempts = 2
base_ms = 1
[[accounts]]
name = "brand"
app_id = "wx1"
secret = { env = "TEST_SECRET" }
[[accounts]]
name = "shop"
app_id = "wx2"
secret = { env = "TEST_SECRET" }
[sinks.archive]
type = "parquet"
[sinks.archive.options]
root = "out"
"#;

/// Overrides `source.base_url` of the file; `--set` overrides it in turn.
pub(super) const BASE_URL_VARIABLE: &str = "FANOUT_SOURCE__BASE_URL";

/// The commands that depend on the clock.
const WITH_CLOCK: [&str; 5] = ["check", "prune", "replay", "run", "status"];

/// Between two looks at how many calls a run has made.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// A folder with a pipeline file, its state and its outputs, and the simulated API that its runs
/// read, if it has one.
pub(crate) struct Project {
    folder: TempDir,
    pub(super) settings: Settings,
    api: Option<Arc<Api>>,
    /// The sink type `recorder` of the runs in this process.
    pub(crate) recorder: Recorder,
    /// The clock of the runs in this process, and of the API.
    pub(crate) clock: Clock,
    /// Whether the clock was set, so that processes get it as well.
    clock_is_set: bool,
    /// Stops the runs in this process.
    pub(crate) stop: CancellationToken,
}

/// What a project is made from.
#[derive(Clone)]
pub(super) struct Settings {
    /// The text of the pipeline file.
    pub(super) file: String,
    /// The app id that [`Project::truth`] is about. Empty if the builder was given no account.
    pub(super) app_id: String,
    /// The variables that only commands with secrets have.
    pub(super) secrets: Vec<(String, String)>,
}

/// A simulated API, with the runtime that serves it if the test has none.
pub(super) struct Api {
    simulator: SimulatorHandle,
    _runtime: Option<Runtime>,
}

impl Api {
    pub(super) fn start(simulator: SimulatorBuilder) -> Self {
        if let Ok(runtime) = Handle::try_current() {
            let simulator = block_in_place(|| runtime.block_on(simulator.start())).unwrap();
            return Self { simulator, _runtime: None };
        }
        let runtime = Runtime::new().unwrap();
        Self { simulator: runtime.block_on(simulator.start()).unwrap(), _runtime: Some(runtime) }
    }
}

impl Project {
    /// Makes a project whose pipeline file is `file`. It has no API.
    pub(crate) fn new(file: &str) -> Self {
        Self::builder().file(file).build()
    }

    /// Makes a project whose pipeline file is `file` and whose runs read this API.
    pub(crate) fn reading(file: &str, simulator: SimulatorBuilder) -> Self {
        Self::builder().file(file).simulator(simulator).build()
    }

    pub(crate) fn builder() -> ProjectBuilder {
        ProjectBuilder::default()
    }

    pub(super) fn of(settings: Settings, api: Option<Arc<Api>>, clock: Clock, clock_is_set: bool) -> Self {
        let project = Self {
            folder: tempfile::tempdir().unwrap(),
            settings,
            api,
            recorder: Recorder::default(),
            clock,
            clock_is_set,
            stop: CancellationToken::new(),
        };
        std::fs::write(project.path("pipeline.toml"), &project.settings.file).unwrap();
        project
    }

    /// Makes a project in another folder, with the same API, secrets and clock, and with `file` as
    /// its pipeline file.
    pub(crate) fn with_file(&self, file: &str) -> Self {
        let settings = Settings { file: file.to_owned(), ..self.settings.clone() };
        Self::of(settings, self.api.clone(), self.clock.clone(), self.clock_is_set)
    }

    /// Makes a project in another folder, with the same pipeline file and API, and no state.
    pub(crate) fn without_state(&self) -> Self {
        self.with_file(&self.settings.file)
    }

    /// Returns the text that the pipeline file was made with.
    pub(crate) fn file(&self) -> String {
        self.settings.file.clone()
    }

    /// Returns the API that the runs read.
    pub(crate) fn api(&self) -> &SimulatorHandle {
        &self.api.as_ref().expect("the project was made with a simulator").simulator
    }

    /// Returns how many calls for a page were made.
    pub(crate) fn calls(&self) -> u64 {
        self.api().requests().user_get
    }

    /// Returns the followers of the first account, in the order of the list.
    pub(crate) fn truth(&self) -> Vec<String> {
        self.truth_of(&self.settings.app_id)
    }

    /// Returns the followers of an account, in the order of the list.
    pub(crate) fn truth_of(&self, app_id: &str) -> Vec<String> {
        assert!(!app_id.is_empty(), "the builder was given no account");
        self.api().followers(app_id).iter().collect()
    }

    /// Returns a path below the folder.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// Returns all files of the folder, in order.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        collect(self.folder.path(), &mut files);
        files.sort();
        files
    }

    /// Adds text to the end of the pipeline file.
    pub(crate) fn append(&self, text: &str) {
        let file = self.path("pipeline.toml");
        std::fs::write(&file, std::fs::read_to_string(&file).unwrap() + text).unwrap();
    }

    /// Returns a command of the binary in this folder. It reads this project's API, has no secret,
    /// and has this project's clock, if that was set.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = fanout(arguments);
        command.current_dir(self.folder.path());
        if self.api.is_some() {
            command.env(BASE_URL_VARIABLE, self.api().base_url());
        }
        if self.clock_is_set && arguments.first().is_some_and(|command| WITH_CLOCK.contains(command)) {
            command.args(["--clock", &self.clock.now().to_rfc3339()]);
        }
        command
    }

    /// Returns a command of the binary in this folder that has the secrets of the pipeline file.
    pub(crate) fn command_with_secrets(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        command.envs(self.settings.secrets.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Returns the command `fanout run pipeline.toml` with the secrets of the pipeline file.
    pub(crate) fn run_command(&self, more: &[&str]) -> Command {
        let mut command = self.command_with_secrets(&["run", "pipeline.toml"]);
        command.args(more);
        command
    }

    /// Returns a command of another program, in this folder.
    pub(crate) fn command_of(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).env_remove("RUST_LOG").stdin(Stdio::null());
        command
    }

    /// Runs the binary to its end, without a secret.
    pub(crate) fn fanout(&self, arguments: &[&str]) -> Ended {
        Ended::of(&mut self.command(arguments))
    }

    /// Runs the pipeline to the end of the process.
    pub(crate) fn run(&self, more: &[&str]) -> Ended {
        Ended::of(&mut self.run_command(more))
    }

    /// Runs the pipeline, and asserts that it ends with exit code 0.
    #[track_caller]
    pub(crate) fn finish(&self, more: &[&str]) -> Ended {
        self.run(more).good()
    }

    /// Starts a run with pipes for its streams.
    pub(crate) fn start(&self, more: &[&str]) -> Child {
        self.run_command(more).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Starts a run, and waits until it has asked for its page number `page`: the page before is
    /// then in the journal.
    pub(crate) fn start_until_page(&self, more: &[&str], page: u64) -> Child {
        let calls = self.calls();
        let mut process = self.start(more);
        while self.calls() < calls + page {
            assert!(process.try_wait().unwrap().is_none(), "it ended before it asked for page {page}");
            std::thread::sleep(BETWEEN_LOOKS);
        }
        process
    }
}

/// Collects the files below a folder. A run may remove one while this looks.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return,
        entries => entries.unwrap(),
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}
