//! People in an order, each at most once: what the pages of a list are cut from.
//!
//! `roster` keeps the lists of an account in it, and `page` reads the people at the positions of a
//! page. People are indices, and a list is ranges of them: one range is a list that nobody has
//! joined or left, so ten million people need no memory.

use std::collections::BTreeSet;
use std::ops::Range;

/// A list of people. A position is the place of a person in it, counted from 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sequence {
    /// In list order. None of them is empty.
    runs: Vec<Run>,
    /// The numbers of the runs in the order of their indices; empty if that is the list order.
    by_index: Vec<u32>,
}

/// People who follow each other in the list and in their indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    start: u64,
    end: u64,
    /// The position of the first of them.
    position: u64,
}

impl Run {
    fn len(&self) -> u64 {
        self.end - self.start
    }

    fn end_position(&self) -> u64 {
        self.position + self.len()
    }
}

impl Sequence {
    /// Returns the list of the people with these indices, in this order.
    pub(super) fn of(ranges: impl IntoIterator<Item = Range<u64>>) -> Self {
        let mut runs: Vec<Run> = Vec::new();
        for range in ranges.into_iter().filter(|range| !range.is_empty()) {
            match runs.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                last => {
                    let position = last.map_or(0, |last| last.end_position());
                    runs.push(Run { start: range.start, end: range.end, position });
                }
            }
        }
        let mut by_index = Vec::new();
        if !runs.is_sorted_by_key(|run| run.start) {
            by_index.extend(0..runs.len() as u32);
            by_index.sort_unstable_by_key(|&number| runs[number as usize].start);
        }
        Self { runs, by_index }
    }

    pub(super) fn len(&self) -> u64 {
        self.runs.last().map_or(0, Run::end_position)
    }

    /// Returns the position of the person at `index`, or `None` if the list does not have them.
    pub(super) fn position(&self, index: u64) -> Option<u64> {
        let behind = if self.by_index.is_empty() {
            self.runs.partition_point(|run| run.start <= index)
        } else {
            self.by_index.partition_point(|&number| self.runs[number as usize].start <= index)
        };
        let place = behind.checked_sub(1)?;
        let number = self.by_index.get(place).map_or(place, |&number| number as usize);
        let run = self.runs[number];
        (index < run.end).then(|| run.position + index - run.start)
    }

    /// Returns the indices of the people at `positions`, as ranges in list order.
    pub(super) fn at(&self, positions: Range<u64>) -> impl Iterator<Item = Range<u64>> + '_ {
        let first = self.runs.partition_point(|run| run.end_position() <= positions.start);
        self.runs[first..].iter().take_while(move |run| run.position < positions.end).map(move |run| {
            let start = run.start + positions.start.saturating_sub(run.position);
            start..run.end.min(run.start.saturating_add(positions.end - run.position))
        })
    }

    /// Returns the indices of all people, as ranges in list order.
    pub(super) fn ranges(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.runs.iter().map(|run| run.start..run.end)
    }

    /// Returns the list without these people.
    pub(super) fn without(&self, gone: &BTreeSet<u64>) -> Self {
        Self::of(self.ranges().flat_map(|range| {
            let mut start = range.start;
            let mut kept = Vec::new();
            for &index in gone.range(range.clone()) {
                kept.push(start..index);
                start = index + 1;
            }
            kept.push(start..range.end);
            kept
        }))
    }

    /// Returns the list with `people` put before the position `at`, or at the end if there are not
    /// so many. The list must not have them.
    pub(super) fn with(&self, people: &[u64], at: u64) -> Self {
        let before = self.at(0..at);
        let joined = people.iter().map(|&index| index..index + 1);
        Self::of(before.chain(joined).chain(self.at(at..u64::MAX)))
    }

    /// Returns the list of those whose indices are in `range`.
    pub(super) fn within(&self, range: &Range<u64>) -> Self {
        Self::of(self.ranges().map(|run| run.start.max(range.start)..run.end.min(range.end)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(sequence: &Sequence) -> Vec<u64> {
        sequence.ranges().flatten().collect()
    }

    /// Does the same with a plain list as with a sequence, and compares them in every way.
    #[test]
    fn a_sequence_is_a_list_of_people_in_whatever_order() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut plain: Vec<u64> = (0..40).collect();
        let mut sequence = Sequence::of(std::iter::once(0..40));
        for _ in 0..200 {
            let gone: BTreeSet<u64> = (0..random.u64(0..6)).map(|_| random.u64(0..60)).collect();
            plain.retain(|index| !gone.contains(index));
            sequence = sequence.without(&gone);
            let mut joined: Vec<u64> = (0..60).filter(|index| !plain.contains(index) && random.u8(0..8) == 0).collect();
            random.shuffle(&mut joined);
            let at = random.usize(0..=plain.len());
            plain.splice(at..at, joined.iter().copied());
            sequence = sequence.with(&joined, at as u64);
            assert_eq!(people(&sequence), plain);
            assert_eq!(sequence.len(), plain.len() as u64);
            for index in 0..65 {
                let position = plain.iter().position(|known| *known == index);
                assert_eq!(sequence.position(index), position.map(|position| position as u64));
            }
            let start = random.usize(0..=plain.len());
            let end = random.usize(start..=plain.len());
            let at: Vec<u64> = sequence.at(start as u64..end as u64).flatten().collect();
            assert_eq!(at, plain[start..end]);
            let within = sequence.within(&(10..30));
            assert!(plain.iter().filter(|index| (10..30).contains(*index)).eq(&people(&within)));
        }
    }

    #[test]
    fn a_position_beyond_the_end_is_the_end() {
        let sequence = Sequence::of([3..5, 1..2]);
        assert_eq!(people(&sequence.with(&[9], u64::MAX)), [3, 4, 1, 9]);
        assert_eq!(sequence.at(2..u64::MAX).flatten().collect::<Vec<_>>(), [1]);
        assert_eq!(Sequence::default().at(0..9).count(), 0);
        assert_eq!(Sequence::default().position(0), None);
    }
}
