//! The contract itself.

use std::fmt;
use std::path::PathBuf;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::context::SinkContext;
use crate::error::SinkError;
use crate::found::Found;
use crate::snapshot::Snapshot;

/// A destination for one list of one account.
///
/// # The protocol
///
/// 1. A sink has one owner: the engine MUST NOT call it concurrently.
/// 2. The engine MUST offer batches in the order of [`Batch::sequence`], from 0, without gaps.
/// 3. [`write`](Self::write) MUST NOT return before the batch is accepted. Until then the engine waits, and in the end so
///    does the walk. That is the backpressure.
/// 4. A *temporary* error from `write` MUST mean that nothing of the batch was accepted: the same batch may be offered
///    again. A *permanent* error means that the sink has failed: it is aborted, opened once more, and delivered from
///    the journal. A sink that is delivered when the list is complete gets this second chance only after an *aborted*
///    error, and only if its guarantee is exactly once.
/// 5. The engine MUST NOT cancel a future of a sink half-way. When the process must end within seconds it simply ends,
///    which equals a crash.
/// 6. A sink MAY block or compute: it MUST NOT share a thread with the walk, and the engine sees to that.
/// 7. [`prepare`](Self::prepare) comes once, after the last batch of a complete list. There may have been no batch at
///    all: [`SinkContext::schema`] has the columns. When it returns, everything MUST be durable, and MUST NOT be visible.
/// 8. [`commit`](Self::commit) comes after `prepare`. It MUST make everything visible at once, and MUST be safe to
///    repeat. Its report MUST count every row that was written.
/// 9. [`abort`](Self::abort) may come at any time before `commit`. It MUST leave no trace of this list, and MUST NOT
///    touch what an earlier list has published.
/// 10. After a crash the sink is opened again with the same context (same snapshot, same walk) and gets the same
///     batches again. So [`SinkFactory::open`] MUST drop what lay in staging, and what had been committed MUST be
///     replaced by the same bytes or recognised as already there.
/// 11. Names of outputs MUST come from the context, and MUST NOT come from a clock or a random number. The same holds for
///     everything else that is written: the output is a function of the context, the batches and the snapshot.
///
/// # Examples
///
/// A list as text, one `OpenID` a line, staged in a file beside its target and published by a rename. (A sink of files has
/// this, and a manifest, from the feature `files`.)
///
/// ```
/// use std::fs::{self, File};
/// use std::io::{self, Write};
/// use std::path::PathBuf;
///
/// use fanout_sink::arrow::array::AsArray;
/// use fanout_sink::{Batch, Output, Sink, SinkError, SinkReport, Snapshot, async_trait};
///
/// struct Lines {
///     staged: PathBuf,
///     target: PathBuf,
///     file: File,
///     rows: u64,
/// }
///
/// impl Lines {
///     /// What an earlier attempt has staged is overwritten (line 10).
///     fn open(target: PathBuf) -> Result<Self, SinkError> {
///         let staged = target.with_extension("staged");
///         let file = File::create(&staged).map_err(failed)?;
///         Ok(Self { staged, target, file, rows: 0 })
///     }
/// }
///
/// fn failed(error: io::Error) -> SinkError {
///     SinkError::permanent("the list cannot be written").with_source(error)
/// }
///
/// #[async_trait]
/// impl Sink for Lines {
///     async fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
///         let openids = batch.records().column_by_name("openid");
///         let openids = openids.ok_or_else(|| SinkError::permanent("the list has no column `openid`"))?;
///         for openid in openids.as_string::<i32>().iter().flatten() {
///             writeln!(self.file, "{openid}").map_err(failed)?;
///         }
///         self.rows += batch.records().num_rows() as u64;
///         Ok(())
///     }
///
///     async fn prepare(&mut self, snapshot: &Snapshot) -> Result<(), SinkError> {
///         if self.rows != snapshot.rows {
///             return Err(SinkError::permanent("rows are missing"));
///         }
///         self.file.sync_all().map_err(failed)
///     }
///
///     async fn commit(&mut self) -> Result<SinkReport, SinkError> {
///         // A second commit has nothing left to rename (line 8).
///         if self.staged.exists() {
///             fs::rename(&self.staged, &self.target).map_err(failed)?;
///         }
///         let bytes = fs::metadata(&self.target).map_err(failed)?.len();
///         let output = Output { location: self.target.display().to_string(), rows: self.rows, bytes };
///         Ok(SinkReport { rows: self.rows, bytes, outputs: vec![output], ..SinkReport::default() })
///     }
///
///     async fn abort(&mut self) -> Result<(), SinkError> {
///         fs::remove_file(&self.staged).map_err(failed)
///     }
/// }
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use std::sync::Arc;
/// # use fanout_sink::arrow::array::{ArrayRef, RecordBatch, StringArray};
/// # use fanout_sink::{WalkId, chrono::DateTime};
/// # let folder = tempfile::tempdir()?;
/// # let target = folder.path().join("list.txt");
/// # let openids: ArrayRef = Arc::new(StringArray::from(vec!["o1", "o2"]));
/// # let begun_at = DateTime::UNIX_EPOCH;
/// # let snapshot = Snapshot {
/// #     walk: WalkId::new(1, begun_at), date: begun_at.date_naive(), begun_at, rows: 2, first_fetched_at: None,
/// #     last_fetched_at: None, digest: String::new(), proof: Default::default(),
/// # };
/// # let mut sink = Lines::open(target.clone())?;
/// # sink.write(&Batch::new(0, RecordBatch::try_from_iter([("openid", openids)])?)).await?;
/// # sink.prepare(&snapshot).await?;
/// # assert!(!target.exists());
/// # assert_eq!(sink.commit().await?, sink.commit().await?);
/// # assert_eq!(fs::read_to_string(&target)?, "o1\no2\n");
/// # Ok(())
/// # }
/// ```
///
/// # Wrapping a sink
///
/// A `Box<dyn Sink>` is a sink, too, so a wrapper (one that counts, or slows down) holds any `S: Sink` and is one itself. It
/// MUST pass on all four calls, and each error with its kind: what the engine does next rests on that. No method has a
/// default body, so the compiler names a call that is forgotten.
///
/// ```
/// use fanout_sink::{Batch, Sink, SinkError, SinkReport, Snapshot, async_trait};
///
/// struct Counted<S> {
///     inner: S,
///     batches: u64,
/// }
///
/// #[async_trait]
/// impl<S: Sink> Sink for Counted<S> {
///     async fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
///         self.inner.write(batch).await?;
///         self.batches += 1;
///         Ok(())
///     }
///
///     async fn prepare(&mut self, snapshot: &Snapshot) -> Result<(), SinkError> {
///         self.inner.prepare(snapshot).await
///     }
///
///     async fn commit(&mut self) -> Result<SinkReport, SinkError> {
///         self.inner.commit().await
///     }
///
///     async fn abort(&mut self) -> Result<(), SinkError> {
///         self.inner.abort().await
///     }
/// }
///
/// fn counted(inner: Box<dyn Sink>) -> Box<dyn Sink> {
///     Box::new(Counted { inner, batches: 0 })
/// }
/// # let _ = counted;
/// ```
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

/// A sink whose type is known only while the program runs.
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
    /// The mount point that the outputs lie below, if they are files.
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
