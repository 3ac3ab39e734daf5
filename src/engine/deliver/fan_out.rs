//! Decodes the pages of the journal, counts their followers, and hands their batches to every sink.
//!
//! Before it: the [walk](crate::engine::walk) hands on each page that it has journaled, or the
//! journal is read again. Behind it: the queue of each [sink task](super::sink_task).

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, BooleanArray, StringArray};
use arrow::compute::filter;
use fanout_sink::{Batch, Snapshot, arrow};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::distinct::{DistinctCounter, Duplicates};
use super::list_digest::{Algorithm, Digester};
use super::sink_task::{Command, SinkQueue};
use crate::engine::budget::{Budget, Lease, footprint};
use crate::engine::threads::Running;
use crate::engine::unit_context::UnitContext;
use crate::error::Error;
use crate::journal::{JournalError, JournaledPage, PageReader};
use crate::rows::{Rows, TagMemberRows};
use crate::wechat::{OpenidPrefix, PageReply, Summary, decode};

/// Pages that wait to be decoded. The byte budget is the real bound; this one keeps a single unit
/// from taking all of it.
const QUEUE: usize = 2;

/// A thread that decodes pages in the order of the journal, and hands the batches to every sink.
#[derive(Debug)]
pub(in crate::engine) struct FanOut {
    tasks: mpsc::Sender<Task>,
    thread: Running<Result<FanOutResult, Error>>,
}

/// The fan-out has failed and takes no more pages; [`FanOut::finish`] returns its error.
#[derive(Debug)]
pub(in crate::engine) struct FanOutEnded;

/// What the thread is given to do.
enum Task {
    Page(JournaledPage, Lease),
    Replay(PageReader),
    /// The pages of a tag.
    ReplayTag(i32, PageReader),
    Count(PageReader, oneshot::Sender<DistinctCount>),
}

/// The followers in the pages of a journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::engine) struct DistinctCount {
    /// Distinct `OpenID`s.
    pub(in crate::engine) distinct: u64,
    /// Rows that repeat an earlier one.
    pub(in crate::engine) duplicates: Duplicates,
}

/// The facts of a list that was handed to every sink. None of them depends on the sinks.
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
    /// Counts the followers in the pages of a journal that no fan-out reads, on a thread of its
    /// own. Temporary files are made in `folder`.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if a page cannot be read; [`Error::Interrupted`] if `stop` is cancelled.
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
                counter.add_page(&decode_page(&page?)?.1)?;
            }
            Self::new(&counter, &pages)
        };
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }

    fn new(counter: &DistinctCounter, pages: &PageReader) -> Result<Self, Error> {
        let again = || pages.clone().map(|page| decode_page(&page?).map(|(_, openids)| openids));
        let duplicates = counter.duplicates::<JournalError, _>(again)?;
        Ok(Self { distinct: counter.rows() - duplicates.count(), duplicates })
    }
}

impl FanOut {
    /// Starts the thread for the list in `context`.
    ///
    /// Rows in `duplicates` are left out. With `None` they are not known yet: the followers are
    /// counted on the way, perhaps with a temporary file in `folder`, and [`count`](Self::count)
    /// returns the result. `decided` has the facts of a list that was delivered before.
    ///
    /// # Errors
    ///
    /// [`Error::Thread`] if the system refuses the thread.
    pub(super) async fn start(
        context: &UnitContext,
        folder: &Path,
        duplicates: Option<Duplicates>,
        decided: Option<&Snapshot>,
        sinks: Vec<SinkQueue>,
    ) -> Result<Self, Error> {
        let algorithm = Algorithm::of(decided);
        let (tasks, queue) = mpsc::channel(QUEUE);
        let work = Work {
            rows: PageRows::Account(Rows::new(&context.account().app_id, &context.account().name)),
            count: 0,
            account: (context.account().app_id.clone(), context.account().name.clone()),
            counter: duplicates.is_none().then(|| DistinctCounter::new(folder)),
            duplicates: duplicates.unwrap_or_default(),
            algorithm,
            digest: algorithm.begin(),
            sequence: 0,
            row: 0,
            empty: 0,
            prefix: OpenidPrefix::default(),
            sinks,
            budget: context.budget().clone(),
            stop: context.run.stop.clone(),
        };
        let runtime = Handle::current();
        let threads = &context.run.threads;
        let thread = threads.start("fan-out", move || work.run(queue, &runtime)).await.map_err(Error::Thread)?;
        Ok(Self { tasks, thread })
    }

    /// Hands on a page that has just been journaled.
    pub(in crate::engine) async fn page(&self, page: JournaledPage, lease: Lease) -> Result<(), FanOutEnded> {
        self.tasks.send(Task::Page(page, lease)).await.map_err(|_| FanOutEnded)
    }

    /// Hands on pages from the journal. A fan-out that has ended drops them, and the next call says
    /// so.
    pub(super) async fn replay(&self, pages: PageReader) {
        let _ = self.tasks.send(Task::Replay(pages)).await;
    }

    /// Hands on the pages of a tag from the journal. All pages are those of tags then.
    pub(super) async fn replay_tag(&self, tag: i32, pages: PageReader) {
        let _ = self.tasks.send(Task::ReplayTag(tag, pages)).await;
    }

    /// Returns the count of the pages so far; `pages` must read the same ones. Only a fan-out that
    /// was started without duplicates counts.
    pub(in crate::engine) async fn count(&self, pages: PageReader) -> Result<DistinctCount, FanOutEnded> {
        let (reply, count) = oneshot::channel();
        self.tasks.send(Task::Count(pages, reply)).await.map_err(|_| FanOutEnded)?;
        count.await.map_err(|_| FanOutEnded)
    }

