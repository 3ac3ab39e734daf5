//! How many lists are delivered at the same time: open writers take memory and processors.
//!
//! `deliver` takes a [`Slot`] before it opens the sinks of a list, `walk` before it counts one.
//! When the sinks have closed their writers, they only wait for the disk: then the list gives its
//! slot to the next one.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

    /// Returns the slot of a list whose sinks are opened now. With `is_kept` the list needs it
    /// until it is published.
    pub(super) fn delivery(&self, slot: Slot, is_kept: bool) -> Arc<DeliverySlot> {
        Arc::new(DeliverySlot { slots: self.clone(), is_kept, slot: Mutex::new(slot), writers: AtomicUsize::new(0) })
    }
}

/// The slot of a list, from the first open sink to the last commit.
#[derive(Debug)]
pub(super) struct DeliverySlot {
    slots: Slots,
    is_kept: bool,
    slot: Mutex<Slot>,
    /// The writers that are not closed.
    writers: AtomicUsize,
}

impl DeliverySlot {
    /// Notes another writer, and returns what is to be called when it is closed.
    pub(super) fn writer(self: &Arc<Self>) -> impl Fn() + Send + Sync + use<> {
        self.writers.fetch_add(1, Ordering::Relaxed);
        let (slot, is_closed) = (Arc::downgrade(self), AtomicBool::new(false));
        move || {
            if let Some(slot) = slot.upgrade()
                && !is_closed.swap(true, Ordering::Relaxed)
                && slot.writers.fetch_sub(1, Ordering::Relaxed) == 1
            {
                slot.publish();
            }
        }
    }

    /// Gives the slot to the next list, whose sinks open their writers, and takes one of those for
    /// lists that are published. If none of them is free, the list keeps its slot.
    pub(super) fn publish(&self) {
        if self.is_kept || self.is_for_publishing() {
            return;
        }
        if let Ok(slot) = Arc::clone(&self.slots.publishing).try_acquire_owned() {
            *self.slot() = slot;
        }
    }

    /// Waits for a slot for a complete list, unless the list has kept its own: its sinks open their
    /// writers again.
    pub(super) async fn deliver_again(&self) {
        if self.is_for_publishing() {
            let slot = self.slots.complete().await;
            *self.slot() = slot;
        }
    }

    fn is_for_publishing(&self) -> bool {
        Arc::ptr_eq(self.slot().semaphore(), &self.slots.publishing)
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
        let first = slots.delivery(slots.complete().await, false);
        first.publish();
        let second = slots.delivery(slots.complete().await, false);
        second.publish();
        assert!(slots.complete.try_acquire().is_err(), "the second list keeps its slot");
        first.publish();
        assert!(slots.publishing.try_acquire().is_err(), "the first list has one of those for publishing");
        drop(first);
        second.publish();
        let third = slots.delivery(slots.complete().await, true);
        drop(second);
        third.publish();
        assert!(slots.complete.try_acquire().is_err(), "the third list keeps its slot");
        drop(third);
        drop((slots.complete().await, slots.publishing.try_acquire().unwrap()));
    }

    #[tokio::test]
    async fn the_last_writer_that_is_closed_makes_room_for_the_next_list() {
        let slots = Slots::new(1, 1);
        let slot = slots.delivery(slots.complete().await, false);
        let writers = [slot.writer(), slot.writer()];
        writers[0]();
        writers[0]();
        assert!(slots.complete.try_acquire().is_err(), "a writer is open");
        writers[1]();
        let next = slots.complete().await;
        // A sink has failed, and gets the list again.
        let again = slot.deliver_again();
        tokio::pin!(again);
        assert!(tokio::time::timeout(Duration::ZERO, &mut again).await.is_err(), "the next list has the slot");
        drop(next);
        again.await;
        assert!(slots.complete.try_acquire().is_err());
        assert!(slots.publishing.try_acquire().is_ok());
    }
}
