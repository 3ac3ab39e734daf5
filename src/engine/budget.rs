//! The bytes that may be under way at the same time.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Semaphores count in `u32`; a unit of 1 KiB lets them count to 4 TiB.
const UNIT: u64 = 1024;

/// A number of bytes, shared by all accounts of a run.
///
/// What a page and its batch take is reserved before the page is asked for, and given back when the last sink is done
/// with the batch. So a slow sink slows the source, and the length of a list has no part in the memory it needs.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    units: Arc<Semaphore>,
    capacity: u32,
}

/// Reserved bytes; dropping it gives them back.
pub(super) type Lease = OwnedSemaphorePermit;

impl Budget {
    pub(super) fn new(bytes: u64) -> Self {
        let capacity = u32::try_from(bytes / UNIT).unwrap_or(u32::MAX).max(1);
        Self { units: Arc::new(Semaphore::new(capacity as usize)), capacity }
    }

    /// Waits until `bytes` are free, and takes them. More than there is in all is cut to that, so that one large page
    /// passes alone instead of never.
    pub(super) async fn reserve(&self, bytes: u64) -> Lease {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).clamp(1, self.capacity);
        Arc::clone(&self.units).acquire_many_owned(units).await.expect("the semaphore is never closed")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_reservation_waits_until_another_is_given_back() {
        let budget = Budget::new(10 * UNIT);
        let first = budget.reserve(7 * UNIT).await;
        let mut second = Box::pin(budget.reserve(4 * UNIT));
        assert!(tokio::time::timeout(Duration::from_secs(1), &mut second).await.is_err());
        drop(first);
        drop(second.await);
    }

    #[tokio::test]
    async fn more_than_everything_is_everything() {
        let budget = Budget::new(10 * UNIT);
        drop(budget.reserve(u64::MAX).await);
        drop(budget.reserve(0).await);
    }
}
