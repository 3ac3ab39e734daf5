//! The sink: passes one list to a program, whatever its protocol.

use fanout_sink::{Batch, Sink, SinkContext, SinkError, SinkReport, Snapshot, async_trait};

use crate::conversation::Conversation;
use crate::failure::{Class, Failure};
use crate::options::{CommandOptions, Protocol};
use crate::plain::Plain;

/// Delivers one list to a program.
#[derive(Debug)]
pub struct CommandSink {
    state: State,
}

#[derive(Debug)]
enum State {
    Arrow(Box<Conversation>),
    Plain(Box<Plain>),
    /// The program has published the list, and ended.
    Committed(SinkReport),
    /// The program has failed, and was ended. Every call returns the same error.
    Failed(Failure),
    /// The program has dropped the list, and ended.
    Aborted,
}

impl CommandSink {
    pub(crate) async fn start(options: CommandOptions, context: &SinkContext) -> Result<Self, SinkError> {
        let state = match options.protocol {
            Protocol::Arrow => State::Arrow(Box::new(Conversation::start(options, context).await?)),
            Protocol::Plain => State::Plain(Box::new(Plain::start(options, context)?)),
        };
        Ok(Self { state })
    }

    /// Ends the program after `failure`, and keeps the error for later calls.
    async fn give_up(&mut self, failure: Failure) -> SinkError {
        let failure = match &mut self.state {
            State::Arrow(program) => program.fail(failure).await,
            State::Plain(program) => program.fail(failure).await,
            State::Committed(_) | State::Failed(_) | State::Aborted => failure,
        };
        self.state = State::Failed(failure.clone());
        failure.into()
    }
}

/// Returns the error of a call after the list has ended.
fn too_late() -> Failure {
    Failure::permanent("the list has ended, and takes no more calls")
}

#[async_trait]
impl Sink for CommandSink {
    async fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        let written = match &mut self.state {
            State::Arrow(program) => program.write(batch).await,
            State::Plain(program) => program.write(batch).await,
            State::Failed(failure) => return Err(failure.clone().into()),
            State::Committed(_) | State::Aborted => return Err(too_late().into()),
        };
        match written {
            Ok(()) => Ok(()),
            Err(failure) => Err(self.give_up(failure).await),
        }
    }

    async fn prepare(&mut self, snapshot: &Snapshot) -> Result<(), SinkError> {
        let prepared = match &mut self.state {
            State::Arrow(program) => program.prepare(snapshot).await,
            State::Plain(program) => program.prepare().await,
            State::Failed(failure) => return Err(failure.clone().into()),
            State::Committed(_) | State::Aborted => return Err(too_late().into()),
        };
        match prepared {
            Ok(()) => Ok(()),
            Err(failure) => Err(self.give_up(failure).await),
        }
    }

    async fn commit(&mut self) -> Result<SinkReport, SinkError> {
        let committed = match &mut self.state {
            State::Arrow(program) => match program.commit().await {
                // The program still runs. The engine waits, and calls `commit` again.
                Err(failure) if failure.class == Class::Temporary => return Err(failure.into()),
                committed => committed,
            },
            State::Plain(program) => program.commit().await,
            State::Committed(report) => return Ok(report.clone()),
            State::Failed(failure) => return Err(failure.clone().into()),
            State::Aborted => return Err(too_late().into()),
        };
        match committed {
            Ok(report) => {
                self.state = State::Committed(report.clone());
                Ok(report)
            }
            Err(failure) => Err(self.give_up(failure).await),
        }
    }

    async fn abort(&mut self) -> Result<(), SinkError> {
        let aborted = match &mut self.state {
            State::Arrow(program) => program.abort().await,
            State::Plain(program) => {
                program.abort().await;
                Ok(())
            }
            State::Committed(_) | State::Failed(_) | State::Aborted => Ok(()),
        };
        self.state = State::Aborted;
        aborted.map_err(SinkError::from)
    }
}
