//! The lists of an account over time, as the paths of a small drawing: a line of their rows or, for
//! changes, a bar up for those who came and a bar down for those who left. The page stretches it to
//! its place.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use super::super::table::{grouped, signed};
use super::gather::{AccountPast, Night};

/// The size of the drawing before it is stretched.
pub(super) const WIDTH: i64 = 1_000;
pub(super) const HEIGHT: u64 = 100;
/// The line stays below the upper edge, and above the marks of failed runs.
const TOP: u64 = 6;
const BOTTOM: u64 = 84;
/// Marks of failed runs go from here to the lower edge.
const MARK: u64 = 90;

/// The first and the last instant of all charts. They are the same for all accounts, so that charts
/// can be compared.
pub(super) type Span = (DateTime<Utc>, DateTime<Utc>);

/// The drawing of one list of one account.
#[derive(Debug, Default)]
pub(super) struct Chart {
    /// Each part of it: its style class, and its path.
    pub(super) paths: Vec<(&'static str, String)>,
    /// What stands at its upper and its lower edge; `None` if there is nothing to draw.
    pub(super) range: Option<(String, String)>,
}

impl Chart {
    /// Draws a list of an account between two instants.
    pub(super) fn new(account: &AccountPast, span: Span) -> Self {
        let mut chart =
            if account.has_changes { Self::of_changes(account, span) } else { Self::of_rows(account, span) };
        let mut marks = String::new();
        for at in account.failures() {
            let _ = write!(marks, "M{} {MARK}V{HEIGHT}", across(at, span));
        }
        chart.paths.push(("marks", marks));
        chart.paths.retain(|(_, path)| !path.is_empty());
        chart
    }

    fn of_rows(account: &AccountPast, span: Span) -> Self {
        let rows = || account.lists().map(|list| list.rows);
        let Some((fewest, most)) = rows().min().zip(rows().max()) else { return Self::default() };
        let mut line = String::new();
        for list in account.lists() {
            let up = match most - fewest {
                0 => (BOTTOM - TOP) / 2,
                height => scaled(list.rows - fewest, height, BOTTOM - TOP),
            };
            let to = if line.is_empty() { 'M' } else { 'L' };
            let _ = write!(line, "{to}{} {}", across(list.at, span), BOTTOM - up);
        }
        // A line of length 0 shows a single list as a dot.
        line.push_str("h0");
        let lower = if fewest == most { String::new() } else { grouped(fewest) };
        Self { paths: vec![("line", line)], range: Some((grouped(most), lower)) }
    }

    /// Draws bars of the same scale up and down from one line.
    fn of_changes(account: &AccountPast, span: Span) -> Self {
        let most = |of: fn(Night<'_>) -> u64| account.nights().map(of).max();
        let most_came = most(|night| night.changes.followed);
        let most_left = most(|night| night.changes.unfollowed);
        let Some((most_came, most_left)) = most_came.zip(most_left) else { return Self::default() };
        let all = most_came.saturating_add(most_left);
        let zero = if all == 0 { u64::midpoint(TOP, BOTTOM) } else { TOP + scaled(most_came, all, BOTTOM - TOP) };
        let (mut came, mut left) = (String::new(), String::new());
        for night in account.nights() {
            let across = across(night.at, span);
            let (followed, unfollowed) = (night.changes.followed, night.changes.unfollowed);
            if followed > 0 {
                // What is too few to be seen is a dot.
                let _ = write!(came, "M{across} {zero}v-{}", scaled(followed, all, BOTTOM - TOP));
            }
            if unfollowed > 0 {
                let _ = write!(left, "M{across} {zero}v{}", scaled(unfollowed, all, BOTTOM - TOP));
            }
        }
        let axis = format!("M0 {zero}H{WIDTH}");
        let range = (signed(most_came.into()), signed(-i128::from(most_left)));
        Self { paths: vec![("axis", axis), ("came", came), ("left", left)], range: Some(range) }
    }
}

fn across(at: DateTime<Utc>, (first, last): Span) -> i64 {
    (at - first).num_seconds() * WIDTH / (last - first).num_seconds().max(1)
}

/// Returns `part` of `all` as so much of `height`.
fn scaled(part: u64, all: u64, height: u64) -> u64 {
    // In 128 bits: a report that was edited may hold any count.
    (u128::from(part) * u128::from(height) / u128::from(all)) as u64
}
