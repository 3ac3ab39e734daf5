//! Processes: the built binary, what it leaves behind, and what is done to it.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// How long [`wait_until`] waits: no test needs nearly as long.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What a process left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
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

    /// Asserts that the exit code is 0.
    #[track_caller]
    pub(crate) fn good(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// Returns the JSON document on stdout, which must hold nothing else.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

/// Returns a command of the binary with none of the variables that change a run.
pub(crate) fn fanout(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanout"));
    command.args(arguments).env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// Returns `outer` (`sh -c …`, `unshare …`) with the program, arguments, folder and variables of
/// `command` behind its own arguments.
pub(crate) fn wrapped(mut outer: Command, command: &Command) -> Command {
    outer.arg(command.get_program()).args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        outer.current_dir(folder);
    }
    outer.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    outer
}

/// Sends a signal to a process.
pub(crate) fn signal(process: &Child, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &process.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Halts a process, so that its run does not end while `look` looks at it.
pub(crate) fn while_halted<T>(process: &Child, look: impl FnOnce() -> T) -> T {
    signal(process, "STOP");
    let seen = look();
    signal(process, "CONT");
    seen
}

/// Returns the most memory that a process has had so far, in KiB; `None` once it has ended.
pub(crate) fn peak_kib(process: u32) -> Option<u64> {
    kib_in_status(&status(process)?, "VmHWM:")
}

/// Returns the most memory of its own that a process has had so far, in KiB: without the pages of
/// the program file and of libraries, which are about 40 MB in a debug build. It is never more than
/// the process had, for pages of files only come; the largest of many readings is close to it.
pub(crate) fn own_peak_kib(process: u32) -> Option<u64> {
    let status = status(process)?;
    Some(kib_in_status(&status, "VmHWM:")?.saturating_sub(kib_in_status(&status, "RssFile:")?))
}

/// Returns what the system says of a process; `None` once it has ended.
fn status(process: u32) -> Option<String> {
    std::fs::read_to_string(format!("/proc/{process}/status")).ok()
}

/// Returns a field of [`status`] that is a number of KiB; a process that has ended has none.
fn kib_in_status(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// Waits until `has_come` holds. `what` says in a failure what was waited for.
pub(crate) fn wait_until(what: &str, has_come: impl Fn() -> bool) {
    let started = Instant::now();
    while !has_come() {
        assert!(started.elapsed() < LONGEST_WAIT, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// `fanout simulate`, which ends when it is dropped.
pub(crate) struct SimulatorProcess {
    pub(crate) process: Child,
    pub(crate) base_url: String,
    /// Kept open, so that the process never writes to a closed pipe.
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
