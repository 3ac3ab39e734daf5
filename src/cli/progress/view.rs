//! The progress of one account, as a line and as a bar.

use std::fmt::Write as _;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use super::super::output::Terminal;
use super::super::table::{account_and_list, duration, grouped};
use super::super::told::people_of;
use crate::engine::{UnitProgress, WalkProgress};
use crate::wechat::List;

/// An account between two looks.
#[derive(Debug)]
pub(super) struct View {
    name: String,
    list: List,
    /// `None` before the first page, and after the end.
    state: Option<State>,
    bar: Option<ProgressBar>,
    /// When the first page was seen, and how many followers there were then: those came from the
    /// journal.
    start: Option<(Instant, u64)>,
}

impl View {
    pub(super) fn new(account: &str, list: List) -> Self {
        Self { name: account_and_list(account, list.name()), list, state: None, bar: None, start: None }
    }

    pub(super) fn look(&mut self, account: &UnitProgress) {
        let walk = account.walk();
        if walk.pages == 0 || account.reports().is_some() {
            self.state = None;
            return;
        }
        let followers = walk.followers;
        let start = self.start.get_or_insert_with(|| (Instant::now(), followers));
        if followers < start.1 {
            // The next walk has begun.
            *start = (Instant::now(), followers);
        }
        let (since, before) = *start;
        let seconds = since.elapsed().as_secs_f64();
        let rate = if seconds > 0.0 { followers.saturating_sub(before) as f64 / seconds } else { 0.0 };
        self.state = Some(State { walk, rate });
    }

    /// Returns whether the account is under way.
    pub(super) fn is_active(&self) -> bool {
        self.state.is_some()
    }

    /// Returns the followers of the account, or those that were read if the total is unknown.
    pub(super) fn size(&self) -> u64 {
        self.state.as_ref().map_or(0, |State { walk, .. }| walk.total.unwrap_or(walk.followers))
    }

    pub(super) fn line(&self) -> String {
        format!("{}: {}", self.name, self.state.as_ref().map_or_else(String::new, |state| state.describe(self.list)))
    }

    /// Draws the account's bar.
    pub(super) fn draw(&mut self, terminal: &Terminal) {
        let Some(state) = &self.state else { return };
        let walk = state.walk;
        let bar = self.bar.get_or_insert_with(|| terminal.bars().add(bar(&self.name)));
        // More followers than the total may arrive, because the list changes during the walk.
        bar.set_length(walk.total.unwrap_or(0).max(walk.followers).max(1));
        bar.set_position(walk.followers);
        bar.set_message(state.describe(self.list));
    }

    /// Removes the account's bar, if it has one.
    pub(super) fn hide(&mut self, terminal: &Terminal) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
            terminal.bars().remove(&bar);
        }
    }
}

fn bar(account: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix}  {bar:24}  {msg}").expect("a constant template");
    ProgressBar::no_length().with_style(style.progress_chars("█▌░")).with_prefix(account.to_owned())
}

/// What was read of one account.
#[derive(Debug)]
struct State {
    walk: WalkProgress,
    /// Followers a second.
    rate: f64,
}

impl State {
    fn describe(&self, list: List) -> String {
        let WalkProgress { pages, pages_before, followers, total, batches } = self.walk;
        let mut text = match batches {
            Some(batches) => format!("{} of {} batches", grouped(pages), grouped(batches.all)),
            None => format!("{} pages", grouped(pages)),
        };
        if pages_before > 0 {
            let _ = match batches {
                Some(_) => write!(text, " ({} from earlier runs)", grouped(pages_before)),
                None => write!(text, " (it goes on from page {})", grouped(pages_before + 1)),
            };
        }
        let _ = write!(text, ", {}", grouped(followers));
        if let Some(total) = total {
            let _ = write!(text, " of {}", grouped(total));
        }
        let _ = write!(text, " {}", people_of(list.name()));
        let is_under_way = self.rate >= 1.0;
        if is_under_way {
            let _ = write!(text, ", {}/s", grouped(self.rate as u64));
        }
        let batches = batches.and_then(|batches| Some((batches.cost?, batches.days?)));
        if let Some((cost, days @ 2..)) = batches {
            // The day's calls end before the list does.
            let _ = write!(text, ", {} days left at {}", grouped(days), calls_a_batch(cost));
        } else if is_under_way && let Some(left) = total.and_then(|total| total.checked_sub(followers)) {
            let _ = write!(text, ", {} left", duration((left as f64 / self.rate).ceil()));
            if let Some((cost, _)) = batches {
                let _ = write!(text, " at {}", calls_a_batch(cost));
            }
        }
        text
    }
}

fn calls_a_batch(cost: u64) -> String {
    if cost == 1 { "1 call a batch".to_owned() } else { format!("{} calls a batch", grouped(cost)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::BatchesReport;

    fn walk(pages: u64, followers: u64, total: Option<u64>) -> WalkProgress {
        let mut walk = WalkProgress::default();
        (walk.pages, walk.followers, walk.total) = (pages, followers, total);
        walk
    }

    impl View {
        /// Makes the view of an account with one page and this total; with the total 0 it has not
        /// begun.
        pub(in super::super) fn under_way(name: &str, total: u64) -> Self {
            let state = State { walk: walk(1, 1, Some(total)), rate: 0.0 };
            Self { state: (total > 0).then_some(state), ..Self::new(name, List::default()) }
        }
    }

    #[test]
    fn progress_is_told_as_far_as_it_is_known() {
        let state = State { walk: walk(12, 120_000, Some(1_000_000)), rate: 8_000.0 };
        assert_eq!(
            state.describe(List::FOLLOWERS),
            "12 pages, 120,000 of 1,000,000 followers, 8,000/s, 1 min 50 s left"
        );
        let over = State { walk: walk(12, 120_000, Some(100_000)), ..state };
        assert_eq!(over.describe(List::BLACKLIST), "12 pages, 120,000 of 100,000 blocked people, 8,000/s");
        let early = State { walk: walk(1, 10_000, None), rate: 0.0 };
        assert_eq!(early.describe(List::FOLLOWERS), "1 pages, 10,000 followers");
        let mut resumed = walk(17, 170_000, None);
        resumed.pages_before = 16;
        let resumed = State { walk: resumed, rate: 0.0 };
        assert_eq!(resumed.describe(List::FOLLOWERS), "17 pages (it goes on from page 17), 170,000 followers");
        let mut batches = walk(4_100, 405_900, Some(1_000_000));
        batches.pages_before = 100;
        let told = |cost, calls_a_day, rate| {
            let report = BatchesReport::new(10_102, 4_100, None, cost, Some(calls_a_day));
            State { walk: WalkProgress { batches: Some(report), ..batches }, rate }.describe(List::CHANGES)
        };
        let read = "4,100 of 10,102 batches (100 from earlier runs), 405,900 of 1,000,000 people asked about";
        assert_eq!(told(None, 500_000, 0.0), read);
        assert_eq!(told(Some(1), 500_000, 9_900.0), format!("{read}, 9,900/s, 1 min 1 s left at 1 call a batch"));
        assert_eq!(told(Some(100), 500_000, 9_900.0), format!("{read}, 9,900/s, 2 days left at 100 calls a batch"));
    }
}
