//! How far a run has come: a bar for each account on a terminal, a log line now and then otherwise.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::output::Terminal;
use super::table::grouped;
use crate::engine::{AccountProgress, Progress};

/// Ten times a second looks alive and costs nothing.
const LOOK: Duration = Duration::from_millis(100);

/// Often enough to see that a run is alive, seldom enough for a log that is kept.
const LOG_LINE: Duration = Duration::from_secs(10);

/// Shows the progress until it is dropped.
pub(super) async fn show(progress: Arc<Progress>, terminal: Terminal) {
    let mut views: Vec<View> = progress.accounts().iter().map(|_| View::default()).collect();
    let mut looks = tokio::time::interval(LOOK);
    let mut logged = Instant::now();
    loop {
        looks.tick().await;
        let log = !terminal.is_interactive() && logged.elapsed() >= LOG_LINE;
        if log {
            logged = Instant::now();
        }
        for (account, view) in progress.accounts().iter().zip(&mut views) {
            let state = is_active(account).then(|| view.state(account));
            if terminal.is_interactive() {
                view.draw(account.name(), state.as_ref(), &terminal);
            } else if log && let Some(state) = state {
                tracing::info!("{}: {}", account.name(), state.describe());
            }
        }
    }
}

fn is_active(account: &AccountProgress) -> bool {
    account.pages() > 0 && !account.is_finished()
}

/// What is remembered of an account from one look to the next.
#[derive(Debug, Default)]
struct View {
    bar: Option<ProgressBar>,
    /// When the first page was seen, and how many followers there were then: earlier ones came from the journal.
    start: Option<(Instant, u64)>,
}

impl View {
    fn state(&mut self, account: &AccountProgress) -> State {
        let followers = account.followers();
        let (since, before) = *self.start.get_or_insert_with(|| (Instant::now(), followers));
        let seconds = since.elapsed().as_secs_f64();
        let rate = if seconds > 0.0 { (followers - before) as f64 / seconds } else { 0.0 };
        State { pages: account.pages(), followers, total: account.total(), rate }
    }

    /// Draws the bar of the account `name`, or takes it away if there is nothing to tell.
    fn draw(&mut self, name: &str, state: Option<&State>, terminal: &Terminal) {
        let Some(state) = state else {
            if let Some(bar) = self.bar.take() {
                bar.finish_and_clear();
                terminal.bars().remove(&bar);
            }
            return;
        };
        let bar = self.bar.get_or_insert_with(|| terminal.bars().add(bar(name)));
        // The total may be short of what has come: followers come and go while the walk goes on.
        bar.set_length(state.total.unwrap_or(0).max(state.followers).max(1));
        bar.set_position(state.followers);
        bar.set_message(state.describe());
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
                let _ = write!(text, ", {} left", rough(left as f64 / self.rate));
            }
        }
        text
    }
}

/// Writes a number of seconds as roughly as it is known.
pub(super) fn rough(seconds: f64) -> String {
    let seconds = seconds.ceil() as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_as_far_as_it_is_known() {
        let state = State { pages: 12, followers: 120_000, total: Some(1_000_000), rate: 8_000.0 };
        assert_eq!(state.describe(), "12 pages, 120,000 of 1,000,000 followers, 8,000/s, 1 min 50 s left");
        let over = State { total: Some(100_000), ..state };
        assert_eq!(over.describe(), "12 pages, 120,000 of 100,000 followers, 8,000/s");
        let early = State { pages: 1, followers: 10_000, total: None, rate: 0.0 };
        assert_eq!(early.describe(), "1 pages, 10,000 followers");
    }

    #[test]
    fn a_time_is_as_rough_as_it_is_long() {
        assert_eq!(
            [0.0, 0.2, 59.0, 59.5, 3_599.0, 3_600.0, 90_061.0].map(rough),
            ["0 s", "1 s", "59 s", "1 min 0 s", "59 min 59 s", "1 h 0 min", "25 h 1 min"]
        );
    }
}