    /// Waits until every batch is in the queues of the sinks.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if a page could not be read or decoded; [`Error::Interrupted`] if the run
    /// is to stop.
    pub(super) async fn finish(self) -> Result<FanOutResult, Error> {
        drop(self.tasks);
        self.thread.finish().await
    }
}

/// What makes rows of pages.
enum PageRows {
    /// Of a list of the whole account.
    Account(Rows),
    /// Of the people of a tag.
    Tag(TagMemberRows),
}

/// The state of the thread.
struct Work {
    rows: PageRows,
    /// The rows that were handed on.
    count: u64,
    /// App id and name of the account.
    account: (String, String),
    /// `None` if the rows to drop are known.
    counter: Option<DistinctCounter>,
    duplicates: Duplicates,
    algorithm: Algorithm,
    digest: Digester,
    /// The number of the next batch.
    sequence: u64,
    /// The number of the next row over all pages, dropped rows included.
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
                Task::Replay(pages) => self.replay(pages, runtime)?,
                Task::ReplayTag(tag, pages) => {
                    let (app_id, account) = &self.account;
                    self.rows = PageRows::Tag(TagMemberRows::new(app_id, account, tag));
                    digest_tag(&mut self.digest, tag);
                    self.replay(pages, runtime)?;
                }
                Task::Count(pages, reply) => drop(reply.send(self.count(&pages)?)),
            }
        }
        let digest = self.algorithm.text(&self.digest.finish());
        Ok(FanOutResult { rows: self.count, empty: self.empty, digest })
    }

    fn replay(&mut self, pages: PageReader, runtime: &Handle) -> Result<(), Error> {
        for page in pages {
            let page = page?;
            if self.stop.is_cancelled() {
                return Err(Error::Interrupted);
            }
            let lease = runtime.block_on(self.budget.reserve(footprint(page.body.len() as u64)));
            self.page(&page, lease)?;
        }
        Ok(())
    }

    fn page(&mut self, page: &JournaledPage, lease: Lease) -> Result<(), Error> {
        let (summary, openids) = decode_page(page)?;
        self.empty += summary.empty;
        self.compare_prefix(page.number, &openids);
        if let Some(counter) = &mut self.counter {
            counter.add_page(&openids)?;
        }
        let first = self.row;
        self.row += openids.len() as u64;
        let openids = self.without_duplicates(first, openids);
        if openids.is_empty() {
            return Ok(());
        }
        digest(&mut self.digest, &openids);
        self.count += openids.len() as u64;
        let records = match &mut self.rows {
            PageRows::Account(rows) => rows.next(page.number, page.fetched_at, openids),
            PageRows::Tag(rows) => rows.next(page.number, page.fetched_at, openids),
        };
        let batch = Batch::new(self.sequence, records).with_lease(Arc::new(lease));
        self.sequence += 1;
        for sink in &self.sinks {
            // This fails if the sink has panicked; its `prepare` reports that.
            let _ = sink.blocking_send(Command::Write(batch.clone()));
        }
        Ok(())
    }

    /// Logs a warning, once, if the list has followers of another account. Only the first and last
    /// row of a page are compared: a page comes from one call, and a call has one token.
    fn compare_prefix(&mut self, page: u64, openids: &StringArray) {
        for row in [0, openids.len().saturating_sub(1)] {
            if row < openids.len()
                && let Some((first, other)) = self.prefix.differs(openids.value(row))
            {
                tracing::warn!(
                    page,
                    "the list seems to have followers of two accounts, because their OpenIDs begin with {first} and with \
                     {other}; check `app_id` and the token of this account"
                );
            }
        }
    }

    /// Leaves out the rows to drop; `first` is the number of the first row in `openids`.
    fn without_duplicates(&self, first: u64, openids: StringArray) -> StringArray {
        if self.duplicates.count() == 0 {
            return openids;
        }
        let kept: BooleanArray =
            (first..).take(openids.len()).map(|row| Some(!self.duplicates.contains(row))).collect();
        let kept = filter(&openids, &kept).expect("one flag a row");
        kept.as_any().downcast_ref::<StringArray>().expect("filtering keeps the type").clone()
    }

    fn count(&self, pages: &PageReader) -> Result<DistinctCount, Error> {
        let counter =
            self.counter.as_ref().expect("only a fan-out that does not know its duplicates is asked for them");
        DistinctCount::new(counter, pages)
    }
}

fn decode_page(page: &JournaledPage) -> Result<(Summary, StringArray), JournalError> {
    match decode(&page.body) {
        Ok((PageReply::Page(summary), openids)) => Ok((summary, openids)),
        // The journal has checked the page when it was opened or appended.
        Ok((PageReply::Error(error), _)) => Err(page.damaged(&error)),
        Err(error) => Err(page.damaged(&error)),
    }
}

/// Adds the beginning of a tag to the digest of a list. No `OpenID` is as long as the mark before
/// it says.
fn digest_tag(digest: &mut Digester, tag: i32) {
    digest.update(&u32::MAX.to_le_bytes());
    digest.update(&tag.to_le_bytes());
}

/// Adds `OpenID`s to the digest of a list, each after its length: no two lists give the same bytes.
fn digest(digest: &mut Digester, openids: &StringArray) {
    let mut bytes = Vec::with_capacity(openids.value_data().len() + 4 * openids.len());
    for openid in openids.iter().flatten() {
        bytes.extend_from_slice(&(openid.len() as u32).to_le_bytes());
        bytes.extend_from_slice(openid.as_bytes());
    }
    digest.update(&bytes);
}
