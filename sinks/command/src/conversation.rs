//! `protocol = "arrow"`: sends messages and batches to the program, and checks what it answers.

use std::process::Stdio;

use fanout_sink::{Batch, Found, SinkContext, SinkError, SinkReport, Snapshot};
use tokio::process::ChildStdout;
use tokio::time::{Instant, sleep_until, timeout};

use crate::failure::{Class, Failure};
use crate::lines::{Line, Lines};
use crate::message::{self, FromProgram, Hello, Task, ToProgram};
use crate::options::{CommandOptions, seconds};
use crate::phase::Phase;
use crate::process::{End, Process, Progress};
use crate::redaction::Redaction;
use crate::stream::Stream;

/// The longest message of a program, in bytes: enough for a report of thousands of outputs.
const LONGEST_MESSAGE: usize = 1 << 20;
/// The longest location of an output, in characters: that of a path on Linux.
const LONGEST_LOCATION: usize = 4_096;
/// The longest part of a line that an error shows, in characters.
const SHOWN: usize = 120;
/// The longest part of a parser's message that an error shows, in characters: enough for the names
/// of all messages.
const LONGEST_PROBLEM: usize = 200;

/// A program that receives one list.
#[derive(Debug)]
pub(crate) struct Conversation {
    process: Process,
    output: Lines<ChildStdout>,
    stream: Stream,
    /// A buffer for what is sent, used again for each batch.
    outgoing: Vec<u8>,
    options: CommandOptions,
    redaction: Redaction,
    /// Batches that were sent, including the one that is being sent.
    sent: u64,
    /// Batches that the program has acknowledged.
    acknowledged: u64,
    rows: u64,
    has_prepared: bool,
}

/// The first of the events that an exchange waits for.
enum Event {
    /// The program wrote a line, or closed its stdout (`None`).
    Line(std::io::Result<Option<Line>>),
    /// The program read some input, closed it, or ended.
    Input(Progress),
    /// The time limit is over.
    Timeout,
}

impl Conversation {
    /// Starts the program for a list, and waits until it has answered `ready` and taken the schema.
    pub(crate) async fn start(options: CommandOptions, context: &SinkContext) -> Result<Self, SinkError> {
        let mut conversation = Self::new(options, context)?;
        match conversation.begin(context).await {
            Ok(()) => Ok(conversation),
            Err(failure) => Err(conversation.fail(failure).await.into()),
        }
    }

    /// Asks the program whether a list is still there as `commit` reported it.
    pub(crate) async fn find(
        options: CommandOptions,
        context: &SinkContext,
        commit: &SinkReport,
    ) -> Result<Found, SinkError> {
        let mut conversation = Self::new(options, context)?;
        match conversation.ask(context, commit).await {
            Ok(found) => {
                conversation.end_well("answered").await;
                Ok(found)
            }
            Err(failure) => Err(conversation.fail(failure).await.into()),
        }
    }

    fn new(options: CommandOptions, context: &SinkContext) -> Result<Self, SinkError> {
        let stream = Stream::new(&context.schema)?;
        let mut process = Process::start(&options, context, Stdio::piped())?;
        let output = process.take_output().expect("stdout is piped");
        Ok(Self {
            process,
            output: Lines::new(output, LONGEST_MESSAGE),
            stream,
            outgoing: Vec::new(),
            redaction: Redaction::new(&options),
            options,
            sent: 0,
            acknowledged: 0,
            rows: 0,
            has_prepared: false,
        })
    }

    /// Sends the hello, waits for `ready`, and sends the schema.
    async fn begin(&mut self, context: &SinkContext) -> Result<(), Failure> {
        self.hello(Task::Deliver, context).await?;
        let columns = self.stream.take(Vec::new());
        self.exchange(&columns, Phase::Receiving).await.map(drop)
    }

    /// Sends the hello and, if the program can look, the question.
    async fn ask(&mut self, context: &SinkContext, commit: &SinkReport) -> Result<Found, Failure> {
        if !self.hello(Task::Find, context).await? {
            return Ok(Found::Unknown);
        }
        match self.exchange(&ToProgram::Find { commit }.line(), Phase::Finding).await? {
            Some(FromProgram::Found { state, message }) => {
                let message = message.unwrap_or_else(|| "the program does not say what is there".to_owned());
                Ok(state.found(self.redaction.line(&message, LONGEST_LOCATION)))
            }
            _ => unreachable!("nothing else ends the phase"),
        }
    }

