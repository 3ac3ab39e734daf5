//! From pages to batches to sinks: the half of a run that is a function of the journal.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, BooleanArray, StringArray};
use arrow::compute::filter;
use fanout_sink::{Batch, arrow};
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::distinct::{DistinctCounter, Duplicates};
use super::sink_task::{Command, SinkQueue};
use crate::engine::budget::{Budget, Lease};
use crate::error::Error;
use crate::journal::{JournalError, JournaledPage, PageReader};
use crate::rows::Rows;
use crate::wechat::{OpenidPrefix, PageReply, Summary, decode};

/// Pages that wait to be decoded. The byte budget is the real bound; this only keeps one account from using all of it.
const QUEUE: usize = 2;

/// A thread that decodes pages in the order of the journal, and hands the batches to every sink.
#[derive(Debug)]
pub(in crate::engine) struct FanOut {
    tasks: mpsc::Sender<Task>,
    thread: JoinHandle<Result<FanOutResult, Error>>,
}

/// What a delivery is given to do.
enum Task {
    Page(JournaledPage, Lease),
    Replay(PageReader),
    Count(PageReader, oneshot::Sender<DistinctCount>),
}

/// What the pages that were delivered so far amount to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::engine) struct DistinctCount {
    /// Distinct `OpenID`s.
    pub(in crate::engine) distinct: u64,
    /// Rows that repeat an earlier one.
    pub(super) duplicates: Duplicates,
}

/// What a whole delivery amounts to; nothing of it depends on the sinks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) struct FanOutResult {
    /// Rows that every sink was given.
    pub(super) rows: u64,
    /// Empty strings among the `OpenID`s.
    pub(super) empty: u64,
    /// See [`Snapshot::digest`](fanout_sink::Snapshot).
    pub(super) digest: String,
}

impl DistinctCount {
    /// Finds out, on a thread of its own, what the pages of a journal amount to that nobody delivers yet. Temporary files lie
    /// in `folder`.
    ///
    /// # Errors
    ///
    /// Whatever keeps a page from being read, and [`Error::Interrupted`].
    pub(in crate::engine) async fn of(
        pages: PageReader,
        folder: &Path,
        stop: CancellationToken,
    ) -> Result<Self, Error> {
        let mut counter = DistinctCounter::new(folder);
        let work = move || {
            for page in pages.clone() {
                if stop.is_cancelled() {
                    return Err(Error::Interrupted);
                }
                counter.add(&take_apart(&page?)?.1)?;
            }
            Self::new(&counter, &pages)
        };
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }

    fn new(counter: &DistinctCounter, pages: &PageReader) -> Result<Self, Error> {
        let again = || pages.clone().map(|page| take_apart(&page?).map(|(_, openids)| openids));
        let duplicates = counter.duplicates::<JournalError, _>(again)?;
        Ok(Self { distinct: counter.rows() - duplicates.count(), duplicates })
    }
}

impl FanOut {
    /// Starts a delivery of the list of `app_id` to `sinks`.
    ///
    /// With `duplicates` it leaves those rows out. Without, it has yet to be found out which they are: it can be measured, and
    /// `folder` may take a temporary file for that.
    pub(super) fn start(
        app_id: &str,
        folder: &Path,
        duplicates: Option<Duplicates>,
        sinks: Vec<SinkQueue>,
        budget: Budget,
        stop: CancellationToken,
    ) -> Self {
        let (tasks, queue) = mpsc::channel(QUEUE);
        let work = Work {
            rows: Rows::new(app_id),
            counter: duplicates.is_none().then(|| DistinctCounter::new(folder)),
            duplicates: duplicates.unwrap_or_default(),
            digest: Sha256::new(),
            sequence: 0,
            row: 0,
            empty: 0,
            prefix: OpenidPrefix::default(),
            sinks,
            budget,
            stop,
        };
        let runtime = Handle::current();
        Self { tasks, thread: tokio::task::spawn_blocking(move || work.run(queue, &runtime)) }
    }

    /// Delivers a page that has just been journaled. Returns whether the delivery still stands; if not,
    /// [`finish`](Self::finish) says why.
    pub(in crate::engine) async fn page(&self, page: JournaledPage, lease: Lease) -> bool {
        self.tasks.send(Task::Page(page, lease)).await.is_ok()
    }

    /// Delivers pages from the journal.
    pub(super) async fn replay(&self, pages: PageReader) -> bool {
        self.tasks.send(Task::Replay(pages)).await.is_ok()
    }

    /// Returns what the pages so far amount to, if the delivery still stands; `pages` must read the same ones.
    pub(in crate::engine) async fn count(&self, pages: PageReader) -> Option<DistinctCount> {
        let (reply, measure) = oneshot::channel();
        self.tasks.send(Task::Count(pages, reply)).await.ok()?;
        measure.await.ok()
    }

