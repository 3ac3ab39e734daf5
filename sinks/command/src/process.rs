//! A running program: its input, its log, and its end.
//!
//! The program leads a process group of its own. So a signal from the terminal does not reach it, fanout being the one
//! to say what becomes of the list; and whatever it has started ends with it.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use fanout_sink::{SinkContext, SinkError};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::environment::environment;
use crate::failure::Failure;
use crate::log::Log;
use crate::options::{CommandOptions, seconds};
use crate::phase::Phase;
use crate::program::Program;
use crate::redaction::Redaction;

/// A program that was started and, unless [`end`](Self::end) has returned, perhaps still runs.
#[derive(Debug)]
pub(crate) struct Process {
    /// The command in a few words, for messages.
    pub(crate) name: String,
    child: Child,
    group: Pid,
    /// None once it was closed, by either side.
    input: Option<ChildStdin>,
    log: Log,
    grace: Duration,
    /// How it has ended, if it has.
    status: Option<ExitStatus>,
}

/// What a program has done.
#[derive(Debug)]
pub(crate) enum Progress {
    /// It took so many bytes.
    Took(usize),
    /// It has closed its input.
    Closed,
    /// It has ended.
    Ended,
}

/// How a program is made to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It sees the end of its input, and has a while to clear up.
    ByItself,
    /// It is sent a signal, and its input stays open until it is gone: to a plain program the end of the input would
    /// be the commit.
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
        Ok(Self { name: options.shown(), child, group, input, log, grace, status: None })
    }

    /// Returns the program's stdout, if it is piped and was not taken before.
    pub(crate) fn take_output(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Writes some of `bytes`, if there are any, or waits until the program has ended. Loses nothing if it is dropped
    /// before it is ready.
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
                // It has kept the status.
                let _ = self.ended().await;
                Progress::Ended
            }
        }
    }

    /// Lets the program see the end of its input.
    pub(crate) fn close_input(&mut self) {
        self.input = None;
    }

    /// Waits for the program to end by itself.
    pub(crate) async fn ended(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.status {
            return Ok(status);
        }
        let status = self.child.wait().await?;
        // What it has started and left behind ends with it. The number of the group may be given anew from now on, but
        // not before all others were.
        self.kill_group(Signal::KILL);
        self.status = Some(status);
        Ok(status)
    }

    /// Makes the program end, by force if it does not within the grace period, and returns how it ended by itself.
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

    /// Ends the program, and returns `failure` with what can be said beside it.
    pub(crate) async fn fail(&mut self, failure: Failure, how: End) -> Failure {
        if self.status.is_none() {
            self.end(how).await;
        }
        let message = failure.message + &self.log.last_words().await;
        Failure { message, ..failure }
    }

    /// Returns the failure of a program that has closed its stdin or stdout, `what`, and has probably ended.
    pub(crate) async fn gone(&mut self, what: &str, phase: Phase) -> Failure {
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
        // An error says that there is nobody left in it.
        let _ = kill_process_group(self.group, signal);
    }
}

impl Drop for Process {
    /// Nobody has said what becomes of the list, as after a panic: the program is killed, which equals a crash. The
    /// runtime waits for what is left of it.
    fn drop(&mut self) {
        if self.status.is_none() {
            self.kill_group(Signal::KILL);
        }
    }
}
