//! A list that changes from night to night, as a function of the seed and the date.
//!
//! `roster` asks it who follows on a date. It keeps nothing: every person follows for a number of
//! nights, then not for some nights, and so on, and their index says where in this circle they
//! stand. So any date can be computed alone, and a test can compute it as well.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate};

use super::day::midnight;
use super::followers::Followers;
use super::profile::Follow;
use super::sequence::Sequence;

/// How a list changes from one date in Beijing to the next one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Nights {
    /// How many of a thousand followers leave each night, and about as many join. Some of those who
    /// leave are back within days, others after weeks. 0 for nobody; at most 100.
    pub per_mille: u64,
    /// How many people at most are missing from the list of a date although they follow. They are
    /// others on each date, and `total` does not count them.
    pub holes: u64,
}

/// The salts of [`Followers::bits`].
const CIRCLE: u64 = 3;
const HOLE: u64 = 4;

/// Half of those who have left are back after so many nights, at the most.
const SHORT: u64 = 8;

/// The other half are back after more than so many nights, and after twice as many at the most.
const LONG: u64 = 30;

/// The place of a person in their circle on a date.
struct Circle {
    /// The nights since they began to follow, or `None` if they do not follow.
    nights: Option<u64>,
    /// Counts the times that they have begun to follow.
    number: u64,
}

impl Nights {
    /// Whether every date has the same list.
    pub(super) fn is_quiet(self) -> bool {
        self == Self::default()
    }

    /// Returns how many people follow on some date, if about `count` of them follow on each.
    pub(super) fn people(self, count: u64) -> u64 {
        if self.per_mille == 0 {
            return count;
        }
        // The share of the nights that people follow, those of both kinds together.
        let share = |pauses: std::ops::RangeInclusive<u64>| {
            let number = pauses.clone().count() as f64;
            pauses.map(|pause| self.stay() as f64 / (self.stay() + pause) as f64).sum::<f64>() / number
        };
        let share = f64::midpoint(share(1..=SHORT), share(LONG + 1..=2 * LONG));
        (count as f64 / share).round() as u64
    }

    /// Returns who of `people` follows on `date`.
    pub(super) fn following(self, people: &Followers, date: NaiveDate) -> Sequence {
        if self.per_mille == 0 {
            return Sequence::of(std::iter::once(0..people.count()));
        }
        let follow = (0..people.count()).filter(|&index| self.circle(people, index, date).nights.is_some());
        Sequence::of(follow.map(|index| index..index + 1))
    }

    /// Returns who follows on `date`, and is not in its list.
    pub(super) fn holes(self, people: &Followers, following: &Sequence, date: NaiveDate) -> BTreeSet<u64> {
        let draw = |number: u64| people.bits(number, HOLE ^ number_of(date) << 32) % people.count().max(1);
        (0..self.holes).map(draw).filter(|&index| following.position(index).is_some()).collect()
    }

    /// Returns when the person at `index`, who follows on `date`, began to; `None` if nothing but
    /// what is computed of everyone is known.
    pub(super) fn follow(self, people: &Followers, index: u64, date: NaiveDate) -> Option<Follow> {
        if self.per_mille == 0 {
            return None;
        }
        let Circle { nights, number } = self.circle(people, index, date);
        // In the minute before the list had them, so that a walk of the list before began earlier.
        let seconds = (people.bits(index, CIRCLE ^ (number + 1) << 32) % 60) as i64;
        let began = midnight(date - chrono::Days::new(nights?)).timestamp();
        Some(Follow { since: began - 1 - seconds, number })
    }

    /// The nights that people follow before they leave.
    fn stay(self) -> u64 {
        (1_000 / self.per_mille).max(1)
    }

    fn circle(self, people: &Followers, index: u64, date: NaiveDate) -> Circle {
        let bits = people.bits(index, CIRCLE);
        let pause = if bits & 1 == 0 { 1 + (bits >> 1 & 0xff) % SHORT } else { LONG + 1 + (bits >> 1 & 0xff) % LONG };
        let length = self.stay() + pause;
        let turned = number_of(date) + (bits >> 32) % length;
        let nights = turned % length;
        Circle { nights: (nights < self.stay()).then_some(nights), number: turned / length }
    }
}

