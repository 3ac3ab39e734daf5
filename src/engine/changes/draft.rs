//! Writes a walk of changes before its first reply: its plan, its elements, its pin.
//!
//! Before it: [`begin`](super::begin) knows what has changed. Behind it: the
//! [batch walk](crate::engine::batch_walk) begins the walk.

use fanout_sink::Snapshot;

use super::base::Base;
use super::chain::{AllCarried, Carried};
use crate::changes::{Seen, Side};
use crate::engine::batch_walk::Input;
use crate::engine::difference::Difference;
use crate::engine::element::{A_FRAME, Element, to_body};
use crate::engine::open_batches::rests_on;
use crate::engine::unit_context::UnitContext;
use crate::error::Error;
use crate::journal::{BatchDraft, ChangePlan, Elements, JournalError, ListState, OwnElements, Pin, Plan, WalkFolder};

/// A decided walk of followers.
#[derive(Clone)]
pub(super) struct Followers {
    pub(super) folder: WalkFolder,
    pub(super) snapshot: Snapshot,
}

impl Followers {
    /// Returns when its list was read.
    pub(super) fn seen(&self) -> Seen {
        let Snapshot { begun_at, last_fetched_at, .. } = self.snapshot;
        Seen { earliest: begun_at, latest: last_fetched_at.unwrap_or(begun_at) }
    }
}

/// Makes the draft of a walk that ends at `to` and has so many elements, and pins `to`.
///
/// # Errors
///
/// [`JournalError::Gone`] if `to` was removed meanwhile; [`JournalError::Io`] if the draft or the
/// pin cannot be written.
pub(super) fn draft(
    context: &UnitContext,
    state: &ListState,
    to: &Followers,
    changes: ChangePlan,
    own: OwnElements,
) -> Result<BatchDraft, JournalError> {
    let pipeline = &context.run.pipeline;
    let plan = Plan {
        input: rests_on(&to.snapshot),
        base: None,
        refresh_days: None,
        bound_anew: false,
        verify: pipeline.profiles.verify,
        own: Some(own),
        changes: Some(changes),
        made_at: pipeline.clock.now(),
    };
    let draft = state.draft(to.snapshot.date, plan)?;
    to.folder.pin(&Pin { list: context.list().name().to_owned(), walk: draft.walk() })?;
    Ok(draft)
}

/// Adds the elements of a delta to its draft, in the order of [`Side`].
///
/// # Errors
///
/// [`JournalError`] if the lists cannot be read any more, or the draft cannot be written.
pub(super) fn add_delta(
    draft: &mut BatchDraft,
    base: &Base,
    newer: &Input,
    difference: &Difference,
    controls: &[u64],
) -> Result<(), JournalError> {
    let mut writer = Writer::new(draft);
    writer.add_all(newer, controls.iter().copied(), Side::Control)?;
    writer.add_all(newer, difference.joined().marked(), Side::Joined)?;
    let of_list = base.list.rows();
    let in_list = difference.missing().marked().take_while(|&position| position < of_list);
    writer.add_all(&base.list, in_list, Side::Missing { carried: None })?;
    for position in difference.missing().marked().filter(|&position| position >= of_list) {
        let Carried { openid, seen } = base.carried.people[(position - of_list) as usize].clone();
        writer.add(Element { openid, side: Side::Missing { carried: Some(seen) } })?;
    }
    writer.finish()
}

/// Adds the people whom a list lacks that tells who follows.
///
/// # Errors
///
/// [`JournalError`] if the draft cannot be written.
pub(super) fn add_held(draft: &mut BatchDraft, held: AllCarried) -> Result<(), JournalError> {
    let mut writer = Writer::new(draft);
    for Carried { openid, seen } in held.people {
        writer.add(Element { openid, side: Side::Held { carried: seen } })?;
    }
    writer.finish()
}

/// Gathers elements into frames.
struct Writer<'a> {
    draft: &'a mut BatchDraft,
    first: u64,
    elements: Vec<Element>,
}

impl<'a> Writer<'a> {
    fn new(draft: &'a mut BatchDraft) -> Self {
        Self { draft, first: 0, elements: Vec::new() }
    }

    /// Adds the people at some positions of a list.
    fn add_all(&mut self, list: &Input, positions: impl Iterator<Item = u64>, side: Side) -> Result<(), JournalError> {
        let mut positions = positions.peekable();
        while positions.peek().is_some() {
            let here: Vec<u64> = positions.by_ref().take(A_FRAME).collect();
            let openids = list.openids(&here)?;
            for place in 0..openids.len() {
                self.add(Element { openid: openids.get(place).to_owned(), side })?;
            }
        }
        Ok(())
    }

    fn add(&mut self, element: Element) -> Result<(), JournalError> {
        self.elements.push(element);
        if self.elements.len() == A_FRAME { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), JournalError> {
        let count = self.elements.len() as u64;
        self.draft.add(&Elements { first: self.first, count, body: to_body(&self.elements) })?;
        self.first += count;
        self.elements.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<(), JournalError> {
        if self.elements.is_empty() { Ok(()) } else { self.flush() }
    }
}

/// Does work that reads much from the disk, on a thread for such work.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}
