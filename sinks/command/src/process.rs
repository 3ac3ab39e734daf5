//! A running program: its input, its log, and its end.
//!
//! The program leads a process group of its own. A signal from the terminal does not reach it,
//! because fanout decides what happens to the list. The processes that it has started end with it.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use fanout_sink::{SinkContext, SinkError};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::environment::environment;
use crate::failure::Failure;
use crate::log::Log;
use crate::options::{CommandOptions, Protocol, seconds};
use crate::phase::Phase;
use crate::program::Program;
use crate::redaction::Redaction;

/// How often a dropped program is asked whether it has ended.
const POLL: Duration = Duration::from_millis(5);

/// A program that was started. It may still run until [`end`](Self::end) has returned.
#[derive(Debug)]
pub(crate) struct Process {
    /// The command in a few words, for messages.
    pub(crate) name: String,
    child: Child,
    group: Pid,
    /// `None` after either side has closed it.
    input: Option<ChildStdin>,
    log: Log,
    grace: Duration,
    /// How the program ends if it is dropped.
    end: End,
    /// Its exit status; `None` while it may still run.
    status: Option<ExitStatus>,
}

/// What a program has done with its input.
#[derive(Debug)]
pub(crate) enum Progress {
    /// It has read so many bytes, or the pipe holds them.
    Took(usize),
    /// It has closed its input.
    Closed,
    /// It has ended.
    Ended,
}

/// How a program is made to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Its input is closed; it has the grace period to clean up.
    ByItself,
    /// It gets SIGTERM, and its input stays open until it has ended. For a plain program the end of
    /// the input would be the commit.
    BySignal,
}

impl Process {
    /// Starts the program of `options`, whose stdout goes to `stdout`.
    pub(crate) fn start(options: &CommandOptions, context: &SinkContext, stdout: Stdio) -> Result<Self, SinkError> {
        let program = Program::find(options, context)?;
        let mut command = Command::new(&program.path);
        command.args(&options.command[1..]).current_dir(&program.directory);
        command.env_clear().envs(environment(options, context));
        command.stdin(Stdio::piped()).stdout(stdout).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().map_err(|error| {
            let message = format!("the program `{}` cannot be started", program.path.display());
            SinkError::option("command", message).with_source(error)
        })?;
        let id = child.id().expect("it has not been waited for");
        let group = Pid::from_raw(id.cast_signed()).expect("a child has a number");
        let input = child.stdin.take();
        let stderr = child.stderr.take().expect("stderr is piped");
        let log = Log::start(stderr, context.sink.clone(), Redaction::new(options));
        let grace = seconds(options.grace_secs);
        let end = match options.protocol {
            Protocol::Arrow => End::ByItself,
            Protocol::Plain => End::BySignal,
        };
        Ok(Self { name: options.shown(), child, group, input, log, grace, end, status: None })
    }

    /// Takes the program's stdout; `None` if it is not piped, or was taken before.
    pub(crate) fn take_output(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Writes some of `bytes`; without bytes, waits until the program has ended.
    ///
    /// # Cancellation
    ///
    /// Safe: no bytes are written if the future is dropped before it is ready.
    pub(crate) async fn give(&mut self, bytes: &[u8]) -> Progress {
        if self.status.is_some() {
            return Progress::Ended;
        }
        let Some(input) = self.input.as_mut().filter(|_| !bytes.is_empty()) else {
            let _ = self.ended().await;
            return Progress::Ended;
        };
        tokio::select! {
            taken = input.write(bytes) => {
                if let Ok(taken) = taken {
                    return Progress::Took(taken);
                }
                self.input = None;
                Progress::Closed
            }
            _ = self.child.wait() => {
                // The child keeps its status, so this returns at once.
                let _ = self.ended().await;
                Progress::Ended
            }
        }
    }

    /// Closes the program's input.
    pub(crate) fn close_input(&mut self) {
        self.input = None;
    }

    /// Waits for the program to end by itself.
    pub(crate) async fn ended(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.status {
            return Ok(status);
        }
        let status = self.child.wait().await?;
        // Ends the processes that it has started and left behind. From now on the kernel may give
        // the group's number to another process, but it does so only after all other numbers.
        self.kill_group(Signal::KILL);
        self.status = Some(status);
        Ok(status)
    }

    /// Ends the program. Returns its exit status, or `None` if it did not end within the grace
    /// period and was killed.
    pub(crate) async fn end(&mut self, how: End) -> Option<ExitStatus> {
        match how {
            End::ByItself => self.close_input(),
            End::BySignal => self.kill_group(Signal::TERM),
        }
        let grace = self.grace;
        let by_itself = timeout(grace, self.ended()).await.ok().and_then(Result::ok);
        if by_itself.is_none() {
            self.kill_group(Signal::KILL);
            if let Err(error) = self.ended().await {
                tracing::warn!(command = self.name, %error, "it is not known whether the program has ended");
            }
        }
        self.close_input();
        by_itself
    }

    /// Ends the program, and returns `failure` with the last lines of its stderr.
    pub(crate) async fn fail(&mut self, failure: Failure, how: End) -> Failure {
        if self.status.is_none() {
            self.end(how).await;
        }
        let message = failure.message + &self.log.last_lines().await;
        Failure { message, ..failure }
    }

    /// Returns the failure of a program that has closed `what`, its stdin or stdout. It has
    /// probably ended.
    pub(crate) async fn closed(&mut self, what: &str, phase: Phase) -> Failure {
        match timeout(self.grace, self.ended()).await {
            Ok(Ok(status)) => self.unexpected_end(status, phase),
            _ => Failure::permanent(format!("`{}` closed its {what} {phase}, and did not end", self.name)),
        }
    }

    /// Returns the failure of a program that has ended with `status`.
    pub(crate) fn unexpected_end(&self, status: ExitStatus, phase: Phase) -> Failure {
        let how = match (status.code(), status.signal()) {
            (Some(code), _) => format!("ended with exit status {code}"),
            (None, Some(signal)) => format!("was ended by signal {signal}"),
            (None, None) => "ended".to_owned(),
        };
        Failure::permanent(format!("`{}` {how} {phase}", self.name))
    }

    fn kill_group(&self, signal: Signal) {
        // An error means that no process is left in the group.
        let _ = kill_process_group(self.group, signal);
    }
}

impl Drop for Process {
    /// Ends the program if neither commit nor abort came, as after a panic. For the program this is
    /// a crash of fanout: its input ends. Blocks until it has ended, at most for the grace period;
    /// then it is killed. The runtime reaps a child that was killed.
    fn drop(&mut self) {
        if self.status.is_some() {
            return;
        }
        if self.end == End::ByItself {
            self.close_input();
            let deadline = Instant::now() + self.grace;
            while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
                std::thread::sleep(POLL);
            }
        }
        self.kill_group(Signal::KILL);
    }
}
