//! Chooses the walks of changes of a unit.
//!
//! Before it: the options of the run, and the [chain](super::chain). Behind it: the
//! [unit](crate::engine::unit) runs each choice.
//!
//! The order is that of the chain, because each sink takes the changes in their order:
//!
//! 1. oldest first, the decided walks of the date, and those of any date that a sink of their
//!    decision lacks;
//! 2. the walk under way, whatever its age;
//! 3. everybody, for the sinks that were added and ask for it;
//! 4. if there is no walk of the date, a new delta.
//!
//! `--fresh` begins the walk under way anew. It skips nothing that is owed, and makes no second
//! delta of a date.

use chrono::{DateTime, NaiveDate, Utc};

use super::chain::Chain;
use crate::engine::plan::{Choice, begin};
use crate::engine::run_options::RunOptions;
use crate::engine::unit_context::UnitContext;
use crate::error::Error;
use crate::journal::{JournalError, ListState, WalkFolder, Walks};
use crate::registry::BoundSink;
use crate::wechat::date_in_beijing;

/// Chooses the walks, in the order in which they run; there is at least one. `sinks` are those that
/// take the list.
///
/// # Errors
///
/// [`Error::PastDate`] if a walk would have to begin for a day before yesterday; [`JournalError`]
/// if the commit records cannot be read.
pub(in crate::engine) fn choose(
    walks: &Walks,
    sinks: &[BoundSink],
    options: &RunOptions,
    now: DateTime<Utc>,
) -> Result<Vec<Choice>, Error> {
    let (today, date) = (date_in_beijing(now), options.date_or_today(now));
    let chain = Chain { walks: walks.clone() };
    let finish = |walk: &WalkFolder| Choice::Finish(Box::new(walk.clone()));
    let is_of_date = |walk: &WalkFolder| walk.header().date == date;
    let mut choices = Vec::new();
    for walk in chain.decided() {
        if is_of_date(walk) {
            choices.push(finish(walk));
        } else if lacks(walk, sinks)? {
            choices.push(Choice::Deliver(Box::new(walk.clone())));
        }
    }
    let open = chain.open().filter(|_| !options.fresh);
    choices.extend(open.map(finish));
    if let Some(end) = open.or(chain.end())
        && !chain.late(sinks, open).is_empty()
    {
        choices.push(Choice::Baseline(end.header().date));
    }
    if !chain.decided().chain(open).any(is_of_date) {
        choices.push(begin(options.date, today, open.is_some())?);
    }
    Ok(choices)
}

/// Checks what can be known of a new delta before the followers are read.
///
/// # Errors
///
/// [`Error::BaselineTooLate`] if a sink that has received changes asks for everybody now;
/// [`JournalError`] if the walks cannot be read.
pub(in crate::engine) fn check_begin(context: &UnitContext, state: &ListState) -> Result<(), Error> {
    // The chain may begin anew, and then with everybody.
    if context.run.options.accept_change { Ok(()) } else { Chain::read(state)?.check_baselines(context.sinks()) }
}

/// Chooses the walks of a replay: all that are decided, oldest first, or those of `date`.
pub(in crate::engine) fn replays(walks: &Walks, date: Option<NaiveDate>) -> Vec<Choice> {
    let decided = walks.iter().filter(|walk| walk.decision().is_some());
    let of_date = decided.filter(|walk| date.is_none_or(|date| walk.header().date == date));
    of_date.map(|walk| Choice::Finish(Box::new(walk.clone()))).collect()
}

/// Returns whether one of `sinks` lacks a decided walk that was made for it.
fn lacks(walk: &WalkFolder, sinks: &[BoundSink]) -> Result<bool, JournalError> {
    let lacking = walk.lacking()?;
    Ok(sinks.iter().any(|sink| lacking.iter().any(|name| name == sink.name())))
}
