//! How many lists are delivered at the same time: open writers take memory and processors.
//!
//! `deliver` takes a [`Slot`] before it opens the sinks of a list, `walk` before it counts one.
//! When the sinks have prepared, they have no writer any more and wait for the disk: then the list
//! gives its slot to the next one.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most followers of a small list. A small list is not delivered while it is read: to deliver
/// it from the journal costs no more than reading ten pages again.
const SMALL: u64 = 100_000;

/// The slots of a run: so many for lists that are delivered while they are read, as many for
/// complete lists, and some for lists that are published.
///
/// Streaming deliveries hold writers open for as long as the network takes. They have their own
/// semaphore, so they never block a delivery from the journal.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    streaming: Arc<Semaphore>,
    complete: Arc<Semaphore>,
    publishing: Arc<Semaphore>,
}

/// The right to deliver one list. Dropping it gives it back.
pub(super) type Slot = OwnedSemaphorePermit;

impl Slots {
    /// Makes the slots of a run: `deliveries` of each kind, and `publishing` for lists that are
    /// published beside them.
    pub(super) fn new(deliveries: usize, publishing: usize) -> Self {
        let slots = |count| Arc::new(Semaphore::new(count));
        Self { streaming: slots(deliveries), complete: slots(deliveries), publishing: slots(publishing) }
    }

    /// Returns the most deliveries at the same time, if `units` are under way.
    pub(super) fn most(deliveries: usize, units: usize) -> usize {
        units.min(2 * deliveries)
    }

    /// Takes a slot for a list that could be delivered while it is read. `followers` is its length
    /// the last time, `None` the first time. Returns `None` if it was small or no slot is free.
    pub(super) fn streaming(&self, followers: Option<u64>) -> Option<Slot> {
        if followers.is_some_and(|followers| followers <= SMALL) {
            return None;
        }
        Arc::clone(&self.streaming).try_acquire_owned().ok()
    }

    /// Waits for a slot for a list that is complete.
    pub(super) async fn complete(&self) -> Slot {
        Arc::clone(&self.complete).acquire_owned().await.expect("the semaphore is never closed")
    }

    /// Gives back the slot of a list whose sinks have prepared, and returns one of those for lists
    /// that are published. If none of them is free, the list keeps `slot`.
    pub(super) fn publishing(&self, slot: Slot) -> Slot {
        Arc::clone(&self.publishing).try_acquire_owned().unwrap_or(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_lists_that_may_be_large_are_delivered_while_they_are_read() {
        let slots = Slots::new(2, 0);
        assert!(slots.streaming(Some(SMALL)).is_none());
        let held = [slots.streaming(Some(SMALL + 1)), slots.streaming(None)];
        assert!(held.iter().all(Option::is_some));
        assert!(slots.streaming(None).is_none(), "none is free");
        // A complete list does not wait for those that are still being read.
        drop(slots.complete().await);
    }

    #[tokio::test]
    async fn a_list_that_is_published_makes_room_for_the_next_one_as_far_as_there_is_room_for_it() {
        let slots = Slots::new(1, 1);
        let first = slots.publishing(slots.complete().await);
        let second = slots.publishing(slots.complete().await);
        assert!(slots.complete.try_acquire().is_err(), "the second list keeps its slot");
        drop(first);
        let second = slots.publishing(second);
        drop(slots.complete().await);
        drop(second);
    }
}
