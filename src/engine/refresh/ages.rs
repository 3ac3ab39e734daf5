//! Decides by their ages which rows of the base are asked for again.
//!
//! Before it: [`join`](super::join) notes when each match was fetched. Behind it:
//! [`copying`](super::copying) copies the others.
//!
//! Of n days each has its share, the oldest rows: so every row is asked for within n days, and no
//! day has to ask for all of them. Rows of one time are taken in the order of their positions.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

/// Different times that are counted apart. If there are more, neighbouring ones are counted
/// together. Rows of one reply have one time, so it takes as many replies.
const TIMES: usize = 256 * 1024;

/// When rows were fetched, counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Ages {
    /// How many rows have each time, in units of 2^`shift` microseconds.
    counts: BTreeMap<i64, u64>,
    shift: u32,
    rows: u64,
}

/// Which rows are asked for again. It is asked about each row, in the order of positions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Selection {
    shift: u32,
    /// Rows before this time are asked for, and `ties` of those at it.
    limit: i64,
    ties: u64,
    /// Rows that are not younger than this are asked for, in microseconds.
    oldest: i64,
}

impl Ages {
    /// Notes a row that was fetched at this time, in microseconds.
    pub(super) fn add(&mut self, fetched_at: i64) {
        self.rows += 1;
        *self.counts.entry(fetched_at >> self.shift).or_default() += 1;
        while self.counts.len() > TIMES {
            self.shift += 1;
            let mut halved = BTreeMap::new();
            for (time, count) in std::mem::take(&mut self.counts) {
                *halved.entry(time >> 1).or_default() += count;
            }
            self.counts = halved;
        }
    }

    /// Selects the oldest part of `days`, and what is `days` old at `made_at`.
    pub(super) fn select(&self, days: u32, made_at: DateTime<Utc>) -> Selection {
        let oldest = (made_at - TimeDelta::days(days.into())).timestamp_micros();
        let mut ties = self.rows.div_ceil(days.into());
        for (&limit, &count) in &self.counts {
            if ties <= count {
                return Selection { shift: self.shift, limit, ties, oldest };
            }
            ties -= count;
        }
        Selection { shift: self.shift, limit: i64::MIN, ties: 0, oldest }
    }
}

impl Selection {
    /// Returns whether a row is copied.
    pub(super) fn is_copied(&mut self, fetched_at: i64) -> bool {
        let time = fetched_at >> self.shift;
        let is_tie = time == self.limit && self.ties > 0;
        self.ties -= u64::from(is_tie);
        time >= self.limit && !is_tie && fetched_at > self.oldest
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 86_400_000_000;

    fn copied(rows: &[i64], days: u32, made_at: i64) -> Vec<bool> {
        let mut ages = Ages::default();
        for &row in rows {
            ages.add(row);
        }
        let mut selection = ages.select(days, DateTime::from_timestamp_micros(made_at).unwrap());
        rows.iter().map(|&row| selection.is_copied(row)).collect()
    }

    proptest! {
        #[test]
        fn the_oldest_part_and_what_is_too_old_is_asked_for(
            rows in proptest::collection::vec(0..20_i64, 0..60),
            days in 1_u32..12,
            made_at in 0..25_i64,
        ) {
            let rows: Vec<i64> = rows.into_iter().map(|day| day * DAY).collect();
            let made_at = made_at * DAY;
            let mut order: Vec<usize> = (0..rows.len()).collect();
            order.sort_by_key(|&row| (rows[row], row));
            let share = order.len().div_ceil(days as usize);
            let mut expected = vec![true; rows.len()];
            order.iter().take(share).for_each(|&row| expected[row] = false);
            for (row, expected) in rows.iter().zip(&mut expected) {
                *expected &= made_at - row < i64::from(days) * DAY;
            }
            prop_assert_eq!(copied(&rows, days, made_at), expected);
        }
    }

    #[test]
    fn more_times_than_are_counted_apart_select_no_fewer_and_the_oldest_still() {
        let rows: Vec<i64> = (0..TIMES as i64 * 3).map(|row| row * 1_000).collect();
        let copied = copied(&rows, 10, rows.len() as i64 * 1_000);
        let share = rows.len().div_ceil(10);
        assert_eq!(copied.iter().filter(|copied| !**copied).count(), share);
        assert!(copied[share..].iter().all(|copied| *copied));
    }

    #[test]
    fn a_row_from_the_future_is_young() {
        assert_eq!(copied(&[10 * DAY, 9 * DAY], 2, 5 * DAY), [true, false]);
    }
}
