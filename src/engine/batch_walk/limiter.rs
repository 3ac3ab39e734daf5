//! How many calls are made at the same time: more while WeChat answers as fast as before, fewer
//! when it is busy.
//!
//! Before it: the [walk](super::walk) tells of each call that has ended. Behind it: it begins as
//! many calls as the limit allows.
//!
//! The limit begins at two. Until WeChat is busy for the first time it grows with every call that
//! was answered in time, so it doubles within the time of one call; after that it grows by one
//! within that time. A busy WeChat halves it, once for all calls that were under way then.

use std::time::Duration;

/// The limit at the beginning.
const BEGINNING: usize = 2;

/// By how much a call may be slower than usual.
const SLACK: Duration = Duration::from_millis(50);

/// A usual time that does not occur any more is doubled within so many calls, roughly.
const FORGOTTEN: u32 = 1_000;

/// The limit of calls at the same time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limiter {
    most: usize,
    limit: usize,
    /// Whether WeChat was not busy yet.
    is_new: bool,
    /// How long calls take now: the mean, in which newer calls weigh more.
    now: Duration,
    /// The least that this mean was. It is forgotten slowly, for days on which WeChat is slower.
    usual: Option<Duration>,
    /// Calls that were answered in time since the limit has changed.
    answered: usize,
    /// Calls that were under way when the limit was halved, and have not ended.
    old: usize,
    /// The busy answers that were seen.
    strains: u64,
}

impl Limiter {
    /// Allows at most `most` calls. The source has counted `strains` busy answers so far.
    pub(super) fn new(most: usize, strains: u64) -> Self {
        Self {
            most,
            limit: BEGINNING.min(most),
            is_new: true,
            now: Duration::ZERO,
            usual: None,
            answered: 0,
            old: 0,
            strains,
        }
    }

    /// Returns how many calls may be under way.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Notes that a call was answered after `took`, that `under_way` others are under way, and that
    /// the source has counted `strains` busy answers so far.
    pub(super) fn ended(&mut self, took: Duration, under_way: usize, strains: u64) {
        let is_strained = strains > self.strains;
        self.strains = strains;
        let was_old = self.old > 0;
        self.old = self.old.saturating_sub(1);
        if is_strained && !was_old {
            self.limit = (self.limit / 2).max(1);
            (self.is_new, self.answered, self.old) = (false, 0, under_way);
            tracing::debug!(limit = self.limit, "WeChat is busy; fewer calls at the same time");
        }
        if is_strained {
            // This call may have waited for its next try.
            return;
        }
        self.now = if self.usual.is_none() { took } else { (self.now * 7 + took) / 8 };
        let usual = self.usual.map_or(took, |usual| (usual + usual / FORGOTTEN).min(self.now));
        self.usual = Some(usual);
        if took > usual * 2 + SLACK {
            return;
        }
        self.answered += 1;
        if self.limit < self.most && (self.is_new || self.answered >= self.limit) {
            self.limit += 1;
            self.answered = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: Duration = Duration::from_millis(300);

    /// Lets as many calls end as are allowed at once; returns how many that were.
    fn round(limiter: &mut Limiter, took: Duration, strains: u64) -> usize {
        let calls = limiter.limit();
        (0..calls).for_each(|ended| limiter.ended(took, calls - ended - 1, strains));
        calls
    }

    #[test]
    fn the_limit_is_reached_in_the_time_of_few_calls() {
        let mut limiter = Limiter::new(16, 0);
        let limits: Vec<usize> = (0..5).map(|_| round(&mut limiter, CALL, 0)).collect();
        assert_eq!(limits, [2, 4, 8, 16, 16]);
        assert_eq!(Limiter::new(1, 0).limit(), 1);
    }

    #[test]
    fn a_busy_answer_halves_the_limit_once_and_it_grows_slowly_then() {
        let mut limiter = Limiter::new(16, 0);
        assert_eq!((0..5).map(|_| round(&mut limiter, CALL, 0)).max(), Some(16));
        // Each of 16 calls that are under way meets a busy WeChat.
        (1..=16).for_each(|strains| limiter.ended(CALL, 16 - strains as usize, strains));
        assert_eq!(limiter.limit(), 8);
        let limits: Vec<usize> = (0..3).map(|_| round(&mut limiter, CALL, 16)).collect();
        assert_eq!(limits, [8, 9, 10]);
        (17..40).for_each(|strains| {
            limiter.ended(CALL, 0, strains);
        });
        assert_eq!(limiter.limit(), 1);
    }

    #[test]
    fn it_does_not_grow_while_calls_take_longer_than_usual() {
        let mut limiter = Limiter::new(16, 0);
        round(&mut limiter, CALL, 0);
        let limit = limiter.limit();
        round(&mut limiter, CALL * 3, 0);
        assert_eq!(limiter.limit(), limit);
    }
}
