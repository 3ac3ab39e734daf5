//! How the walks of a list belong together, and what follows from that for a run. This is the one
//! place that asks.
//!
//! | | alone | chain |
//! | --- | --- | --- |
//! | lists | all others | changes |
//! | a walk tells | the whole list | what has changed since the walk before |
//! | a run delivers | what is owed, and the list of the date | every walk that a sink lacks, oldest first |
//! | a replay delivers | the newest list of each date | every walk |
//! | a sink that lacks a walk | takes the next one all the same | waits until it has that one |
//!
//! Before it: the [unit](super::unit) plans its walks, runs them or prunes. Behind it:
//! [`plan`](super::plan) and [`changes`](super::changes) choose.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};

use super::changes;
use super::plan::{Choice, choose};
use super::run_context::RunContext;
use super::unit_context::UnitContext;
use crate::error::Error;
use crate::journal::{JournalError, ListState, WalkFolder, Walks};
use crate::wechat::List;

/// How the walks of a list belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListWalks {
    /// Each is a whole list.
    Alone,
    /// Each goes on where the one before ends.
    Chain,
}

impl ListWalks {
    pub(super) fn of(list: List) -> Self {
        if list == List::CHANGES { Self::Chain } else { Self::Alone }
    }

    /// Reads the walks from which a run chooses. `--fresh` begins a whole list also if the walks
    /// before it cannot be read: it needs none of them.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if the walks cannot be read.
    pub(super) fn read(self, run: &RunContext, state: &ListState) -> Result<Walks, JournalError> {
        match state.walks() {
            Err(_) if self == Self::Alone && run.options.fresh => Ok(Walks::default()),
            walks => walks,
        }
    }

    /// Chooses the walks of a run, in the order in which they run; there is at least one.
    ///
    /// # Errors
    ///
    /// Those of [`choose`](super::plan::choose) and [`changes::choose`].
    pub(super) fn choose(
        self,
        run: &RunContext,
        unit: usize,
        walks: &Walks,
        now: DateTime<Utc>,
    ) -> Result<Vec<Choice>, Error> {
        match self {
            Self::Chain => changes::choose(walks, &run.units[unit].sinks, &run.options, now),
            Self::Alone => {
                let owed = if run.options.fresh { Vec::new() } else { owed(run, unit, walks)? };
                choose(walks, owed, &run.options, run.pipeline.resume_within(run.units[unit].list), now)
            }
        }
    }

    /// Chooses the walks of a replay of `date`, or of all dates, in the order in which they run.
    pub(super) fn replays(self, walks: &Walks, date: Option<NaiveDate>) -> Vec<Choice> {
        if self == Self::Chain {
            return changes::replays(walks, date);
        }
        let mut newest: BTreeMap<NaiveDate, &WalkFolder> = BTreeMap::new();
        for walk in walks.iter().filter(|walk| walk.decision().is_some()) {
            newest.insert(walk.header().date, walk);
        }
        newest.retain(|walk_date, _| date.is_none_or(|date| date == *walk_date));
        let mut newest: Vec<&WalkFolder> = newest.into_values().collect();
        newest.sort_by_key(|walk| walk.header().walk.number());
        newest.into_iter().map(|walk| Choice::Finish(Box::new(walk.clone()))).collect()
    }

    /// Checks before any call what can be known of a walk that is to begin.
    ///
    /// # Errors
    ///
    /// Those of [`changes::check_begin`].
    pub(super) fn check_begin(self, context: &UnitContext, state: &ListState) -> Result<(), Error> {
        match self {
            Self::Chain => changes::check_begin(context, state),
            Self::Alone => Ok(()),
        }
    }

    /// Returns whether a sink that lacks a walk has to wait with those behind it.
    pub(super) fn are_told_in_order(self) -> bool {
        self == Self::Chain
    }

    /// Lets go what no walk rests on any more, before old walks are pruned.
    ///
    /// # Errors
    ///
    /// As [`changes::unpin`].
    pub(super) fn unpin(self, context: &UnitContext, state: &ListState) -> Result<(), JournalError> {
        match self {
            Self::Chain => changes::unpin(context, state),
            Self::Alone => Ok(()),
        }
    }
}

/// Returns the decided walks that this pipeline decided and that one of its sinks lacks. A sink
/// that is no longer in the pipeline file is passed over.
fn owed(run: &RunContext, unit: usize, walks: &Walks) -> Result<Vec<WalkFolder>, JournalError> {
    let sinks = &run.units[unit].sinks;
    let mut owed = Vec::new();
    for walk in walks.owed()? {
        let is_ours = walk.decision().is_some_and(|decision| decision.pipeline == run.pipeline.name);
        let lacking = walk.lacking()?;
        if is_ours && sinks.iter().any(|sink| lacking.iter().any(|name| name == sink.name())) {
            owed.push(walk);
        }
    }
    Ok(owed)
}
