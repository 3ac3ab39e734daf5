//! One sink, on a thread of its own.

use std::time::Duration;

use fanout_sink::{Batch, Sink, SinkContext, SinkError, SinkReport, Snapshot};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tracing::Instrument as _;

use crate::backoff::Backoff;
use crate::config::SinkRetry;
use crate::registry::BoundSink;

/// The longest pause between two calls, unless the first one is longer already.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The owner of an open sink. The sink may block or compute: it shares no thread with the walk. Its calls come one after
/// the other, in the order of the queue, and none is ever cancelled.
#[derive(Debug)]
pub(super) struct SinkTask {
    commands: mpsc::Sender<Command>,
}

/// Where batches are put for a sink.
pub(super) type SinkQueue = mpsc::Sender<Command>;

/// What a sink is asked to do.
#[derive(Debug)]
pub(super) enum Command {
    Write(Batch),
    Prepare(Snapshot, oneshot::Sender<Result<(), SinkError>>),
    Commit(oneshot::Sender<Result<SinkReport, SinkError>>),
    Abort(oneshot::Sender<Result<(), SinkError>>),
}

impl SinkTask {
    /// Opens a sink on a thread of its own, with its queue of batches before it.
    pub(super) async fn open(bound: &BoundSink, context: SinkContext) -> Result<Self, SinkError> {
        let (commands, queue) = mpsc::channel(bound.section().queue.max(1));
        let (opened, result) = oneshot::channel();
        let bound = bound.clone();
        let runtime = Handle::current();
        let span = tracing::info_span!("sink", sink = bound.name());
        tokio::task::spawn_blocking(move || {
            let work = async move {
                match with_retries(&bound.section().retry, async || bound.open(context.clone()).await).await {
                    Ok(sink) => {
                        let _ = opened.send(Ok(()));
                        serve(sink, &bound, queue).await;
                    }
                    Err(error) => drop(opened.send(Err(error))),
                }
            };
            runtime.block_on(work.instrument(span));
        });
        result.await.unwrap_or_else(|_| Err(panicked()))?;
        Ok(Self { commands })
    }

    /// Returns where batches are put.
    pub(super) fn queue(&self) -> SinkQueue {
        self.commands.clone()
    }

    /// Makes the sink prepare what it was given; the error of an earlier `write` comes out here.
    pub(super) async fn prepare(&self, snapshot: &Snapshot) -> Result<(), SinkError> {
        self.ask(|reply| Command::Prepare(snapshot.clone(), reply)).await
    }

    /// Makes the sink publish what it has prepared.
    pub(super) async fn commit(&self) -> Result<SinkReport, SinkError> {
        self.ask(Command::Commit).await
    }

    /// Makes the sink forget the list, and ends its thread.
    pub(super) async fn abort(self) -> Result<(), SinkError> {
        self.ask(Command::Abort).await
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, SinkError>>) -> Command,
    ) -> Result<T, SinkError> {
        let (reply, result) = oneshot::channel();
        // A thread that has ended drops its end of both channels.
        let _ = self.commands.send(command(reply)).await;
        result.await.unwrap_or_else(|_| Err(panicked()))
    }
}

/// Serves a sink until nobody can ask anything of it any more.
async fn serve(mut sink: Box<dyn Sink>, bound: &BoundSink, mut queue: mpsc::Receiver<Command>) {
    let retry = &bound.section().retry;
    let mut failure = None;
    while let Some(command) = queue.recv().await {
        match command {
            // What comes after a failure is let go at once: a failing sink does not stop the walk.
            Command::Write(_) if failure.is_some() => {}
            Command::Write(batch) => {
                let batch = bound.select(&batch);
                failure = with_retries(retry, async || sink.write(&batch).await).await.err();
                if let Some(error) = &failure {
                    tracing::warn!(sink = bound.name(), %error, "the sink failed; it will be delivered from the journal");
                }
            }
            Command::Prepare(snapshot, reply) => {
                let result = match failure.take() {
                    Some(error) => Err(error),
                    None => with_retries(retry, async || sink.prepare(&snapshot).await).await,
                };
                let _ = reply.send(result);
            }
            Command::Commit(reply) => drop(reply.send(with_retries(retry, async || sink.commit().await).await)),
            Command::Abort(reply) => drop(reply.send(sink.abort().await)),
        }
    }
}

/// Makes a call again while it fails with a temporary error.
async fn with_retries<T>(
    retry: &SinkRetry,
    mut call: impl AsyncFnMut() -> Result<T, SinkError>,
) -> Result<T, SinkError> {
    let backoff = Backoff::new(retry.base, LONGEST_PAUSE.max(retry.base));
    for tries in 1..retry.attempts {
        match call().await {
            Err(error) if error.is_temporary() => {
                tracing::debug!(%error, "a sink asks to be tried again");
                tokio::time::sleep(backoff.after(tries)).await;
            }
            result => return result,
        }
    }
    call().await
}

fn panicked() -> SinkError {
    SinkError::permanent("the sink panicked").with_hint("this is a defect of the sink; its message stands above")
}
