//! The pause before another try: it doubles from one try to the next, up to a longest one.
//!
//! `source` repeats its calls with it, and `engine` those of the sinks. Which errors are worth
//! another try, and how many tries there are, is decided there.

use std::time::Duration;

/// Doublings after which the pause no longer grows, so that the factor fits into a `u32`.
const MOST_DOUBLINGS: u32 = 20;

/// Pauses that double from `base` up to `longest`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    base: Duration,
    longest: Duration,
}

impl Backoff {
    pub(crate) fn new(base: Duration, longest: Duration) -> Self {
        Self { base, longest }
    }

    /// Returns the pause after try number `tries`, counted from 1.
    pub(crate) fn after(self, tries: u32) -> Duration {
        let doublings = tries.saturating_sub(1).min(MOST_DOUBLINGS);
        self.base.saturating_mul(1 << doublings).min(self.longest)
    }

    /// Returns the same pause, shortened at random by up to a half, so that calls which failed
    /// together are not repeated together.
    pub(crate) fn spread_after(self, tries: u32) -> Duration {
        self.after(tries).mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff { base: Duration::from_millis(500), longest: Duration::from_secs(30) };

    #[test]
    fn pauses_double_up_to_the_longest() {
        for (tries, pause) in [(1, 500), (2, 1000), (5, 8000), (7, 30_000), (40, 30_000), (u32::MAX, 30_000)] {
            assert_eq!(BACKOFF.after(tries), Duration::from_millis(pause), "after try {tries}");
        }
    }

    #[test]
    fn a_spread_pause_is_from_half_to_all_of_it() {
        let pauses: Vec<Duration> = (0..1_000).map(|_| BACKOFF.spread_after(2)).collect();
        let (half, all) = (Duration::from_millis(500), Duration::from_secs(1));
        assert!(pauses.iter().all(|pause| (half..=all).contains(pause)), "{pauses:?}");
        let is_early = |pause: &&Duration| **pause < Duration::from_millis(750);
        let early = pauses.iter().filter(is_early).count();
        assert!((350..650).contains(&early), "{early} of 1,000 are in the first half");
    }
}
