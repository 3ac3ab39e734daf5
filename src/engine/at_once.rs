//! Work on many accounts, on several of them at once.
//!
//! `check` looks with it at the lists of a pipeline, and so does
//! [`inspect`](crate::inspect). A run has its own way, because it takes the longest lists first.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::Instrument as _;

/// Does all of `work`, at most `most` of it at once, and returns the results in the order of
/// `work`.
pub(crate) async fn at_once<W>(most: usize, work: impl IntoIterator<Item = W>) -> Vec<W::Output>
where
    W: Future<Output: Send> + Send + 'static,
{
    let slots = Arc::new(Semaphore::new(most));
    let mut running = JoinSet::new();
    for (place, work) in work.into_iter().enumerate() {
        let slots = Arc::clone(&slots);
        let work = async move {
            let _slot = slots.acquire_owned().await;
            (place, work.await)
        };
        running.spawn(work.in_current_span());
    }
    let mut results = Vec::with_capacity(running.len());
    while let Some(done) = running.join_next().await {
        match done {
            Ok(result) => results.push(result),
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
    results.sort_unstable_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn results_come_in_order_and_never_too_much_is_under_way() {
        const MOST: usize = 3;
        const WORK: usize = 20;
        static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);
        let work = |place: usize| async move {
            let under_way = UNDER_WAY.fetch_add(1, Ordering::SeqCst) + 1;
            // What begins later ends earlier.
            tokio::time::sleep(Duration::from_millis((WORK - place) as u64)).await;
            UNDER_WAY.fetch_sub(1, Ordering::SeqCst);
            (place, under_way)
        };
        let results = at_once(MOST, (0..WORK).map(work)).await;
        assert!(results.iter().map(|(place, _)| *place).eq(0..WORK));
        assert_eq!(results.iter().map(|(_, under_way)| *under_way).max(), Some(MOST));
    }
}
