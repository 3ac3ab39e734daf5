//! The contract itself: [`SinkFactory`] makes a [`Sink`] from options, and the engine delivers one
//! list to it, through one queue and one thread for each sink.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::arrow::datatypes::Field;
use crate::batch::Batch;
use crate::context::SinkContext;
use crate::delivery::Delivery;
use crate::error::SinkError;
use crate::found::Found;
use crate::root::Root;
use crate::snapshot::Snapshot;
use crate::warning::SinkWarning;

/// A destination for one list of one account.
///
/// # The protocol
///
/// 1. A sink has one owner: the engine MUST NOT call it concurrently.
/// 2. The engine MUST offer batches in the order of [`Batch::sequence`], from 0, without gaps.
/// 3. [`write`](Self::write) MUST NOT return before the batch is accepted. Until then the engine
///    waits and, when its queues are full, the walk waits, too: this is the backpressure.
/// 4. A *temporary* error from `write` MUST mean that nothing of the batch was accepted: the same
///    batch may be offered again. A *permanent* error means that the sink has failed: the engine
///    aborts it, opens it once more, and delivers the list from the journal. A sink that receives
///    the list when it is complete gets this second attempt only after an *aborted* error, and only
///    if its guarantee is exactly once. A one-shot sink gets none.
/// 5. The engine MUST NOT cancel a future of a sink half-way. A process that must end within
///    seconds ends at once, which equals a crash for the sink.
/// 6. A sink MAY block or compute: it MUST NOT share a thread with the walk, and the engine gives
///    it one of its own.
/// 7. The engine calls [`prepare`](Self::prepare) once, after the last batch of a complete list.
///    There may have been no batch at all: [`SinkContext::schema`] has the columns. When it
///    returns, everything MUST be durable, and MUST NOT be visible.
/// 8. The engine calls [`commit`](Self::commit) after `prepare`. It MUST make everything visible at
///    once, and MUST be safe to repeat. Its report MUST count every row that was written.
/// 9. The engine may call [`abort`](Self::abort) at any time before `commit`. It MUST leave no
///    trace of this list, and MUST NOT change what an earlier list has published.
/// 10. After a crash the sink is opened again with the same context (same snapshot, same walk) and
///     gets the same batches again. So [`SinkFactory::open`] MUST drop what an earlier attempt has
///     staged, and what was committed MUST be replaced by the same bytes or recognised as already
///     there. A [one-shot](Delivery::OneShot) sink remembers nothing, and gets each list in each
///     run.
/// 11. Names of outputs MUST come from the context, and MUST NOT come from a clock or a random
///     number. The same holds for everything else that the sink writes: the output is a function of
///     the context, the batches and the snapshot.
/// 12. Where a list replaces the earlier one of its owner and date, an older list MUST NOT replace
///     a newer one, by [`Snapshot::begun_at`]. The commit of the older list leaves the newer one as
///     it is, and succeeds with the report of its own list: it counts as published and then
///     replaced ([`Found::Replaced`]).
///
/// # Examples
///
/// A list as text, one `OpenID` a line, staged in a file beside its target and published by a
/// rename. (The feature `files` has this and a manifest, for sinks that write files.)
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
///     /// Overwrites what an earlier attempt has staged (line 10).
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
///         let missing = || SinkError::permanent("the list has no column `openid`");
///         let openids = openids.ok_or_else(missing)?;
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
///         let (location, rows) = (self.target.display().to_string(), self.rows);
///         let outputs = vec![Output { location, rows, bytes }];
///         Ok(SinkReport { rows, bytes, outputs, ..SinkReport::default() })
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
/// #     walk: WalkId::new(1, begun_at), date: begun_at.date_naive(), begun_at, rows: 2,
/// #     first_fetched_at: None, last_fetched_at: None, digest: String::new(),
/// #     proof: Default::default(),
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
/// A `Box<dyn Sink>` is a sink, too, so a wrapper (one that counts or slows down, for example) can
/// hold any `S: Sink`. It MUST pass on all four calls, and each error with its kind, because the
/// kind decides what the engine does next. No method has a default body, so the compiler reports a
/// call that is missing.
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
    /// Accepts a batch. The engine waits until it returns, which is the backpressure.
    ///
    /// # Errors
    ///
    /// A temporary error promises that nothing of the batch was accepted.
    async fn write(&mut self, batch: &Batch) -> Result<(), SinkError>;

    /// Makes everything that was written durable, and keeps it invisible.
    ///
    /// # Errors
    ///
    /// An error fails the sink; nothing of the list is published.
    async fn prepare(&mut self, snapshot: &Snapshot) -> Result<(), SinkError>;

    /// Makes the list visible; safe to repeat.
    ///
    /// # Errors
    ///
    /// After a temporary error the engine calls `commit` again; after any other, the next run
    /// delivers the list again.
    async fn commit(&mut self) -> Result<SinkReport, SinkError>;

    /// Leaves no trace of the list.
    ///
    /// # Errors
    ///
    /// The engine logs the error; the next [`SinkFactory::open`] drops what was left.
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

