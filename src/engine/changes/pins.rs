//! Lets go what walks of changes no longer rest on.
//!
//! Before it: a walk of changes was decided. Behind it: the followers' walks that only earlier
//! deltas rested on are pruned as others.
//!
//! A decided delta has all that it tells in its own journal, and the next one begins at the end of
//! the chain. So a delta before that end needs its walk of followers no more. A walk that tells who
//! follows needs it as long as it can be delivered.

use super::chain::{Chain, plan};
use crate::engine::unit_context::UnitContext;
use crate::journal::{JournalError, ListFolder, Pin};

/// Removes the pins of all deltas before the end of the chain.
///
/// # Errors
///
/// [`JournalError`] if the walks cannot be read, or a pin cannot be removed.
pub(in crate::engine) fn unpin(context: &UnitContext, state: &ListFolder) -> Result<(), JournalError> {
    let chain = Chain::read(state)?;
    let Some(end) = chain.end() else { return Ok(()) };
    let followers = context.input().walks()?;
    for walk in chain.decided().filter(|walk| walk.header().walk != end.header().walk) {
        let is_delta = plan(walk).is_some_and(|plan| plan.from.is_some());
        let to = walk.header().plan.as_ref().map(|plan| plan.input.walk);
        let rested_on = followers.iter().find(|folder| Some(folder.header().walk) == to);
        if let Some(rested_on) = rested_on.filter(|_| is_delta) {
            rested_on.unpin(&Pin { list: context.list().name().to_owned(), walk: walk.header().walk })?;
        }
    }
    Ok(())
}
