//! What is shown of a run, and when.

use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::overview::Overview;
use super::view::View;
use crate::cli::output::Terminal;
use crate::engine::Progress;

/// Ten times a second looks alive and costs nothing.
const LOOK: Duration = Duration::from_millis(100);

/// Often enough to see that a run is alive, seldom enough for a log that is kept.
const LOG_LINE: Duration = Duration::from_secs(10);

/// Accounts that are shown one by one; what is beyond that is a number.
const FEW: usize = 5;

/// Shows the progress until it is dropped.
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

/// What is remembered of a run from one look to the next.
#[derive(Debug)]
struct Watch {
    started: Instant,
    views: Vec<View>,
    /// The accounts that have a bar, by number. One keeps it until it is finished, for lines that jump cannot be read.
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

    /// Gives the places of finished accounts to the largest ones that are under way and have none.
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
        for (index, view) in self.views.iter_mut().enumerate() {
            if self.barred.contains(&index) { view.draw(terminal) } else { view.hide(terminal) }
        }
    }

    /// Returns what a log is told: a line for each account under way, or one about all where there are many.
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

    /// A watch of accounts under way of these sizes; of size 0 they have not begun.
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
