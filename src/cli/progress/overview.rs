//! The progress of a whole run, on one line.

use std::fmt::Write as _;
use std::time::Duration;

use super::super::table::{duration, grouped};
use super::super::told::has_followers;
use crate::engine::Progress;
use crate::report::Verdict;

/// Sums over all accounts of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Overview {
    accounts: u64,
    done: u64,
    failed: u64,
    /// Stopped before their end.
    stopped: u64,
    under_way: u64,
    pages: u64,
    followers: u64,
    calls: u64,
    elapsed: Duration,
}

impl Overview {
    /// Sums up a run that has lasted for `elapsed`.
    pub(super) fn of(progress: &Progress, elapsed: Duration) -> Self {
        let mut overview = Self { elapsed, ..Self::default() };
        // A list that this run need not read has no report.
        for account in
            progress.units().iter().filter(|account| account.reports().is_none_or(|reports| !reports.is_empty()))
        {
            overview.accounts += 1;
            match account.verdict() {
                Some(Verdict::Failed) => overview.failed += 1,
                Some(Verdict::Interrupted | Verdict::Stopped | Verdict::CutOff | Verdict::NotTried) => {
                    overview.stopped += 1;
                }
                Some(Verdict::Ready | Verdict::Published | Verdict::AlreadyPublished) => overview.done += 1,
                None => overview.under_way += u64::from(account.has_begun()),
            }
            overview.pages += account.pages();
            if has_followers(account.list().name()) {
                overview.followers += account.walk().followers;
            }
            overview.calls += account.calls();
        }
        overview
    }

    pub(super) fn describe(&self) -> String {
        let mut text = format!("{} of {} accounts done", grouped(self.done), grouped(self.accounts));
        let ended = self.done + self.failed + self.stopped;
        let waiting = self.accounts - ended - self.under_way;
        for (count, what) in
            [(self.failed, "failed"), (self.stopped, "stopped"), (self.under_way, "under way"), (waiting, "waiting")]
        {
            if count > 0 {
                let _ = write!(text, ", {} {what}", grouped(count));
            }
        }
        let _ = write!(text, "; {} pages, {} followers", grouped(self.pages), grouped(self.followers));
        let seconds = self.elapsed.as_secs_f64();
        if seconds >= 1.0 {
            let _ = write!(text, ", {:.1} calls/s", self.calls as f64 / seconds);
            // Each account that is left is taken to last as long as those that have ended. How much
            // is left of those under way is unknown.
            if ended > 0 && ended < self.accounts {
                let left = seconds / ended as f64 * (self.accounts - ended) as f64;
                let _ = write!(text, ", about {} left", duration(left.ceil()));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_told_on_one_line() {
        let begun = Overview { accounts: 2_500, under_way: 200, ..Overview::default() };
        assert_eq!(begun.describe(), "0 of 2,500 accounts done, 200 under way, 2,300 waiting; 0 pages, 0 followers");
        let half = Overview {
            done: 1_240,
            failed: 10,
            pages: 6_000,
            followers: 31_234_567,
            calls: 7_250,
            elapsed: Duration::from_secs(100),
            ..begun
        };
        assert_eq!(
            half.describe(),
            "1,240 of 2,500 accounts done, 10 failed, 200 under way, 1,050 waiting; 6,000 pages, 31,234,567 followers, \
             72.5 calls/s, about 1 min 40 s left"
        );
        let ended = Overview { accounts: 1_251, under_way: 0, stopped: 1, ..half };
        assert!(ended.describe().starts_with("1,240 of 1,251 accounts done, 10 failed, 1 stopped; "));
        assert!(ended.describe().ends_with(" calls/s"));
    }
}
