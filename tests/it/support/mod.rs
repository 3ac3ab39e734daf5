//! What the integration tests share: a folder with a pipeline file, and the real binary run in it.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::SystemTime;

use tempfile::TempDir;

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

/// A folder with a pipeline file, its state and its outputs.
pub(crate) struct Project {
    folder: TempDir,
}

/// What a process left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Project {
    /// Makes a folder with the pipeline file `pipeline.toml`.
    pub(crate) fn new(pipeline: &str) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::write(project.path("pipeline.toml"), pipeline).unwrap();
        project
    }

    /// Returns a path below the folder.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// Returns a command of the binary, in this folder, with none of the variables that change a run.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = fanout(arguments);
        command.current_dir(self.folder.path());
        command
    }

    /// Returns a command of another program, in this folder.
    pub(crate) fn command_of(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).env_remove("RUST_LOG").stdin(Stdio::null());
        command
    }

    /// Runs the binary to its end.
    pub(crate) fn fanout(&self, arguments: &[&str]) -> Ended {
        Ended::of(&mut self.command(arguments))
    }

    /// Returns all files of the folder, in order.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        collect(self.folder.path(), &mut files);
        files.sort();
        files
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}

/// Returns a command of the binary with none of the variables that change a run.
pub(crate) fn fanout(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanout"));
    command.args(arguments).env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

impl Ended {
    /// Runs a command to its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        Self::after(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Waits for a process to end.
    pub(crate) fn after(process: Child) -> Self {
        let output = process.wait_with_output().unwrap();
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Returns the JSON document on stdout, which must hold nothing else.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

/// Sends a signal to a process.
pub(crate) fn signal(process: &Child, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &process.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// `fanout simulate`, which ends when it is dropped.
pub(crate) struct SimulatorProcess {
    pub(crate) process: Child,
    pub(crate) base_url: String,
    /// Kept open: a closed pipe is not what the tests are about.
    _stdout: BufReader<ChildStdout>,
}

impl SimulatorProcess {
    /// Starts it, and waits until it serves.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut process = fanout(&[&["simulate"], arguments].concat()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        Self { process, base_url: line.trim_end().to_owned(), _stdout: stdout }
    }
}

impl Drop for SimulatorProcess {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns a variable that says how the tests are run.
#[expect(clippy::disallowed_methods, reason = "how tests are run is no configuration of a pipeline")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Says something whether the test passes or not: the test harness shows what `eprintln!` prints only when it fails.
pub(crate) fn say(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// Returns a Python that has `module`: the one that `READERS_PYTHON` names, or `python3`. None, and a word about it, if it
/// has not: a failure where nothing may be skipped.
pub(crate) fn python_with(module: &str) -> Option<String> {
    let python = variable("READERS_PYTHON").unwrap_or_else(|| "python3".to_owned());
    // It is started in other folders.
    let python = if python.contains('/') {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(python).to_str().unwrap().to_owned()
    } else {
        python
    };
    if Command::new(&python)
        .args(["-c", &format!("import {module}")])
        .output()
        .is_ok_and(|output| output.status.success())
    {
        return Some(python);
    }
    let hint = format!("pip install {module}, and name that Python in READERS_PYTHON");
    assert!(variable("FANOUT_REQUIRE_ALL").is_none(), "`{python}` has no {module}; {hint}");
    say(&format!("skipped: what needs {module} was not run; {hint}"));
    None
}

/// Numbers that a seed determines: `SplitMix64` (<https://prng.di.unimi.it/splitmix64.c>).
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// Returns a number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// Returns the seed that a variable names, or one that nobody has seen before.
pub(crate) fn seed(name: &str) -> u64 {
    let clock = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64 % 1_000_000;
    variable(name).map_or_else(clock, |seed| seed.parse().unwrap())
}

/// Alters a record of the state as its writer could have: with the checksum of what it says then.
pub(crate) fn forge(path: &Path, alter: impl FnOnce(&str) -> String) {
    let text = std::fs::read_to_string(path).unwrap();
    let (_, record) = text.split_once("\"record\": ").unwrap();
    let record = alter(record.trim_end().strip_suffix('}').unwrap().trim_end());
    let checksum = crc32c::crc32c(record.as_bytes());
    std::fs::write(path, format!("{{\"crc32c\":\"{checksum:08x}\",\"record\":{record}}}")).unwrap();
}
