//! How followers went over time, as the paths of a small drawing that is stretched to where it is shown.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use super::gather::AccountPast;

/// The size of the drawing, which is stretched to where it is shown.
pub(super) const WIDTH: i64 = 1_000;
pub(super) const HEIGHT: u64 = 100;
/// The line keeps clear of the edge above, and of the marks of failed runs below.
const TOP: u64 = 6;
const BOTTOM: u64 = 84;
/// Marks of failed runs go from here to the edge.
const MARK: u64 = 90;

/// What is drawn of an account.
#[derive(Debug)]
pub(super) struct Chart {
    /// The followers of its lists.
    pub(super) line: String,
    /// A mark for each run that failed.
    pub(super) marks: String,
    /// The fewest and the most followers.
    pub(super) range: Option<(u64, u64)>,
}

impl Chart {
    /// Draws an account between two instants. They are the same for all accounts, so that charts can be compared.
    pub(super) fn new(account: &AccountPast, (first, last): (DateTime<Utc>, DateTime<Utc>)) -> Self {
        let across = |at: DateTime<Utc>| (at - first).num_seconds() * WIDTH / (last - first).num_seconds().max(1);
        let followers = || account.lists().map(|list| list.followers);
        let range = followers().min().zip(followers().max());
        let mut line = String::new();
        if let Some((fewest, most)) = range {
            for list in account.lists() {
                let up = match most - fewest {
                    0 => (BOTTOM - TOP) / 2,
                    // In 128 bits: a count of followers is as large as its writer liked.
                    height => {
                        (u128::from(list.followers - fewest) * u128::from(BOTTOM - TOP) / u128::from(height)) as u64
                    }
                };
                let to = if line.is_empty() { 'M' } else { 'L' };
                let _ = write!(line, "{to}{} {}", across(list.at), BOTTOM - up);
            }
            // A line to where it is shows a single list as a dot.
            line.push_str("h0");
        }
        let mut marks = String::new();
        for at in account.failures() {
            let _ = write!(marks, "M{} {MARK}V{HEIGHT}", across(at));
        }
        Self { line, marks, range }
    }
}
