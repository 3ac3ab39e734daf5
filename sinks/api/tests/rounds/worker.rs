//! The processes that publish, from the side of the test.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::locks::{Library, Locks};
use crate::publisher::{Order, PREFIX, Said};

pub(crate) struct Worker {
    process: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Worker {
    fn start(library: Option<&Library>) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "worker_process", "--ignored", "--nocapture"]);
        if let Some(library) = library {
            command.env("LD_PRELOAD", &library.path);
        }
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (process.stdin.take(), BufReader::new(process.stdout.take().unwrap()));
        Self { process, stdin, stdout }
    }

    pub(crate) fn order(&mut self, order: &Order) {
        let line = format!("{}\n", serde_json::to_string(order).unwrap());
        self.stdin.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
    }

    /// Sends a signal. The process was not waited for, so its number is its own.
    pub(crate) fn signal(&self, signal: Signal) {
        let number = Pid::from_raw(self.process.id().cast_signed()).unwrap();
        kill_process(number, signal).unwrap();
    }

    /// Returns what the process says until all is done; of a killed one, until its end.
    pub(crate) fn answers(&mut self, is_killed: bool) -> Vec<Said> {
        let mut answers = Vec::new();
        loop {
            let mut line = String::new();
            if self.stdout.read_line(&mut line).unwrap() == 0 {
                self.process.wait().unwrap();
                assert!(is_killed, "a process has ended by itself; it said {answers:?}");
                return answers;
            }
            // The last line of a killed process may be cut off.
            let said = line.strip_prefix(PREFIX).and_then(|text| serde_json::from_str(text).ok());
            match said {
                Some(Said::Done) if !is_killed => return answers,
                Some(Said::Done) | None => {}
                Some(said) => answers.push(said),
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It ends at the end of its input, if it still lives.
        self.stdin = None;
        let _ = self.process.wait();
    }
}

/// Processes that live until they are killed.
pub(crate) struct Pool {
    pub(crate) locks: Locks,
    library: Option<Library>,
    idle: Vec<Worker>,
}

impl Pool {
    /// Makes the pool; `None` if these locks cannot be had here.
    pub(crate) fn new(locks: Locks) -> Option<Self> {
        let library = locks.library().ok()?;
        Some(Self { locks, library, idle: Vec::new() })
    }

    /// Has an order done by a process that is not killed.
    pub(crate) fn ask(&mut self, order: &Order) -> Vec<Said> {
        let mut worker = self.take();
        worker.order(order);
        let answers = worker.answers(false);
        self.give(worker);
        answers
    }

    pub(crate) fn take(&mut self) -> Worker {
        self.idle.pop().unwrap_or_else(|| Worker::start(self.library.as_ref()))
    }

    pub(crate) fn give(&mut self, worker: Worker) {
        self.idle.push(worker);
    }
}