    /// Sends the hello, waits for `ready`, and returns whether the program can look for a list.
    async fn hello(&mut self, task: Task, context: &SinkContext) -> Result<bool, Failure> {
        let hello = ToProgram::Hello(Box::new(Hello::new(task, &self.options, context))).line();
        match self.exchange(&hello, Phase::Starting).await? {
            Some(FromProgram::Ready { find }) => Ok(find),
            _ => unreachable!("nothing else ends the phase"),
        }
    }

    /// Sends a batch, and waits until the window has room for another.
    pub(crate) async fn write(&mut self, batch: &Batch) -> Result<(), Failure> {
        self.stream.write(batch.records())?;
        self.sent += 1;
        self.rows += batch.records().num_rows() as u64;
        let bytes = self.stream.take(std::mem::take(&mut self.outgoing));
        let written = self.exchange(&bytes, Phase::Receiving).await;
        self.outgoing = bytes;
        written.map(drop)
    }

    /// Ends the stream, sends the snapshot, and waits for `prepared`.
    pub(crate) async fn prepare(&mut self, snapshot: &Snapshot) -> Result<(), Failure> {
        self.stream.finish()?;
        let mut bytes = self.stream.take(std::mem::take(&mut self.outgoing));
        bytes.extend(ToProgram::Snapshot(snapshot).line());
        self.exchange(&bytes, Phase::Preparing).await?;
        self.has_prepared = true;
        Ok(())
    }

    /// Sends `commit`, and waits for `committed`.
    ///
    /// After a temporary error the program still runs and may be asked to commit again. After any
    /// other result it has ended.
    pub(crate) async fn commit(&mut self) -> Result<SinkReport, Failure> {
        let Some(FromProgram::Committed { rows, bytes, mut outputs }) =
            self.exchange(&ToProgram::Commit.line(), Phase::Committing).await?
        else {
            unreachable!("nothing else ends the phase");
        };
        let bytes = bytes.unwrap_or_else(|| outputs.iter().map(|output| output.bytes).sum());
        for output in &mut outputs {
            output.location = self.redaction.line(&output.location, LONGEST_LOCATION);
        }
        self.end_well("committed").await;
        Ok(SinkReport { rows, bytes, outputs, mount: None })
    }

    /// Ends a program that has done its work. A bad end does not change that; it is logged.
    async fn end_well(&mut self, done: &str) {
        match self.process.end(End::ByItself).await {
            Some(status) if status.success() => {}
            end => tracing::warn!(command = self.process.name, ?end, "the program {done}, and did not end well"),
        }
    }

    /// Makes the program drop the list, and waits for its end.
    pub(crate) async fn abort(&mut self) -> Result<(), Failure> {
        if self.has_prepared {
            // A program that does not read it sees the end of its input, which also means abort.
            let _ = timeout(seconds(self.options.grace_secs), self.process.give(&ToProgram::Abort.line())).await;
        }
        let failure = match self.process.end(End::ByItself).await {
            Some(status) if status.success() => return Ok(()),
            Some(_) => Failure::permanent(format!("`{}` failed while it aborted", self.process.name)),
            None => {
                let grace = self.options.grace_secs;
                let message = format!("`{}` did not end within `grace_secs` = {grace} of its abort", self.process.name);
                Failure::permanent(message)
            }
        };
        Err(self.process.fail(failure, End::ByItself).await)
    }

    /// Ends the program after `failure`, and returns the failure with the last lines of its stderr.
    pub(crate) async fn fail(&mut self, failure: Failure) -> Failure {
        self.process.fail(failure, End::ByItself).await
    }

    /// Sends `outgoing` and reads the program's messages until the phase is over.
    ///
    /// A phase ends with its answer, which is returned. `Phase::Receiving` has none: it ends when
    /// the program has read everything and the window has room.
    async fn exchange(&mut self, outgoing: &[u8], phase: Phase) -> Result<Option<FromProgram>, Failure> {
        let (key, limit) = phase.limit(&self.options);
        let mut deadline = Instant::now() + seconds(limit);
        let mut rest = outgoing;
        // The program has closed its input or ended. It may write why within the grace period.
        let mut input_is_closed = false;
        // The answer may come before the program has read everything.
        let mut answer = None;
        loop {
            let may_follow = self.sent - self.acknowledged < u64::from(self.options.window.get());
            let is_done = answer.is_some() || phase == Phase::Receiving && may_follow && !input_is_closed;
            if is_done && rest.is_empty() {
                return Ok(answer);
            }
            // Read and write at once: a program whose stdout is full does not read its stdin.
            let event = tokio::select! {
                biased;
                line = self.output.next() => Event::Line(line),
                progress = self.process.give(rest), if !input_is_closed => Event::Input(progress),
                () = sleep_until(deadline) => Event::Timeout,
            };
            match event {
                Event::Line(Ok(Some(line))) => {
                    let message = self.parse(&line)?;
                    answer = self.accept(message, phase, rest.is_empty())?;
                }
                Event::Line(Ok(None) | Err(_)) => {
                    self.process.close_input();
                    return Err(self.process.closed("stdout", phase).await);
                }
                Event::Input(Progress::Took(bytes)) => rest = &rest[bytes..],
                Event::Input(Progress::Closed | Progress::Ended) => {
                    input_is_closed = true;
                    deadline = deadline.min(Instant::now() + seconds(self.options.grace_secs));
                }
                Event::Timeout if input_is_closed => return Err(self.process.closed("stdin", phase).await),
                Event::Timeout => return Err(self.timed_out(key, limit.get(), phase, rest.len())),
            }
        }
    }

