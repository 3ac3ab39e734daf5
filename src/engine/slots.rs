//! How many lists are delivered at the same time: open writers take memory and processors.
//!
//! `deliver` takes a [`Slot`] before it opens the sinks of a list, `walk` before it counts one.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most followers of a small list. A small list is not delivered while it is read: to deliver
/// it from the journal costs no more than reading ten pages again.
const SMALL: u64 = 100_000;

/// The slots of a run: so many for lists that are delivered while they are read, and as many for
/// complete lists.
///
/// Streaming deliveries hold writers open for as long as the network takes. They have their own
/// semaphore, so they never block a delivery from the journal.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    streaming: Arc<Semaphore>,
    complete: Arc<Semaphore>,
}

/// The right to deliver one list. Dropping it gives it back.
pub(super) type Slot = OwnedSemaphorePermit;

impl Slots {
    /// Makes the slots of a run, `deliveries` of each kind.
    pub(super) fn new(deliveries: usize) -> Self {
        let slots = || Arc::new(Semaphore::new(deliveries));
        Self { streaming: slots(), complete: slots() }
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_lists_that_may_be_large_are_delivered_while_they_are_read() {
        let slots = Slots::new(2);
        assert!(slots.streaming(Some(SMALL)).is_none());
        let held = [slots.streaming(Some(SMALL + 1)), slots.streaming(None)];
        assert!(held.iter().all(Option::is_some));
        assert!(slots.streaming(None).is_none(), "none is free");
        // A complete list does not wait for those that are still being read.
        drop(slots.complete().await);
    }
}
