//! What every step of a unit needs: its account and list, its sinks, its memory, its progress.
//!
//! [`unit`](super::unit) makes it; `deliver` and `walk` borrow it.

use std::sync::Arc;

use chrono::NaiveDate;
use fanout_sink::{SinkContext, Snapshot, WalkId};

use super::budget::Budget;
use super::keys::{recipient, sink_context};
use super::progress::UnitProgress;
use super::run_context::RunContext;
use crate::config::Account;
use crate::journal::{Commit, JournalError, ListFolder, ListState, Recipient, WalkFolder, Walks};
use crate::registry::BoundSink;
use crate::report::AccountReport;
use crate::wechat::List;

/// One list of one account within a run.
#[derive(Debug)]
pub(super) struct UnitContext {
    pub(super) run: Arc<RunContext>,
    /// The index in `run.units`.
    unit: usize,
    budget: Budget,
    /// The list that was decided before this one. It tells what to expect of the next.
    last: Option<Snapshot>,
}

impl UnitContext {
    /// Makes the context of a unit whose walk is `walk`, or one that has not begun; `walks` are
    /// those of its list.
    pub(super) fn new(run: &Arc<RunContext>, unit: usize, walks: &Walks, walk: Option<WalkId>) -> Self {
        let last = walks.decision_before(walk).map(|decision| decision.snapshot.clone());
        Self { run: Arc::clone(run), unit, budget: run.budget.for_unit(), last }
    }

    /// Makes the context of another walk of the same unit.
    pub(super) fn of_walk(&self, state: &ListState, walk: Option<WalkId>) -> Self {
        // An error is passed over: only the forecast and the report need the last list, and a new
        // walk may have to begin because the old ones are damaged.
        Self::new(&self.run, self.unit, &state.walks().unwrap_or_default(), walk)
    }

    pub(super) fn account(&self) -> &Account {
        self.run.account(self.unit)
    }

    pub(super) fn list(&self) -> List {
        self.run.units[self.unit].list
    }

    /// Returns the list on which this one rests.
    pub(super) fn input_list(&self) -> List {
        self.list().rests_on().expect("only a list that is read in batches asks")
    }

    /// Returns the folder of the list on which this one rests.
    pub(super) fn input(&self) -> ListFolder {
        self.run.folder(self.input_unit())
    }

    /// Returns what came in this run of the list on which this one rests, a report for each date;
    /// none if the run need not read it.
    pub(super) fn input_reports(&self) -> &[AccountReport] {
        self.run.progress.units()[self.input_unit()].reports().unwrap_or_default()
    }

    fn input_unit(&self) -> usize {
        self.run.input_of(self.unit).expect("a run has every list on which others rest")
    }

    /// Returns the sinks that take this list.
    pub(super) fn sinks(&self) -> &[BoundSink] {
        &self.run.units[self.unit].sinks
    }

    pub(super) fn budget(&self) -> &Budget {
        &self.budget
    }

    pub(super) fn progress(&self) -> &UnitProgress {
        &self.run.progress.units()[self.unit]
    }

    /// Returns the list that was decided before this one; `None` for a first list.
    pub(super) fn last(&self) -> Option<&Snapshot> {
        self.last.as_ref()
    }

    /// Makes the report of a unit to which nothing has happened yet.
    pub(super) fn report(&self) -> AccountReport {
        self.run.report(self.unit)
    }

    /// Makes the context with which a sink is opened for a walk of this list.
    pub(super) fn sink_context(&self, sink: &BoundSink, walk: WalkId, date: NaiveDate) -> SinkContext {
        let run = &self.run;
        sink_context(&run.pipeline, self.account(), &run.account_names, sink, (walk, date))
            .with_again(run.options.again)
            .with_trials(run.trials.clone())
    }

    /// Returns the record that `sink` has published a walk; `None` if it has not. A one-shot sink
    /// has no records.
    pub(super) fn commit(&self, walk: &WalkFolder, sink: &BoundSink) -> Result<Option<Commit>, JournalError> {
        if sink.is_one_shot() { Ok(None) } else { walk.commit(&self.recipient(sink)) }
    }

    /// Returns the recipient that a commit record of `sink` names.
    pub(super) fn recipient(&self, sink: &BoundSink) -> Recipient {
        recipient(&self.run.pipeline, sink.section())
    }
}
