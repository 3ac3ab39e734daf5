//! The rows of a complete list on their way to the sinks: gathered into batches, digested, handed
//! to every queue.
//!
//! Before it: [`profile_feed`](super::profile_feed) or [`change_feed`](super::change_feed) makes
//! the rows, in their order. Behind it: the queue of each [sink task](super::sink_task).

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use chrono::{DateTime, Utc};
use fanout_sink::{Batch, Snapshot, arrow};
use tokio::runtime::Handle;

use super::list_digest::Algorithm;
use super::row_digest::RowDigest;
use super::sink_task::{Command, SinkQueue};
use crate::engine::budget::{Budget, Lease};
use crate::engine::unit_context::UnitContext;
use crate::rows::{ChangeRows, ProfileRows};

/// Rows of one batch for the sinks.
pub(super) const ROWS: usize = 5_000;

/// The most bytes that a row takes on its way, as text of the reply and as Arrow: an estimate.
const ROW: u64 = 1_024;

/// Where the rows of a list go, and whose they are.
pub(in crate::engine) struct Outlet {
    pub(super) app_id: String,
    pub(super) account: String,
    algorithm: Algorithm,
    sinks: Vec<SinkQueue>,
    budget: Budget,
    runtime: Handle,
}

/// Gathers rows into a batch.
pub(super) trait RowBuilder {
    /// Returns how many rows were added since the last [`finish`](Self::finish).
    fn len(&self) -> usize;

    /// Returns these rows, and begins the next batch.
    fn finish(&mut self) -> RecordBatch;
}

/// The rows of one list.
pub(super) struct RowFeed<Rows> {
    rows: Rows,
    count: u64,
    fetched_between: Option<(DateTime<Utc>, DateTime<Utc>)>,
    digest: RowDigest,
    /// The number of the next batch.
    sequence: u64,
    /// The bytes of the rows that are being gathered.
    lease: Option<Lease>,
    outlet: Outlet,
}

/// What was handed to every sink.
pub(super) struct Fed {
    pub(super) rows: u64,
    pub(super) digest: String,
    /// When the first and the last reply were fetched that rows are from.
    pub(super) fetched_between: (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
}

impl Outlet {
    /// Makes the way to the queues of `sinks`. It must be made on the runtime. `decided` has the
    /// facts of a list that was delivered before.
    pub(super) fn new(context: &UnitContext, decided: Option<&Snapshot>, sinks: Vec<SinkQueue>) -> Self {
        let account = context.account();
        Self {
            app_id: account.app_id.clone(),
            account: account.name.clone(),
            algorithm: Algorithm::of(decided),
            sinks,
            budget: context.budget().clone(),
            runtime: Handle::current(),
        }
    }
}

impl<Rows: RowBuilder> RowFeed<Rows> {
    /// Begins a list whose rows are gathered by `rows`.
    pub(super) fn new(rows: Rows, outlet: Outlet) -> Self {
        let digest = RowDigest::new(outlet.algorithm);
        Self { rows, count: 0, fetched_between: None, digest, sequence: 0, lease: None, outlet }
    }

    /// Lets `add` add one row, which is from a reply of `fetched_at`.
    pub(super) fn push(&mut self, fetched_at: DateTime<Utc>, add: impl FnOnce(&mut Rows)) {
        if self.lease.is_none() {
            // While a sink blocks, the feed waits here.
            let Outlet { runtime, budget, .. } = &self.outlet;
            self.lease = Some(runtime.block_on(budget.reserve(ROWS as u64 * ROW)));
        }
        add(&mut self.rows);
        self.count += 1;
        let (first, last) = self.fetched_between.unwrap_or((fetched_at, fetched_at));
        self.fetched_between = Some((first.min(fetched_at), last.max(fetched_at)));
        if self.rows.len() == ROWS {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let Some(lease) = self.lease.take() else { return };
        let rows = self.rows.finish();
        self.digest.add(&rows);
        let batch = Batch::new(self.sequence, rows).with_lease(Arc::new(lease));
        self.sequence += 1;
        for sink in &self.outlet.sinks {
            // This fails if the sink has panicked; its `prepare` reports that.
            let _ = sink.blocking_send(Command::Write(batch.clone()));
        }
    }

    /// Hands on the last rows.
    pub(super) fn finish(mut self) -> Fed {
        self.flush();
        Fed { rows: self.count, digest: self.digest.finish(), fetched_between: self.fetched_between.unzip() }
    }
}

impl RowBuilder for ProfileRows {
    fn len(&self) -> usize {
        self.len()
    }

    fn finish(&mut self) -> RecordBatch {
        self.finish()
    }
}

impl RowBuilder for ChangeRows {
    fn len(&self) -> usize {
        self.len()
    }

    fn finish(&mut self) -> RecordBatch {
        self.finish()
    }
}