/// A kind of sink, named by `type` in the pipeline file: its options, and how a sink is opened.
#[async_trait]
pub trait SinkFactory: Send + Sync + 'static {
    /// The keys of `[sinks.<name>.options]`. Deny unknown fields: the engine turns serde's error
    /// into one that names the file, the key and the nearest option. Options are read once, and
    /// cloned for each list.
    type Options: Clone + DeserializeOwned + JsonSchema + Send + Sync + 'static;
    /// The sink that [`open`](Self::open) makes.
    type Sink: Sink;

    /// Returns the `type` in the pipeline file: one lower-case word.
    fn name(&self) -> &str;

    /// Returns one line for `fanout sinks`: what the sink writes, and its
    /// [`Guarantee`](crate::Guarantee) as `Display` writes it.
    fn summary(&self) -> &str;

    /// Returns when batches are delivered, and what a reader can rely on.
    fn delivery(&self, options: &Self::Options) -> Delivery;

    /// Returns the bytes that an open sink may hold (row groups, queues, compressors) beyond the
    /// batch that it is given, until it has prepared, or says that [its writer is
    /// closed](SinkContext::writer_is_closed). What it keeps for its commit must be little: more
    /// lists are published at the same time than written. The engine checks the sum of all sinks
    /// against `limits.memory`.
    fn memory(&self, options: &Self::Options) -> u64;

    /// Returns the threads and processes that an open sink starts, beside the thread that the
    /// engine gives it. The engine counts them before the first API call. Default: none.
    fn threads(&self, _options: &Self::Options) -> u64 {
        0
    }

    /// Returns the files, sockets and pipes that an open sink may hold at the same time. The engine
    /// counts them before the first API call. Default: 4, which suffices for a sink that writes one
    /// file or has one connection.
    fn open_files(&self, _options: &Self::Options) -> u64 {
        4
    }

    /// Returns whether the sink can write the values of `field`, by its type. Of a column that it
    /// cannot take, [`ConfiguredSink::check`](crate::ConfiguredSink::check) makes an error before
    /// the first API call, so the sink never sees one. Default: it takes every type.
    fn takes(&self, _options: &Self::Options, _field: &Field) -> bool {
        true
    }

    /// Returns whether the sink writes to stdout. No other sink may then, and the report of the run
    /// goes to stderr. Default: it does not.
    fn uses_stdout(&self, _options: &Self::Options) -> bool {
        false
    }

    /// Returns the places that the sink writes to (folders, single files, prefixes in an object
    /// store), as the options name them. Two sinks must not share one. An empty list means that it
    /// is not a file sink; `--simulate` refuses it.
    fn roots(&self, options: &Self::Options) -> Vec<Root>;

    /// Checks, before any API call, whether the sink can be opened and can publish: options that
    /// contradict each other, places that cannot be written, another owner's files in the target's
    /// place. Changes nothing.
    ///
    /// # Errors
    ///
    /// [`SinkError::option`] where the pipeline file must be changed; a permanent error for
    /// anything else.
    async fn check(&self, options: &Self::Options, context: &SinkContext) -> Result<(), SinkError>;

    /// Returns what readers of the output may misunderstand, such as a name that they take for a
    /// number, for all accounts of `context` together. A run does not fail because of it.
    fn warnings(&self, _options: &Self::Options, _context: &SinkContext) -> Vec<SinkWarning> {
        Vec::new()
    }

    /// Opens the sink for one list, and drops what an earlier attempt at the same list left in
    /// staging.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check); a temporary error is retried.
    async fn open(&self, options: Self::Options, context: SinkContext) -> Result<Self::Sink, SinkError>;

    /// Ends a run of a [one-shot](Delivery::OneShot) sink: called once, when no further list of the
    /// run comes, also if none has come. `is_complete` says whether the sink has committed every
    /// list of the run that is for it; if not, its readers must not take what they have for all.
    /// `context` has the columns and the place of the outputs; its account and its date are
    /// placeholders. Default: does nothing.
    ///
    /// # Errors
    ///
    /// If the end cannot be written. All lists of the run count as failed then.
    async fn end(&self, _options: &Self::Options, _context: &SinkContext, _is_complete: bool) -> Result<(), SinkError> {
        Ok(())
    }

    /// Looks for a list that was committed, at the places in `report`, which the commit returned.
    /// `context` is the list's, with its facts and its digest. Changes nothing.
    ///
    /// A sink that cannot look returns [`Found::Unknown`]. A sink that only appends never returns
    /// [`Found::Gone`], because its readers would get the list twice.
    ///
    /// # Errors
    ///
    /// If the place cannot be read, or if it is empty because a disk is not mounted. A temporary
    /// error is retried.
    async fn find(
        &self,
        options: &Self::Options,
        context: &SinkContext,
        report: &SinkReport,
    ) -> Result<Found, SinkError>;
}

/// What a commit made visible.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SinkReport {
    /// Rows that are visible. It must equal [`Snapshot::rows`]; otherwise the sink has failed.
    pub rows: u64,
    /// Bytes that were written.
    pub bytes: u64,
    /// What was written, in the order of the list.
    pub outputs: Vec<Output>,
    /// The mount point above the outputs, if they are files; the name of their store, if they are
    /// objects.
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
