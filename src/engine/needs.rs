//! The threads and the open files that a run needs at the same time, counted before the first call.
//! A run that lacks some would fail in the middle, some lists published and others not.
//!
//! Before it: [`run_context`](super::run_context) knows the units and the sinks. Behind it: the
//! operating system, which is asked for its limit of open files, and for the threads themselves: a
//! limit of them may be that of a user, a container or the machine, and others use it, too.

use std::fs;

use super::slots::Slots;
use super::threads;
use crate::config::{Account, Credential, Pipeline};
use crate::error::Error;
use crate::registry::BoundSink;
use crate::wechat::{List, Reading};

/// Files that a run opens once: the report, the metrics, certificates, the resolver.
const FILES_OF_RUN: u64 = 16;

/// Files of a unit under way: the journal, a record and the ledger while they are written, the
/// count of followers, and a connection, of which `--simulate` has the other end as well.
const FILES_UNDER_WAY: u64 = 6;

/// Further files of a unit under way whose list is read in batches: the journal on which it rests,
/// and the ledger of single questions, while it is written.
const FILES_OF_BATCHES: u64 = 2;

/// Further files of a unit under way, or of a delivery, whose list is read tag after tag: the
/// journals of two tags, while one is handed on and the next one opened.
const FILES_OF_TAGS: u64 = 2;
/// Further files of a unit under way that compares two lists: the journals of the other list and of
/// the changes before, and the hashes of both lists.
const FILES_OF_CHANGES: u64 = 4;

/// The most lists that are published beside those that are delivered. They wait for the disk, which
/// makes many things durable in the time of one.
const MOST_PUBLISHED: u64 = 16;

/// Files of a delivery beside those of its sinks: the journal, and the count of its followers.
const FILES_OF_DELIVERY: u64 = 2;

/// What a run needs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Needs {
    units: u64,
    /// Units that are under way at the same time.
    under_way: u64,
    files_under_way: u64,
    deliveries: u64,
    /// Threads of a delivery: one for its pages, one for each sink, and those that sinks start.
    threads_of_delivery: u64,
    files_of_delivery: u64,
    /// Locks that are held from the plan to the end of the run: of each unit, and of the tokens
    /// that have one owner.
    locks: u64,
}

impl Needs {
    /// Counts what a run of `units` lists to `sinks` needs, with `deliveries` of each kind at the
    /// same time.
    pub(super) fn of(pipeline: &Pipeline, sinks: &[BoundSink], units: usize, deliveries: usize) -> Self {
        let under_way = pipeline.limits.accounts.min(units);
        // A delivery opens the sinks of one list only.
        let of_lists = |count: &dyn Fn(&BoundSink) -> u64| {
            let of_list = |list| sinks.iter().filter(|sink| sink.section().list == list).map(count).sum();
            pipeline.lists().into_iter().map(of_list).max().unwrap_or(0_u64)
        };
        let has_tags = pipeline.lists().iter().any(|list| list.reading() == Reading::PagesOfTags);
        let of_tags = if has_tags { FILES_OF_TAGS } else { 0 };
        let has_batches = pipeline.lists().iter().any(|list| list.reading() == Reading::Batches);
        // A connection of each call beyond the first, of which `--simulate` has the other end.
        let more_calls = 2 * (pipeline.source.profiles.concurrency as u64).saturating_sub(1);
        let of_batches = if has_batches { FILES_OF_BATCHES + more_calls } else { 0 };
        let of_changes = if pipeline.lists().contains(&List::CHANGES) { FILES_OF_CHANGES } else { 0 };
        Self {
            units: units as u64,
            under_way: under_way as u64,
            files_under_way: FILES_UNDER_WAY + of_batches.max(of_tags) + of_changes,
            deliveries: Slots::most(deliveries, under_way) as u64,
            threads_of_delivery: 1 + of_lists(&|sink| 1 + sink.threads()),
            files_of_delivery: FILES_OF_DELIVERY + of_tags + of_lists(&BoundSink::open_files),
            locks: units as u64 + pipeline.accounts.iter().filter(|account| has_token_lock(account)).count() as u64,
        }
    }

    /// Checks that the system gives this process the threads and the open files. Returns how many
    /// lists it can publish beside those that are delivered.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`], with the number that would do.
    pub(super) fn check(&self) -> Result<usize, Error> {
        let spare_files = self.check_files(open_files(), most_open_files())?;
        let most = MOST_PUBLISHED.min(self.under_way);
        // The pages of a list that is published were read: it needs no thread for them, and one in
        // which the journal waits for the disk.
        let of_published = self.threads_of_delivery;
        let delivering = self.deliveries * self.threads_of_delivery;
        // The pool of the runtime counts the followers of the lists that are delivered.
        let others = self.deliveries;
        let possible = threads::possible(delivering + others + most * of_published);
        self.check_threads(possible)?;
        let by_threads = (possible - delivering).saturating_sub(others) / of_published;
        let by_files = spare_files / self.files_of_delivery;
        Ok(most.min(by_threads).min(by_files) as usize)
    }

    fn check_threads(&self, possible: u64) -> Result<(), Error> {
        let Self { deliveries, threads_of_delivery: each, .. } = *self;
        let wanted = deliveries * each;
        if possible >= wanted {
            return Ok(());
        }
        let what = format!(
            "the run needs {wanted} more threads, {each} for each of {deliveries} deliveries at the same time, and the \
             system allows {possible}"
        );
        let raise = format!(
            "raise the limit of processes (`ulimit -u`, or `pids` of the container) by {}",
            wanted.saturating_sub(possible)
        );
        Err(Error::Limit {
            what,
            // `limits.deliveries` counts lists that are streamed, and as many complete ones.
            hint: match (possible / each / 2, possible / each) {
                (0, 0) => raise,
                (0, _) => format!("{raise}, or set `limits.accounts = 1`"),
                (deliveries, _) => format!("{raise}, or set `limits.deliveries = {deliveries}`"),
            },
        })
    }

    /// Returns how many files can be opened beside those that the run needs.
    fn check_files(&self, open: u64, most: u64) -> Result<u64, Error> {
        let shared =
            open + FILES_OF_RUN + self.under_way * self.files_under_way + self.deliveries * self.files_of_delivery;
        let needed = shared + self.locks;
        if needed <= most {
            return Ok(most - needed);
        }
        let what = format!(
            "the run needs {needed} open files at the same time, for {} lists, {} of them under way, and this process may \
             have {most}",
            self.units, self.under_way
        );
        let raise = format!("raise the limit (`ulimit -n {needed}`)");
        // Each part opens at least one list.
        let rest = most.saturating_sub(shared);
        let parts = (rest > 0).then(|| self.locks.div_ceil(rest));
        Err(Error::Limit {
            what,
            hint: match parts.filter(|&parts| parts <= self.units) {
                Some(parts) => format!("{raise}, or read the accounts in {parts} parts: `--shard 0/{parts}` and so on"),
                None if self.under_way > 1 => format!("{raise}, or lower `limits.accounts`"),
                None => raise,
            },
        })
    }
}

/// Returns whether the token of the account has one owner, which holds its lock.
fn has_token_lock(account: &Account) -> bool {
    matches!(account.credential, Credential::ClassicSecret(_))
}

/// Returns how many files this process has open; a guess if the system does not tell.
fn open_files() -> u64 {
    const GUESS: u64 = 16;
    fs::read_dir("/dev/fd").map_or(GUESS, |entries| entries.count() as u64)
}

/// Returns how many files this process may have open.
fn most_open_files() -> u64 {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX)
}
