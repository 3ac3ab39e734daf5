//! The open sinks of one list: all of them prepare, then all of them commit.
//!
//! Before it: [`list_delivery`](super::list_delivery) opens them, and
//! [`publication`](super::publication) makes them prepare, commit or abort. Behind it: a
//! [`SinkTask`] for each, on a thread of its own.
//!
//! Only batches are handled at the same time: each sink empties its queue on its thread. Opening,
//! preparing, committing and aborting go through the sinks one after the other.

use std::collections::VecDeque;

use fanout_sink::{SinkContext, SinkError, SinkReport, Snapshot};

use super::sink_task::{SinkQueue, SinkTask};
use crate::engine::threads::Threads;
use crate::registry::BoundSink;

/// Sinks that receive the same list, each on a thread of its own.
#[derive(Debug, Default)]
pub(super) struct StagedSinks<'a> {
    sinks: VecDeque<StagedSink<'a>>,
}

#[derive(Debug)]
struct StagedSink<'a> {
    bound: &'a BoundSink,
    context: SinkContext,
    task: Result<SinkTask, SinkError>,
}

impl<'a> StagedSinks<'a> {
    /// Opens one sink after the other. One that cannot be opened counts as failed, and does not
    /// affect the others.
    pub(super) async fn open(threads: &Threads, sinks: Vec<(&'a BoundSink, SinkContext)>) -> Self {
        let mut opened = VecDeque::with_capacity(sinks.len());
        for (bound, context) in sinks {
            let task = SinkTask::open(threads, bound, context.clone()).await;
            opened.push_back(StagedSink { bound, context, task });
        }
        Self { sinks: opened }
    }

    /// Returns the queues of the sinks that are open.
    pub(super) fn queues(&self) -> Vec<SinkQueue> {
        self.sinks.iter().filter_map(|sink| sink.task.as_ref().ok()).map(SinkTask::queue).collect()
    }

    /// Makes one sink after the other prepare. Aborts those that fail, and returns them.
    pub(super) async fn prepare(&mut self, snapshot: &Snapshot) -> Vec<(&'a BoundSink, SinkContext, SinkError)> {
        let mut failed = Vec::new();
        let mut prepared = VecDeque::new();
        for StagedSink { bound, context, task } in self.sinks.drain(..) {
            let error = match task {
                Err(error) => error,
                Ok(task) => match task.prepare(snapshot).await {
                    Ok(()) => {
                        prepared.push_back(StagedSink { bound, context, task: Ok(task) });
                        continue;
                    }
                    Err(error) => {
                        log_abort(bound, task.abort().await);
                        error
                    }
                },
            };
            failed.push((bound, context, error));
        }
        self.sinks = prepared;
        failed
    }

    /// Adds the sinks of `other`.
    pub(super) fn join(&mut self, other: Self) {
        self.sinks.extend(other.sinks);
    }

    /// Makes the next sink publish, and returns its result; `None` after the last one.
    pub(super) async fn commit_next(&mut self) -> Option<(&'a BoundSink, Result<SinkReport, SinkError>)> {
        let StagedSink { bound, task, .. } = self.sinks.pop_front()?;
        let result = match task {
            Ok(task) => task.commit().await,
            Err(error) => Err(error),
        };
        Some((bound, result))
    }

    /// Makes every sink drop the list.
    pub(super) async fn abort(self) {
        for sink in self.sinks {
            if let Ok(task) = sink.task {
                log_abort(sink.bound, task.abort().await);
            }
        }
    }
}

fn log_abort(bound: &BoundSink, result: Result<(), SinkError>) {
    if let Err(error) = result {
        tracing::warn!(sink = bound.name(), %error, "the sink has left files behind; the next run removes them");
    }
}
