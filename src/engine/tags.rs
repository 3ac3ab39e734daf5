//! The list of tags: a row of each tag in a decided walk of their people.
//!
//! Before it: [`walk_run`](super::walk_run) has one walk of a unit, whose list rests on that of the
//! people. Behind it: [deliver](super::deliver), from the walk's own journal. No call is made.
//!
//! The rows are elements of a walk of its own: what they say of a tag is then as fixed as its
//! people, and needs the other walk no longer.

use chrono::{DateTime, Utc};
use fanout_sink::Snapshot;
use serde::{Deserialize, Serialize};

use super::open_batches::rests_on;
use super::pinned_draft::{Drafted, pinned_draft};
use super::plan::Begin;
use super::tag_walk::{SettledTag, TagOutcome, settle};
use super::unit_context::UnitContext;
use crate::config::Verify;
use crate::error::Error;
use crate::journal::{BatchJournal, Elements, End, JournalError, ListState, OwnElements, Plan, TagJournal};
use crate::rows::TagRow;

/// The row of a tag, as the journal has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TagElement {
    pub(super) id: i32,
    pub(super) name: String,
    pub(super) count: u64,
    pub(super) members: Option<u64>,
    pub(super) outcome: TagOutcome,
    pub(super) fetched_at: DateTime<Utc>,
}

impl TagElement {
    /// Returns the row for a sink.
    pub(super) fn row(&self) -> TagRow<'_> {
        let Self { id, name, count, members, outcome, fetched_at } = self;
        let outcome = outcome.name();
        TagRow { tag_id: *id, name, count: *count, members: *members, outcome, fetched_at: *fetched_at }
    }

    fn of(settled: SettledTag) -> Self {
        let SettledTag { tag, outcome, members, fetched_at } = settled;
        Self { id: tag.id, name: tag.name, count: tag.count, members, outcome, fetched_at }
    }
}

/// Makes the walk of the tags of a decided walk of their people: that of `--date`, else the newest
/// that this run has read or found.
///
/// # Errors
///
/// [`Error::InputMissing`] if no such walk is decided; [`JournalError`] if it cannot be read.
pub(super) fn begin(context: &UnitContext, state: &ListState, begin: Begin) -> Result<BatchJournal, Error> {
    let run = &context.run;
    let made_at = run.pipeline.clock.now();
    let mut rows = Vec::new();
    let Drafted { mut draft, plan, .. } = pinned_draft(context, state, begin, |folder, input: &Snapshot| {
        let journal = TagJournal::open(folder.clone())?;
        let settled = settle(&journal, run.pipeline.tags.select.as_deref())?;
        rows = settled.into_iter().map(TagElement::of).collect();
        Ok(Plan {
            input: rests_on(input),
            base: None,
            refresh_days: None,
            bound_anew: false,
            own: Some(OwnElements { count: rows.len() as u64, are_asked: false }),
            changes: None,
            verify: Verify::default(),
            made_at,
        })
    })?;
    let count = rows.len() as u64;
    if count > 0 {
        let body = serde_json::to_vec(&rows).expect("numbers and text are JSON");
        draft.add(&Elements { first: 0, count, body: body.into() })?;
    }
    Ok(draft.begin_ended(End { total: count, fetched_at: plan.made_at })?)
}

/// Reads the tags of a walk.
///
/// # Errors
///
/// [`JournalError`] if they cannot be read.
pub(super) fn read(journal: &BatchJournal) -> Result<Vec<TagElement>, JournalError> {
    let reader = journal.elements();
    let mut rows = Vec::new();
    for frame in 0..reader.frames() {
        let Elements { first, body, .. } = reader.read(frame)?;
        let read: Vec<TagElement> = serde_json::from_slice(&body).map_err(|_| reader.damaged(first))?;
        rows.extend(read);
    }
    Ok(rows)
}