    /// Waits until everything is handed to the sinks' queues.
    ///
    /// # Errors
    ///
    /// Whatever kept a page from being read or decoded.
    pub(super) async fn finish(self) -> Result<FanOutResult, Error> {
        drop(self.tasks);
        self.thread.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }
}

struct Work {
    rows: Rows,
    /// None where the rows to drop are known.
    counter: Option<DistinctCounter>,
    duplicates: Duplicates,
    digest: Sha256,
    /// Of the next batch.
    sequence: u64,
    /// Of the next row, counted over all pages, dropped rows included.
    row: u64,
    empty: u64,
    prefix: OpenidPrefix,
    sinks: Vec<SinkQueue>,
    budget: Budget,
    stop: CancellationToken,
}

impl Work {
    fn run(mut self, mut queue: mpsc::Receiver<Task>, runtime: &Handle) -> Result<FanOutResult, Error> {
        while let Some(task) = queue.blocking_recv() {
            match task {
                Task::Page(page, lease) => self.page(&page, lease)?,
                Task::Replay(pages) => {
                    for page in pages {
                        let page = page?;
                        if self.stop.is_cancelled() {
                            return Err(Error::Interrupted);
                        }
                        let lease = runtime.block_on(self.budget.reserve(footprint(page.body.len() as u64)));
                        self.page(&page, lease)?;
                    }
                }
                Task::Count(pages, reply) => drop(reply.send(self.count(&pages)?)),
            }
        }
        let bytes = self.digest.finalize();
        let digest = bytes.iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"));
        Ok(FanOutResult { rows: self.rows.count(), empty: self.empty, digest })
    }

    fn page(&mut self, page: &JournaledPage, lease: Lease) -> Result<(), Error> {
        let (summary, openids) = take_apart(page)?;
        self.empty += summary.empty;
        self.compare_prefix(page.number, &openids);
        if let Some(counter) = &mut self.counter {
            counter.add(&openids)?;
        }
        let first = self.row;
        self.row += openids.len() as u64;
        let openids = self.keep(first, openids);
        if openids.is_empty() {
            return Ok(());
        }
        digest(&mut self.digest, &openids);
        let records = self.rows.next(page.number, page.fetched_at, openids);
        let batch = Batch::new(self.sequence, records).with_lease(Arc::new(lease));
        self.sequence += 1;
        for sink in &self.sinks {
            // A sink that panicked has no queue any more; `prepare` will say so.
            let _ = sink.blocking_send(Command::Write(batch.clone()));
        }
        Ok(())
    }

    /// Says once if the list has followers of another account. The ends of a page are enough: a page comes from one call,
    /// and a call has one token.
    fn compare_prefix(&mut self, page: u64, openids: &StringArray) {
        for row in [0, openids.len().saturating_sub(1)] {
            if row < openids.len()
                && let Some((first, other)) = self.prefix.differs(openids.value(row))
            {
                tracing::warn!(
                    page,
                    "followers of two accounts are in this list, as far as their OpenIDs show it: they begin with {first} and \
                     with {other}; check `app_id` and the token of this account"
                );
            }
        }
    }

    /// Leaves out the rows that are dropped; `first` is the number of the first one.
    fn keep(&self, first: u64, openids: StringArray) -> StringArray {
        if self.duplicates.count() == 0 {
            return openids;
        }
        let kept: BooleanArray =
            (first..).take(openids.len()).map(|row| Some(!self.duplicates.contains(row))).collect();
        let kept = filter(&openids, &kept).expect("one flag a row");
        kept.as_any().downcast_ref::<StringArray>().expect("filtering keeps the type").clone()
    }

    fn count(&self, pages: &PageReader) -> Result<DistinctCount, Error> {
        DistinctCount::new(
            self.counter.as_ref().expect("a delivery is measured only where its duplicates are not known"),
            pages,
        )
    }
}

/// Returns the bytes that a page of `body` bytes takes on its way: once as JSON, once as Arrow.
pub(in crate::engine) fn footprint(body: u64) -> u64 {
    2 * body
}

fn take_apart(page: &JournaledPage) -> Result<(Summary, StringArray), JournalError> {
    match decode(&page.body) {
        Ok((PageReply::Page(summary), openids)) => Ok((summary, openids)),
        // The journal has checked the page when it was opened or appended.
        Ok((PageReply::Error(error), _)) => Err(page.damaged(&error)),
        Err(error) => Err(page.damaged(&error)),
    }
}

/// Adds `OpenID`s to the digest of a list: each preceded by its length, so that no two lists read alike.
fn digest(digest: &mut Sha256, openids: &StringArray) {
    let mut bytes = Vec::with_capacity(openids.value_data().len() + 4 * openids.len());
    for openid in openids.iter().flatten() {
        bytes.extend_from_slice(&(openid.len() as u32).to_le_bytes());
        bytes.extend_from_slice(openid.as_bytes());
    }
    digest.update(&bytes);
}