/// Counts the days up to `date`.
fn number_of(date: NaiveDate) -> u64 {
    u64::try_from(date.num_days_from_ce()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: u64 = 20_000;

    fn date(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, day).unwrap()
    }

    fn people(nights: Nights) -> Followers {
        Followers::new(1, "wxnight", nights.people(COUNT))
    }

    fn set(sequence: &Sequence) -> BTreeSet<u64> {
        sequence.ranges().flatten().collect()
    }

    #[test]
    fn about_as_many_join_as_leave_and_the_list_keeps_its_length() {
        for per_mille in [1, 10, 100] {
            let nights = Nights { per_mille, holes: 0 };
            let people = people(nights);
            let lists: Vec<_> = (1..=31).map(|day| set(&nights.following(&people, date(day)))).collect();
            let expected = (COUNT * per_mille / 1_000) as f64;
            let (mut joined, mut left) = (0, 0);
            for pair in lists.windows(2) {
                joined += pair[1].difference(&pair[0]).count();
                left += pair[0].difference(&pair[1]).count();
                let length = pair[1].len() as f64 / COUNT as f64;
                assert!((0.97..1.03).contains(&length), "{per_mille} per mille: {length}");
            }
            for changed in [joined, left] {
                let share = changed as f64 / 30.0 / expected;
                assert!((0.8..1.2).contains(&share), "{per_mille} per mille: {share} of what was expected");
            }
        }
    }

    #[test]
    fn some_are_back_and_their_follow_is_a_newer_one() {
        let nights = Nights { per_mille: 20, holes: 0 };
        let people = people(nights);
        let lists: Vec<_> = (1..=31).map(|day| set(&nights.following(&people, date(day)))).collect();
        let is_back = |index: &u64| {
            let follows: Vec<_> = lists.iter().map(|list| list.contains(index)).collect();
            follows[0] && follows[30] && follows.contains(&false)
        };
        let back: Vec<u64> = lists[0].iter().copied().filter(is_back).collect();
        assert!(back.len() as u64 > COUNT / 20, "{} are back", back.len());
        for index in back {
            let follow = |day| nights.follow(&people, index, date(day)).unwrap();
            assert!(follow(1).since < follow(31).since && follow(1).number < follow(31).number);
        }
    }

    #[test]
    fn those_who_join_have_followed_in_the_minute_before_their_first_list() {
        let nights = Nights { per_mille: 50, holes: 0 };
        let people = people(nights);
        let before = set(&nights.following(&people, date(30)));
        let now = set(&nights.following(&people, date(31)));
        let midnight = midnight(date(31)).timestamp();
        for &index in &now {
            let since = nights.follow(&people, index, date(31)).unwrap().since;
            assert_eq!(!before.contains(&index), (midnight - 60..midnight).contains(&since), "{since}");
            assert!(since < midnight);
        }
        let left = before.difference(&now).next().unwrap();
        assert_eq!(nights.follow(&people, *left, date(31)), None);
    }

    #[test]
    fn holes_follow_and_are_others_on_each_date() {
        let nights = Nights { per_mille: 1, holes: 9 };
        let people = people(nights);
        let holes = |day| {
            let following = nights.following(&people, date(day));
            let holes = nights.holes(&people, &following, date(day));
            assert!(holes.is_subset(&set(&following)));
            holes
        };
        assert!((5..=9).contains(&holes(1).len()));
        assert_eq!(holes(1), holes(1));
        assert!(holes(1).is_disjoint(&holes(2)));
    }

    #[test]
    fn a_list_that_does_not_change_is_the_same_on_every_date() {
        let nights = Nights::default();
        assert!(nights.is_quiet());
        assert_eq!(nights.people(COUNT), COUNT);
        let people = people(nights);
        for day in [1, 31] {
            assert_eq!(nights.following(&people, date(day)), Sequence::of(std::iter::once(0..COUNT)));
            assert_eq!(nights.follow(&people, 3, date(day)), None);
        }
    }
}
