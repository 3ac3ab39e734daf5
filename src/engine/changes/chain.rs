//! The chain of the walks of changes: its end, what is under way behind it, and whom the next one
//! begins with.
//!
//! Before it: the walks in the state. Behind it: [`choose`](super::choose) and
//! [`begin`](super::begin).
//!
//! The newest decided walk is the end of the chain. An undecided walk belongs to the chain if it
//! was begun behind that end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fanout_sink::WalkId;

use crate::changes::Seen;
use crate::engine::batch_walk::Input;
use crate::engine::budget::Lease;
use crate::engine::deliver::{ChangeList, CompleteList, conflicts};
use crate::engine::proof::{ChangeProof, Proof};
use crate::engine::unit_context::UnitContext;
use crate::error::Error;
use crate::journal::{BatchJournal, ChangePlan, Gap, JournalError, ListFolder, WalkFolder, Walks};
use crate::registry::BoundSink;

/// The walks of changes as they are now.
#[derive(Debug)]
pub(super) struct Chain {
    /// All walks, oldest first.
    pub(super) walks: Walks,
}

/// The bytes of a carried person in memory: the record, and the OpenID with what the allocator
/// adds.
const CARRIED_MEMORY: u64 = 128;

/// The people whom a chain carries behind its end. They are in memory, and count in
/// `limits.memory`.
pub(super) struct AllCarried {
    pub(super) people: Vec<Carried>,
    /// Released with them.
    _lease: Lease,
}

/// A person whom a list lacks, though they had not left; and when they were last seen.
#[derive(Clone)]
pub(super) struct Carried {
    pub(super) openid: String,
    pub(super) seen: Seen,
}

impl Chain {
    /// Reads the chain.
    ///
    /// # Errors
    ///
    /// As [`ListFolder::walks`].
    pub(super) fn read(state: &ListFolder) -> Result<Self, JournalError> {
        Ok(Self { walks: state.walks()? })
    }

    /// Returns the decided walks, oldest first.
    pub(super) fn decided(&self) -> impl DoubleEndedIterator<Item = &WalkFolder> {
        self.walks.iter().filter(|walk| walk.decision().is_some())
    }

    /// Returns the end of the chain; `None` before the first decision.
    pub(super) fn end(&self) -> Option<&WalkFolder> {
        self.decided().next_back()
    }

    /// Returns the walk under way behind the end, if there is one.
    pub(super) fn open(&self) -> Option<&WalkFolder> {
        let is_open = |walk: &&WalkFolder| walk.decision().is_none() && !walk.is_given_up();
        self.walks.iter().rev().filter(is_open).find(|walk| self.is_behind_end(walk))
    }

    /// Returns the undecided walks that no run can finish any more: the chain has gone on without
    /// them.
    pub(super) fn stale(&self) -> impl Iterator<Item = &WalkFolder> {
        let is_stale =
            |walk: &&WalkFolder| walk.decision().is_none() && !walk.is_given_up() && !self.is_behind_end(walk);
        self.walks.iter().filter(is_stale)
    }

    /// Returns the names of the sinks that ask for everybody at their beginning, and are not told
    /// what is behind the end of the chain: they are new, or have missed changes because they were
    /// away. `open` is the walk under way that will be finished, if there is one.
    pub(super) fn late(&self, sinks: &[BoundSink], open: Option<&WalkFolder>) -> Vec<String> {
        let begun = self.begun(open);
        let is_late = |sink: &&BoundSink| sink.section().baseline && !begun.contains(sink.name());
        sinks.iter().filter(is_late).map(|sink| sink.name().to_owned()).collect()
    }

    /// Returns the sinks that have received changes and are not told what is behind the end of the
    /// chain, with where each begins to miss some: those that were away, and those that `sinks`
    /// lacks, which go away now.
    pub(super) fn away(&self, sinks: &[BoundSink]) -> BTreeMap<String, Gap> {
        let Some(end) = self.end() else { return BTreeMap::new() };
        let mut away = plan(end).map_or_else(BTreeMap::new, |plan| plan.away.clone());
        let begun = self.begun(None);
        away.retain(|name, _| !begun.contains(name.as_str()));
        if let Some(plan) = &end.header().plan {
            let gap = Gap { from_walk: plan.input.walk, from_date: end.header().date };
            let gone = begun.into_iter().filter(|name| !sinks.iter().any(|sink| sink.name() == *name));
            away.extend(gone.map(|name| (name.to_owned(), gap.clone())));
        }
        away
    }

