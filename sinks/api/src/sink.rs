//! The contract itself.

use std::fmt;
use std::path::PathBuf;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Batch, Found, SinkContext, SinkError, Snapshot};

/// A destination for one list of one account.
///
/// # The protocol
///
/// 1. A sink has one owner: it is never called concurrently.
/// 2. Batches come in the order of [`Batch::sequence`], from 0, without gaps.
/// 3. [`write`](Self::write) returns when the batch is accepted; until then the engine waits, and in the end so does
///    the walk. That is the backpressure.
/// 4. A *temporary* error from `write` means that nothing of the batch was accepted: the same batch may be offered
///    again. A *permanent* error means that the sink has failed: it is aborted, opened once more, and delivered from
///    the journal. A sink that is delivered when the list is complete gets this second chance only after an *aborted*
///    error, and only if its guarantee is exactly once.
/// 5. A future of a sink is never cancelled half-way. When the process must end within seconds it simply ends, which
///    equals a crash.
/// 6. A sink may block or compute: it never shares a thread with the walk.
/// 7. [`prepare`](Self::prepare) comes once, after the last batch of a complete list. There may have been no batch at
///    all: [`SinkContext::schema`] has the columns. When it returns, everything is durable and still invisible.
/// 8. [`commit`](Self::commit) comes after `prepare`, and makes everything visible at once. It is safe to repeat. Its
///    report counts every row that was written.
/// 9. [`abort`](Self::abort) may come at any time before `commit`, and leaves no trace of this list. What an earlier
///    list has published stays as it was.
/// 10. After a crash the sink is opened again with the same context (same snapshot, same walk) and gets the same
///     batches again. So [`SinkFactory::open`] drops what lay in staging, and what had been committed is replaced by the
///     same bytes or recognised as already there.
/// 11. Names of outputs come from the context, never from a clock or a random number, and so does everything else that
///     is written: the output is a function of the context, the batches and the snapshot.
#[async_trait]
pub trait Sink: Send + 'static {
    /// Accepts a batch; returning is the backpressure.
    ///
    /// # Errors
    ///
    /// A temporary error promises that nothing of the batch was accepted.
    async fn write(&mut self, batch: &Batch) -> Result<(), SinkError>;

    /// Makes everything that was written durable, and keeps it invisible.
    ///
    /// # Errors
    ///
    /// An error fails the sink; nothing of it is published.
    async fn prepare(&mut self, snapshot: &Snapshot) -> Result<(), SinkError>;

    /// Makes the list visible; safe to repeat.
    ///
    /// # Errors
    ///
    /// A temporary error is followed by another `commit`; after any other, the next run delivers the list again.
    async fn commit(&mut self) -> Result<SinkReport, SinkError>;

    /// Leaves no trace of the list.
    ///
    /// # Errors
    ///
    /// An error is logged; what stays behind is dropped by the next [`SinkFactory::open`].
    async fn abort(&mut self) -> Result<(), SinkError>;
}

/// A sink of a type that is known only while the program runs.
#[async_trait]
impl Sink for Box<dyn Sink> {
    async fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        self.as_mut().write(batch).await
    }

    async fn prepare(&mut self, snapshot: &Snapshot) -> Result<(), SinkError> {
        self.as_mut().prepare(snapshot).await
    }

    async fn commit(&mut self) -> Result<SinkReport, SinkError> {
        self.as_mut().commit().await
    }

    async fn abort(&mut self) -> Result<(), SinkError> {
        self.as_mut().abort().await
    }
}

/// A kind of sink: what the pipeline file's `type` names, and how one is opened.
#[async_trait]
pub trait SinkFactory: Send + Sync + 'static {
    /// What `[sinks.<name>.options]` holds. Deny unknown fields: the engine turns serde's error into one that names
    /// file, key and the nearest option. Options are read once, and cloned for each list.
    type Options: Clone + DeserializeOwned + JsonSchema + Send + Sync + 'static;
    /// The sink that [`open`](Self::open) makes.
    type Sink: Sink;

    /// Returns the `type` in the pipeline file: one lower-case word.
    fn name(&self) -> &str;

    /// Returns one line for `fanout sinks`: what it writes, and the [`Guarantee`] in the words of its `Display`.
    fn summary(&self) -> &str;

    /// Returns when batches are delivered, which depends on what the sink can promise.
    fn delivery(&self, options: &Self::Options) -> Delivery;

    /// Returns the bytes that an open sink may hold on its own (row groups, queues, compressors) beyond the batch it
    /// is given. The engine checks the sum of all sinks against `limits.memory`.
    fn memory(&self, options: &Self::Options) -> u64;

    /// Returns the folders (or single files) under which the sink writes, as they stand in the options. Two sinks
    /// must not share one. A sink without any is not a file sink, and is refused under `--simulate`.
    fn roots(&self, options: &Self::Options) -> Vec<PathBuf>;

    /// Finds out, before any API call, whether the sink could be opened and could publish: options that contradict
    /// each other, places that cannot be written, something foreign in the way of the target. Changes nothing.
    ///
    /// # Errors
    ///
    /// [`SinkError::option`] where the pipeline file must be changed; a permanent error for anything else.
    async fn check(&self, options: &Self::Options, context: &SinkContext) -> Result<(), SinkError>;

    /// Opens the sink for one list, and drops what an earlier attempt at the same list left in staging.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check); a temporary error is retried.
    async fn open(&self, options: Self::Options, context: SinkContext) -> Result<Self::Sink, SinkError>;

    /// Looks what became of a list that was committed, where `report`, which the commit returned, says that it is. `context` is
    /// that of the list, with its facts and its digest. Changes nothing.
    ///
    /// A sink that cannot look answers [`Found::Unknown`]; one that only appends never answers [`Found::Gone`].
    ///
    /// # Errors
    ///
    /// If the place cannot be looked at, or if nothing is there because a disk is not mounted; a temporary error is retried.
    async fn find(
        &self,
        options: &Self::Options,
        context: &SinkContext,
        report: &SinkReport,
    ) -> Result<Found, SinkError>;
}

/// When a sink receives its batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// While the walk goes on; the sink stages, and publishes exactly once at commit.
    Staged,
    /// From the journal, once the walk is complete and every required staged sink has committed: for a sink that
    /// cannot take back what it has sent.
    WhenComplete {
        /// What a reader can rely on.
        guarantee: Guarantee,
    },
}

impl Delivery {
    /// Returns what a reader can rely on.
    pub fn guarantee(self) -> Guarantee {
        match self {
            Self::Staged => Guarantee::ExactlyOnce,
            Self::WhenComplete { guarantee } => guarantee,
        }
    }
}

/// How often a reader of the sink sees a row of a published list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarantee {
    /// Once, whatever crashed.
    ExactlyOnce,
    /// Once, or again after a crash.
    AtLeastOnce,
}

impl fmt::Display for Guarantee {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::ExactlyOnce => "exactly once",
            Self::AtLeastOnce => "at least once",
        })
    }
}

/// What a commit made visible.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SinkReport {
    /// Rows that are visible; must equal [`Snapshot::rows`], or the engine counts the sink as failed.
    pub rows: u64,
    /// Bytes that were written.
    pub bytes: u64,
    /// What was written, in the order of the list.
    pub outputs: Vec<Output>,
    /// The mount point that the outputs lie below; `None` for outputs that are no files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mount: Option<String>,
}

/// One file, topic or table that a commit made visible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Output {
    /// Where it is: a path, a URL without credentials, a topic, a table.
    pub location: String,
    /// Rows in it.
    pub rows: u64,
    /// Bytes in it.
    pub bytes: u64,
}
