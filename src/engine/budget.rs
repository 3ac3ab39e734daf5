//! The bytes that may be under way at the same time.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Semaphores count in `u32`; a unit of 1 KiB lets them count to 4 TiB.
const UNIT: u64 = 1024;

/// Bytes of its own that each account under way has: a full page, 10,000 times 31 bytes, on its way once as JSON and once
/// as Arrow, in whole units.
pub(super) const OWN: u64 = (2_u64 * 310_000).next_multiple_of(UNIT);

/// A number of bytes, shared by all accounts of a run, and a page that is an account's own: whatever the others hold, it
/// can go on.
///
/// What a page and its batch take is reserved before the page is asked for, and given back when the last sink is done
/// with the batch. So a slow sink slows the source, and the length of a list has no part in the memory it needs.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    own: Arc<Semaphore>,
    shared: Arc<Semaphore>,
    /// Units that are shared.
    capacity: u32,
}

/// Reserved bytes; dropping it gives them back.
pub(super) type Lease = OwnedSemaphorePermit;

impl Budget {
    /// Makes a budget of `bytes` to share.
    pub(super) fn new(bytes: u64) -> Self {
        let capacity = u32::try_from(bytes / UNIT).unwrap_or(u32::MAX).max(1);
        Self { own: own(), shared: Arc::new(Semaphore::new(capacity as usize)), capacity }
    }

    /// Returns the budget for another account: it shares the same bytes, and has a page of its own.
    pub(super) fn for_account(&self) -> Self {
        Self { own: own(), ..self.clone() }
    }

    /// Waits until `bytes` are free, and takes them. More than there is in all is cut to that, so that one large page
    /// passes alone instead of never.
    pub(super) async fn reserve(&self, bytes: u64) -> Lease {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).clamp(1, self.capacity);
        let take = |units_of: &Arc<Semaphore>| Arc::clone(units_of).acquire_many_owned(units);
        let lease = if u64::from(units) * UNIT <= OWN {
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
    Arc::new(Semaphore::new((OWN / UNIT) as usize))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Whether there is a lease to be had now.
    async fn is_free(budget: &Budget, bytes: u64) -> Option<Lease> {
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
    async fn every_account_has_a_page_whatever_the_others_hold() {
        let budget = Budget::new(3 * OWN);
        let greedy = budget.for_account();
        let mut held = vec![greedy.reserve(OWN).await];
        while let Some(lease) = is_free(&greedy, OWN).await {
            held.push(lease);
        }
        assert_eq!(held.len(), 1 + 3, "its own page, and all that is shared");
        let other = budget.for_account();
        let page = is_free(&other, OWN).await.expect("a page of its own");
        assert!(is_free(&other, OWN).await.is_none());
        drop(page);
        assert!(is_free(&other, OWN).await.is_some());
    }

    #[tokio::test]
    async fn more_than_everything_is_everything() {
        let budget = Budget::new(10 * UNIT);
        drop(budget.reserve(u64::MAX).await);
        drop(budget.reserve(0).await);
    }
}
