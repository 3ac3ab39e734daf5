//! How far one account has come, and its bar.

use std::fmt::Write as _;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use super::super::output::Terminal;
use super::super::table::{account_and_list, duration, grouped};
use crate::engine::UnitProgress;
use crate::wechat::List;

/// What is remembered of an account from one look to the next.
#[derive(Debug)]
pub(super) struct View {
    name: String,
    /// None before the first page, and once it is finished.
    state: Option<State>,
    bar: Option<ProgressBar>,
    /// When the first page was seen, and how many followers there were then: earlier ones came from the journal.
    start: Option<(Instant, u64)>,
}

impl View {
    pub(super) fn new(account: &str, list: List) -> Self {
        Self { name: account_and_list(account, list.name()), state: None, bar: None, start: None }
    }

    pub(super) fn look(&mut self, account: &UnitProgress) {
        if account.pages() == 0 || account.report().is_some() {
            self.state = None;
            return;
        }
        let followers = account.followers();
        let (since, before) = *self.start.get_or_insert_with(|| (Instant::now(), followers));
        let seconds = since.elapsed().as_secs_f64();
        let rate = if seconds > 0.0 { followers.saturating_sub(before) as f64 / seconds } else { 0.0 };
        self.state = Some(State { pages: account.pages(), followers, total: account.total(), rate });
    }

    /// Returns whether there is something to tell.
    pub(super) fn is_active(&self) -> bool {
        self.state.is_some()
    }

    /// Returns how many followers the account has, as far as that is known.
    pub(super) fn size(&self) -> u64 {
        self.state.as_ref().map_or(0, |state| state.total.unwrap_or(state.followers))
    }

    pub(super) fn line(&self) -> String {
        format!("{}: {}", self.name, self.state.as_ref().map_or_else(String::new, State::describe))
    }

    /// Draws the account's bar.
    pub(super) fn draw(&mut self, terminal: &Terminal) {
        let Some(state) = &self.state else { return };
        let bar = self.bar.get_or_insert_with(|| terminal.bars().add(bar(&self.name)));
        // The total may be short of what has come: followers come and go while the walk goes on.
        bar.set_length(state.total.unwrap_or(0).max(state.followers).max(1));
        bar.set_position(state.followers);
        bar.set_message(state.describe());
    }

    /// Takes the account's bar away, if it has one.
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

/// How far one account has come.
#[derive(Debug)]
struct State {
    pages: u64,
    followers: u64,
    total: Option<u64>,
    /// Followers a second.
    rate: f64,
}

impl State {
    fn describe(&self) -> String {
        let mut text = format!("{} pages, {}", grouped(self.pages), grouped(self.followers));
        if let Some(total) = self.total {
            let _ = write!(text, " of {}", grouped(total));
        }
        text.push_str(" followers");
        if self.rate >= 1.0 {
            let _ = write!(text, ", {}/s", grouped(self.rate as u64));
            if let Some(left) = self.total.and_then(|total| total.checked_sub(self.followers)) {
                let _ = write!(text, ", {} left", duration((left as f64 / self.rate).ceil()));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl View {
        /// Makes the view of an account that has one page of so many followers; of none if it has not begun.
        pub(in super::super) fn under_way(name: &str, total: u64) -> Self {
            let state = State { pages: 1, followers: 1, total: Some(total), rate: 0.0 };
            Self { state: (total > 0).then_some(state), ..Self::new(name, List::default()) }
        }
    }

    #[test]
    fn progress_is_told_as_far_as_it_is_known() {
        let state = State { pages: 12, followers: 120_000, total: Some(1_000_000), rate: 8_000.0 };
        assert_eq!(state.describe(), "12 pages, 120,000 of 1,000,000 followers, 8,000/s, 1 min 50 s left");
        let over = State { total: Some(100_000), ..state };
        assert_eq!(over.describe(), "12 pages, 120,000 of 100,000 followers, 8,000/s");
        let early = State { pages: 1, followers: 10_000, total: None, rate: 0.0 };
        assert_eq!(early.describe(), "1 pages, 10,000 followers");
    }
}