    /// Checks that each sink that asks for everybody has begun with everybody, if it is told what
    /// is behind the end of the chain.
    ///
    /// # Errors
    ///
    /// [`Error::BaselineTooLate`] with the first that has not.
    pub(super) fn check_baselines(&self, sinks: &[BoundSink]) -> Result<(), Error> {
        let told = self.end().and_then(plan).and_then(|plan| plan.told_everybody.as_ref());
        let Some(told) = told else { return Ok(()) };
        let begun = self.begun(None);
        let is_late = |sink: &&BoundSink| {
            sink.section().baseline && begun.contains(sink.name()) && !told.iter().any(|told| told == sink.name())
        };
        match sinks.iter().find(is_late) {
            Some(sink) => Err(Error::BaselineTooLate { sink: sink.name().to_owned() }),
            None => Ok(()),
        }
    }

    /// Returns the names of the sinks that have received the changes at the end of the chain under
    /// other options.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if the commit records cannot be read.
    pub(super) fn elsewhere(&self, context: &UnitContext) -> Result<Vec<String>, JournalError> {
        let Some(end) = self.end() else { return Ok(Vec::new()) };
        let lacking = end.lacking()?;
        let mut elsewhere = Vec::new();
        for sink in context.sinks().iter().filter(|sink| named(end).iter().any(|name| name == sink.name())) {
            let has_it = !lacking.iter().any(|name| name == sink.name());
            if has_it && end.commit(&context.recipient(sink))?.is_none() {
                elsewhere.push(sink.name().to_owned());
            }
        }
        Ok(elsewhere)
    }

    /// Returns the names of the sinks that are told what is behind the end of the chain.
    fn begun<'a>(&'a self, open: Option<&'a WalkFolder>) -> BTreeSet<&'a str> {
        let mut begun = BTreeSet::new();
        for walk in open.into_iter().chain(self.decided().rev()) {
            begun.extend(named(walk).iter().map(String::as_str));
            // Behind it stand those that were late; before it, those that may have gone since.
            if !plan(walk).is_some_and(|plan| plan.from.is_none() && plan.after.is_some()) {
                break;
            }
        }
        begun
    }

    fn is_behind_end(&self, walk: &WalkFolder) -> bool {
        let end: Option<WalkId> = self.end().map(|end| end.header().walk);
        plan(walk).is_some_and(|plan| plan.after == end)
    }
}

/// Returns the names of the sinks for which a walk was made.
fn named(walk: &WalkFolder) -> &[String] {
    let of_decision = walk.decision().map(|decision| &decision.sinks);
    of_decision.or(plan(walk).map(|plan| &plan.sinks)).map_or(&[], Vec::as_slice)
}

/// Returns where the changes of a walk begin.
pub(super) fn plan(walk: &WalkFolder) -> Option<&ChangePlan> {
    walk.header().plan.as_ref()?.changes.as_ref()
}

/// Reads the people whom a decided walk carries to the next one, when there is memory for them.
///
/// # Errors
///
/// [`JournalError`] if its journal cannot be read; [`Error::Interrupted`] if the run is to stop.
pub(super) async fn carried(context: &UnitContext, end: &WalkFolder) -> Result<AllCarried, Error> {
    let stop = &context.run.stop;
    let proof = end.decision().and_then(|decision| ChangeProof::of(&decision.snapshot)).unwrap_or_default();
    let count = proof.carries();
    let lease = context.run.or_stopped(context.budget().reserve(count * CARRIED_MEMORY)).await?;
    let journal = BatchJournal::open(end.clone())?;
    let input = Input::own(journal.elements())?;
    let list = Arc::new(ChangeList::new(journal, input, None, None)?);
    let decided = end.decision().map(|decision| &decision.snapshot);
    let conflicts = conflicts(Arc::<ChangeList>::clone(&list) as Arc<dyn CompleteList>, decided, stop.clone()).await?;
    let stop = stop.clone();
    let read = move || {
        let mut carried = Vec::with_capacity(count as usize);
        list.each_carried(&conflicts, &stop, &mut |openid, seen| {
            carried.push(Carried { openid: openid.to_owned(), seen });
        })?;
        Ok::<_, Error>(carried)
    };
    let people = tokio::task::spawn_blocking(read).await;
    let people = people.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
    debug_assert_eq!(people.len() as u64, count, "the proof says how many are carried");
    Ok(AllCarried { people, _lease: lease })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_for_a_carried_person_suffices() {
        // Behind the record lies the text, which the allocator rounds up to a multiple of 16 and
        // gives a head of 16 bytes.
        let text = "o".repeat(28);
        let allocated = (text.len() as u64).next_multiple_of(16) + 16;
        assert!(size_of::<Carried>() as u64 + allocated <= CARRIED_MEMORY, "{}", size_of::<Carried>());
    }
}