    fn timed_out(&self, key: &str, limit: u32, phase: Phase, left: usize) -> Failure {
        let what = match phase {
            Phase::Receiving if left > 0 => format!("did not read batch {}", self.sent),
            Phase::Receiving => format!("acknowledged only {} of {} batches", self.acknowledged, self.sent),
            _ => format!("did not say {}", phase.expected()),
        };
        Failure::permanent(format!("`{}` {what} within `{key}` = {limit}", self.process.name))
    }

    fn parse(&self, line: &Line) -> Result<FromProgram, Failure> {
        let (bytes, problem) = match line {
            Line::Whole(bytes) => match serde_json::from_slice(bytes) {
                Ok(message) => return Ok(message),
                Err(error) => (bytes, error.to_string()),
            },
            Line::Cut(bytes) => (bytes, format!("longer than {LONGEST_MESSAGE} bytes")),
        };
        let line = self.redaction.line(&String::from_utf8_lossy(bytes), SHOWN);
        let problem = self.redaction.line(&problem, LONGEST_PROBLEM);
        let message =
            format!("`{}` wrote a line to stdout that is no message: `{line}` ({problem})", self.process.name);
        Err(Failure::permanent(message)
            .with_hint("stdout is for messages, one JSON object a line; what else there is to say belongs on stderr"))
    }

    /// Checks a message against the phase, and returns it if it ends the phase. `all_sent` says
    /// whether the program has read everything that was sent.
    fn accept(&mut self, message: FromProgram, phase: Phase, all_sent: bool) -> Result<Option<FromProgram>, Failure> {
        let name = &self.process.name;
        // The batch that is being sent cannot be acknowledged yet. (Before the first batch the
        // schema is being sent, and `sent` is 0.)
        let sent = self.sent.saturating_sub(u64::from(phase == Phase::Receiving && !all_sent));
        let wrong = |what: String| Err(Failure::permanent(format!("`{name}` {what}")));
        match (phase, message) {
            (_, FromProgram::Error { class, message, hint }) => {
                let shown = |text: &str| self.redaction.line(text, 10 * SHOWN);
                let message = format!("`{name}` says: {}", shown(&message));
                let class = match (class, phase) {
                    (message::Class::Permanent, _) => Class::Permanent,
                    (message::Class::Temporary, Phase::Receiving | Phase::Preparing) => Class::Aborted,
                    (message::Class::Temporary, _) => Class::Temporary,
                };
                Err(Failure { class, message, hint: hint.as_deref().map(shown) })
            }
            (Phase::Receiving | Phase::Preparing, FromProgram::Written { batches }) => {
                if batches <= self.acknowledged || batches > sent {
                    let before = self.acknowledged;
                    return wrong(format!("acknowledged {batches} batches after {before}; it has been given {sent}"));
                }
                self.acknowledged = batches;
                Ok(None)
            }
            (Phase::Preparing, FromProgram::Prepared { .. }) if self.acknowledged < sent => {
                wrong(format!("said `prepared` when it had acknowledged {} of {sent} batches", self.acknowledged))
            }
            (Phase::Preparing, FromProgram::Prepared { rows: Some(rows) }) if rows != self.rows => {
                wrong(format!("has prepared {rows} rows; it was given {}", self.rows))
            }
            (Phase::Committing, FromProgram::Committed { rows, .. }) if rows != self.rows => {
                wrong(format!("has committed {rows} rows; it was given {}", self.rows))
            }
            (Phase::Starting, message @ FromProgram::Ready { .. })
            | (Phase::Finding, message @ FromProgram::Found { .. })
            | (Phase::Preparing, message @ FromProgram::Prepared { .. })
            | (Phase::Committing, message @ FromProgram::Committed { .. }) => Ok(Some(message)),
            (_, message) => {
                let (said, expected) = (message.name(), phase.expected());
                wrong(format!("said `{said}` {phase}; expected {expected}"))
            }
        }
    }
}
