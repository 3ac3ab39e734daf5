//! One open sink, on a thread of its own.
//!
//! Before it: [`fan_out`](super::fan_out) puts batches into its queue, and
//! [`staged_sinks`](super::staged_sinks) asks it to prepare, commit or abort. Behind it: the sink.
//!
//! A call that fails with a temporary error is repeated, up to `retry.attempts` times in all;
//! `abort` is called once. After a `write` that has failed for good, the sink gets no more batches,
//! and `prepare` returns that error.

use std::time::Duration;

use fanout_sink::{Batch, Sink, SinkContext, SinkError, SinkReport, Snapshot};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tracing::Instrument as _;

use crate::backoff::Backoff;
use crate::config::SinkRetry;
use crate::engine::threads::Threads;
use crate::error::LIMIT_OF_THREADS;
use crate::registry::BoundSink;

/// The longest pause between two tries, unless `retry.base` is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A handle on an open sink.
///
/// The sink may block or compute, so it shares no thread with the walk. Its calls are made one
/// after the other, in the order of the queue, and none is ever cancelled, except that of `open` if
/// nobody waits for its result.
#[derive(Debug)]
pub(super) struct SinkTask {
    commands: mpsc::Sender<Command>,
}

/// The queue of an open sink; the fan-out puts batches into it.
pub(super) type SinkQueue = mpsc::Sender<Command>;

/// A call of a sink.
#[derive(Debug)]
pub(super) enum Command {
    Write(Batch),
    Prepare(Snapshot, oneshot::Sender<Result<(), SinkError>>),
    Commit(oneshot::Sender<Result<SinkReport, SinkError>>),
    Abort(oneshot::Sender<Result<(), SinkError>>),
}

impl SinkTask {
    /// Opens a sink on a thread of its own, with a queue of `sinks.<name>.queue` batches.
    pub(super) async fn open(threads: &Threads, bound: &BoundSink, context: SinkContext) -> Result<Self, SinkError> {
        let (commands, queue) = mpsc::channel(bound.section().queue.max(1));
        let (mut opened, result) = oneshot::channel();
        let bound = bound.clone();
        let runtime = Handle::current();
        let span = tracing::info_span!("sink", sink = bound.name());
        let name = format!("sink {}", bound.name());
        let work = move || {
            let work = async move {
                let opening = with_retries(&bound.section().retry, async || bound.open(context.clone()).await);
                let result = tokio::select! {
                    biased;
                    result = opening => result,
                    () = opened.closed() => return,
                };
                match result {
                    Ok(sink) => {
                        let _ = opened.send(Ok(()));
                        serve(sink, &bound, queue).await;
                    }
                    Err(error) => drop(opened.send(Err(error))),
                }
            };
            runtime.block_on(work.instrument(span));
        };
        threads.start(&name, work).await.map_err(|error| {
            SinkError::temporary("its thread cannot be started").with_source(error).with_hint(LIMIT_OF_THREADS)
        })?;
        result.await.unwrap_or_else(|_| Err(panicked()))?;
        Ok(Self { commands })
    }

    /// Returns the queue for batches.
    pub(super) fn queue(&self) -> SinkQueue {
        self.commands.clone()
    }

    /// Makes the sink prepare what it has received.
    ///
    /// # Errors
    ///
    /// The error of `prepare`, or of an earlier `write`.
    pub(super) async fn prepare(&self, snapshot: &Snapshot) -> Result<(), SinkError> {
        self.ask(|reply| Command::Prepare(snapshot.clone(), reply)).await
    }

    /// Makes the sink publish what it has prepared.
    pub(super) async fn commit(&self) -> Result<SinkReport, SinkError> {
        self.ask(Command::Commit).await
    }

    /// Makes the sink drop the list.
    pub(super) async fn abort(self) -> Result<(), SinkError> {
        self.ask(Command::Abort).await
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, SinkError>>) -> Command,
    ) -> Result<T, SinkError> {
        let (reply, result) = oneshot::channel();
        // If the thread has ended, this fails, and so does the wait for the reply.
        let _ = self.commands.send(command(reply)).await;
        result.await.unwrap_or_else(|_| Err(panicked()))
    }
}

/// Makes the calls in the queue until all senders are dropped.
async fn serve(mut sink: Box<dyn Sink>, bound: &BoundSink, mut queue: mpsc::Receiver<Command>) {
    let retry = &bound.section().retry;
    let mut failure = None;
    while let Some(command) = queue.recv().await {
        match command {
            // Batches after a failure are dropped at once: a failed sink does not stop the walk.
            Command::Write(_) if failure.is_some() => {}
            Command::Write(batch) => {
                let batch = bound.select(&batch);
                failure = with_retries(retry, async || sink.write(&batch).await).await.err();
                if let Some(error) = &failure {
                    tracing::warn!(sink = bound.name(), %error, "the sink failed; it will be delivered again from the journal");
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

/// Repeats a call that fails with a temporary error, up to `retry.attempts` times in all.
pub(super) async fn with_retries<T>(
    retry: &SinkRetry,
    mut call: impl AsyncFnMut() -> Result<T, SinkError>,
) -> Result<T, SinkError> {
    let backoff = Backoff::new(retry.base, LONGEST_PAUSE.max(retry.base));
    for tries in 1..retry.attempts {
        match call().await {
            Err(error) if error.is_temporary() => {
                tracing::debug!(%error, "a call of the sink failed and is repeated");
                tokio::time::sleep(backoff.after(tries)).await;
            }
            result => return result,
        }
    }
    call().await
}

pub(super) fn panicked() -> SinkError {
    SinkError::permanent("the sink panicked").with_hint("this is a defect of the sink; its message is above")
}
