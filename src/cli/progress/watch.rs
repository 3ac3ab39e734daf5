//! Which accounts of a run are shown, and when.

use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::overview::Overview;
use super::view::View;
use crate::cli::output::Terminal;
use crate::engine::Progress;

/// Ten times a second: smooth, at no cost that can be measured.
const LOOK: Duration = Duration::from_millis(100);

/// Often enough to see that a run is alive, seldom enough for a log that is kept.
const LOG_LINE: Duration = Duration::from_secs(10);

/// The most accounts with a bar, or a log line, of their own. More are summed up on one line.
const FEW: usize = 5;

/// Shows the progress until the future is dropped.
pub(in crate::cli) async fn show(progress: Arc<Progress>, terminal: Terminal) {
    let mut watch = Watch::new(&progress);
    let mut looks = tokio::time::interval(LOOK);
    let mut logged = Instant::now();
    loop {
        looks.tick().await;
        watch.look(&progress);
        if terminal.is_interactive() {
            watch.draw(&terminal);
        } else if logged.elapsed() >= LOG_LINE {
            logged = Instant::now();
            watch.lines().iter().for_each(|line| tracing::info!("{line}"));
        }
    }
}

/// A run between two looks.
#[derive(Debug)]
struct Watch {
    started: Instant,
    views: Vec<View>,
    /// The numbers of the accounts that have a bar. An account keeps it until it has ended, because
    /// lines that jump cannot be read.
    barred: Vec<usize>,
    overview: Overview,
    line: Option<ProgressBar>,
}

impl Watch {
    fn new(progress: &Progress) -> Self {
        let views = progress.units().iter().map(|account| View::new(account.account(), account.list())).collect();
        Self { started: Instant::now(), views, barred: Vec::new(), overview: Overview::default(), line: None }
    }

    fn look(&mut self, progress: &Progress) {
        for (account, view) in progress.units().iter().zip(&mut self.views) {
            view.look(account);
        }
        self.overview = Overview::of(progress, self.started.elapsed());
        self.choose_bars();
    }

    /// Gives the bars of accounts that have ended to the largest ones under way without a bar.
    fn choose_bars(&mut self) {
        let views = &mut self.views;
        self.barred.retain(|&index| views[index].is_active());
        let mut others: Vec<usize> =
            (0..views.len()).filter(|index| views[*index].is_active() && !self.barred.contains(index)).collect();
        others.sort_by_key(|&index| std::cmp::Reverse(views[index].size()));
        self.barred.extend(others.into_iter().take(FEW - self.barred.len()));
    }

    fn draw(&mut self, terminal: &Terminal) {
        if self.views.len() > FEW {
            let line = self.line.get_or_insert_with(|| {
                let style = ProgressStyle::with_template("{msg}").expect("a constant template");
                terminal.bars().insert(0, ProgressBar::no_length().with_style(style))
            });
            line.set_message(self.overview.describe());
        }
        // Those that have ended first, so that no drawing shows more than `FEW`.
        for (index, view) in self.views.iter_mut().enumerate() {
            if !self.barred.contains(&index) {
                view.hide(terminal);
            }
        }
        for &index in &self.barred {
            self.views[index].draw(terminal);
        }
    }

    /// Returns the log lines: one for each account under way, or a single one if there are many
    /// accounts.
    fn lines(&self) -> Vec<String> {
        if self.views.len() > FEW {
            return vec![self.overview.describe()];
        }
        self.views.iter().filter(|view| view.is_active()).map(View::line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wechat::List;

    /// Makes a watch of accounts under way with these sizes; those of size 0 have not begun.
    fn watch(sizes: &[u64]) -> Watch {
        let views =
            sizes.iter().enumerate().map(|(index, size)| View::under_way(&format!("a{index}"), *size)).collect();
        Watch { started: Instant::now(), views, barred: Vec::new(), overview: Overview::default(), line: None }
    }

    #[test]
    fn the_largest_accounts_have_bars_and_keep_them_until_they_are_finished() {
        let mut watch = watch(&[10, 70, 20, 60, 0, 30, 50, 40]);
        watch.choose_bars();
        assert_eq!(watch.barred, [1, 3, 6, 7, 5]);
        watch.views[4] = View::under_way("a4", 1_000);
        watch.choose_bars();
        assert_eq!(watch.barred, [1, 3, 6, 7, 5], "a larger one waits for a place");
        watch.views[3] = View::new("a3", List::FOLLOWERS);
        watch.choose_bars();
        assert_eq!(watch.barred, [1, 6, 7, 5, 4]);
    }

    #[test]
    fn a_log_has_a_line_for_each_of_few_accounts_and_one_for_many() {
        let lines = watch(&[10, 0, 20, 30, 0]).lines();
        assert_eq!(lines.len(), 3);
        assert!(lines[0].starts_with("a0: 1 pages, "), "{lines:?}");
        assert_eq!(watch(&[10; 6]).lines().len(), 1);
    }
}
