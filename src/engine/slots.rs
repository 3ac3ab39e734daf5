//! Who may deliver when: open writers take memory and processors, so only so many are open at the same time.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::LimitsSection;

/// A list of up to so many followers is not large: it is delivered from the journal at the price of reading ten pages again.
const SMALL: u64 = 100_000;

/// The deliveries of a run, `limits.deliveries` of each kind.
///
/// A list that is delivered while it is read keeps its writers open as long as the network takes, stuck or not; so it never
/// waits for a slot, and never keeps one from a list that is complete.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    streaming: Arc<Semaphore>,
    complete: Arc<Semaphore>,
}

/// The right to deliver; dropping it gives it back.
pub(super) type Slot = OwnedSemaphorePermit;

impl Slots {
    pub(super) fn new(limits: &LimitsSection) -> Self {
        let slots = || Arc::new(Semaphore::new(limits.deliveries));
        Self { streaming: slots(), complete: slots() }
    }

    /// Returns how many deliveries there are at the same time, with `accounts` under way.
    pub(super) fn most(limits: &LimitsSection, accounts: usize) -> usize {
        accounts.min(2 * limits.deliveries)
    }

    /// Takes a slot for a list that is to be delivered while it is read: one that had `followers` the last time, or that is
    /// read for the first time. None if it was not large, or no slot is free.
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
        let slots = Slots::new(&LimitsSection { deliveries: 2, ..LimitsSection::default() });
        assert!(slots.streaming(Some(SMALL)).is_none());
        let held = [slots.streaming(Some(SMALL + 1)), slots.streaming(None)];
        assert!(held.iter().all(Option::is_some));
        assert!(slots.streaming(None).is_none(), "none is free");
        // One that is complete does not wait for those that the network keeps.
        drop(slots.complete().await);
    }
}
