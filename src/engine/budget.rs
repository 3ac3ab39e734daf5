//! The bytes that may be under way at the same time.
//!
//! The walk reserves a [`Lease`] before it asks for a page, and the fan-out before it decodes a
//! page that it reads from the journal again. The page's batch carries the lease until the last
//! sink is done with the batch. `bind` computes how many bytes there are.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Semaphores count in `u32`. In blocks of 1 KiB they count up to 4 TiB.
const BLOCK: u64 = 1024;

/// Bytes of a full page: 10,000 followers of 31 bytes each.
pub(super) const FULL_PAGE: u64 = 310_000;

/// Bytes that each unit under way has of its own: a full page, rounded up to whole blocks.
pub(super) const OWN: u64 = footprint(FULL_PAGE).next_multiple_of(BLOCK);

/// The bytes that the units of a run share, and the bytes that one unit has of its own.
///
/// What a page and its batch take is reserved before the page is requested, and released when the
/// last sink is done with the batch. So a slow sink slows the source, and the memory does not
/// depend on the length of a list. The length of a page is not known before it is requested: the
/// walk reserves for one as long as the page before it.
///
/// The page of its own lets each unit continue, whatever the others hold. A unit uses it first, and
/// the shared bytes while it is taken. What is larger than a full page comes from the shared bytes
/// only.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    own: Arc<Semaphore>,
    shared: Arc<Semaphore>,
    /// Blocks that are shared.
    capacity: u32,
}

/// Reserved bytes. Dropping it releases them.
pub(super) type Lease = OwnedSemaphorePermit;

impl Budget {
    /// Makes a budget of `bytes` to share.
    pub(super) fn new(bytes: u64) -> Self {
        let capacity = u32::try_from(bytes / BLOCK).unwrap_or(u32::MAX).max(1);
        Self { own: own(), shared: Arc::new(Semaphore::new(capacity as usize)), capacity }
    }

    /// Returns the budget of another unit: it shares the same bytes, and has a page of its own.
    pub(super) fn for_unit(&self) -> Self {
        Self { own: own(), ..self.clone() }
    }

    /// Waits until `bytes` are free, in the unit's own page or in the shared bytes, and reserves
    /// them there. A page that is larger than all shared bytes reserves all of them, so it passes
    /// alone instead of never.
    pub(super) async fn reserve(&self, bytes: u64) -> Lease {
        let blocks = u32::try_from(bytes.div_ceil(BLOCK)).unwrap_or(u32::MAX).clamp(1, self.capacity);
        let take = |semaphore: &Arc<Semaphore>| Arc::clone(semaphore).acquire_many_owned(blocks);
        let lease = if u64::from(blocks) * BLOCK <= OWN {
            tokio::select! {
                biased;
                lease = take(&self.own) => lease,
                lease = take(&self.shared) => lease,
            }
        } else {
            take(&self.shared).await
        };
        lease.expect("the semaphores are never closed")
    }
}

fn own() -> Arc<Semaphore> {
    Arc::new(Semaphore::new((OWN / BLOCK) as usize))
}

/// Returns the bytes that a page of `body` bytes takes on its way: once as JSON, once as Arrow.
pub(super) const fn footprint(body: u64) -> u64 {
    2 * body
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Reserves `bytes` if they are free now.
    async fn reserve_now(budget: &Budget, bytes: u64) -> Option<Lease> {
        tokio::time::timeout(Duration::from_secs(1), budget.reserve(bytes)).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_reservation_waits_until_another_is_given_back() {
        let budget = Budget::new(10 * OWN);
        let first = budget.reserve(7 * OWN).await;
        let mut second = Box::pin(budget.reserve(4 * OWN));
        assert!(tokio::time::timeout(Duration::from_secs(1), &mut second).await.is_err());
        drop(first);
        drop(second.await);
    }

    #[tokio::test(start_paused = true)]
    async fn every_unit_has_a_page_whatever_the_others_hold() {
        let budget = Budget::new(3 * OWN);
        let greedy = budget.for_unit();
        let mut held = vec![greedy.reserve(OWN).await];
        while let Some(lease) = reserve_now(&greedy, OWN).await {
            held.push(lease);
        }
        assert_eq!(held.len(), 1 + 3, "its own page, and all that is shared");
        let other = budget.for_unit();
        let page = reserve_now(&other, OWN).await.expect("a page of its own");
        assert!(reserve_now(&other, OWN).await.is_none());
        drop(page);
        assert!(reserve_now(&other, OWN).await.is_some());
    }

    #[tokio::test]
    async fn more_than_everything_is_everything() {
        let budget = Budget::new(10 * BLOCK);
        drop(budget.reserve(u64::MAX).await);
        drop(budget.reserve(0).await);
    }
}
