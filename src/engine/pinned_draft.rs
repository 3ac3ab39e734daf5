//! Drafts a walk that rests on a decided walk of another list, and pins that one before anything is
//! read of it, so that no prune removes it while the new walk, or its list, exists.
//!
//! Before it: [`begin_profiles`](super::begin_profiles) or [`tags`](super::tags) begins a walk.
//! Behind it: the draft takes what the walk begins with.

use fanout_sink::Snapshot;

use super::open_batches::input_dates;
use super::plan::Begin;
use super::unit_context::UnitContext;
use crate::error::Error;
use crate::journal::{BatchDraft, JournalError, ListState, Pin, Plan, WalkFolder};

/// How often an input is chosen that is removed before it is pinned.
const TRIES: u32 = 5;

/// A draft, what it rests on, and its plan.
pub(super) struct Drafted {
    pub(super) draft: BatchDraft,
    pub(super) folder: WalkFolder,
    pub(super) plan: Plan,
}

/// Drafts a walk that rests on the newest decided walk of its date, with the plan that `plan` makes
/// of that one and its list.
///
/// # Errors
///
/// [`Error::InputMissing`] if there is no such walk; those of `plan`; [`JournalError`] if the draft
/// cannot be written.
pub(super) fn pinned_draft(
    context: &UnitContext,
    state: &ListState,
    begin: Begin,
    mut plan: impl FnMut(&WalkFolder, &Snapshot) -> Result<Plan, Error>,
) -> Result<Drafted, Error> {
    let mut tries = 0;
    loop {
        tries += 1;
        let (folder, snapshot) = input(context, state, begin)?;
        let plan = plan(&folder, &snapshot)?;
        let draft = state.draft(snapshot.date, plan.clone())?;
        match folder.pin(&Pin { list: context.list().name().to_owned(), walk: draft.walk() }) {
            Ok(()) => return Ok(Drafted { draft, folder, plan }),
            Err(JournalError::Gone { .. }) if tries < TRIES => {
                tracing::debug!(walk = snapshot.walk.to_string(), "a walk was removed before it was pinned");
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Returns the walk on which a new one rests, with the facts of its list: that of `--date`, else
/// the newest that this run has read or found. One of an earlier date, which this run has finished,
/// is taken only if `state` has no walk of that date yet.
fn input(context: &UnitContext, state: &ListState, begin: Begin) -> Result<(WalkFolder, Snapshot), Error> {
    let (dates, exit) = input_dates(context, begin);
    let newest = dates[0];
    for date in dates {
        let is_read = || Ok::<_, JournalError>(state.walks()?.iter().any(|walk| walk.header().date == date));
        if let Some(folder) = context.input().walks()?.decided_of(date).cloned()
            && let Some(decision) = folder.decision()
            && (date == newest || !is_read()?)
        {
            let snapshot = decision.snapshot.clone();
            return Ok((folder, snapshot));
        }
    }
    Err(Error::InputMissing { list: context.input_list(), date: newest, exit })
}
