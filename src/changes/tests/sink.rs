//! What a sink knows from what it was told, and what was told in all.
//!
//! Before it: [`history`](super::history) tells. Behind it: the sum of it is compared with the
//! lists and with the truth.

use std::collections::{BTreeMap, BTreeSet};

use super::super::answered::Answered;
use super::super::change::Change;
use super::super::element::Side;
use super::history::Settled;
use super::world::Person;

/// A sink of the list `changes`.
#[derive(Debug)]
pub(super) struct Sink {
    pub(super) wants_baseline: bool,
    /// Those who follow; `None` before the sink has begun.
    people: Option<BTreeSet<Person>>,
}

impl Sink {
    pub(super) fn new(wants_baseline: bool) -> Self {
        Self { wants_baseline, people: None }
    }

    pub(super) fn is_begun(&self) -> bool {
        self.people.is_some()
    }

    pub(super) fn people(&self) -> &BTreeSet<Person> {
        self.people.as_ref().expect("each sink has begun when a delta is decided")
    }

    /// Begins with these people.
    pub(super) fn begin(&mut self, people: impl Iterator<Item = Person>) {
        let set = self.people.insert(BTreeSet::new());
        for person in people {
            assert!(set.insert(person), "person {person} is told twice");
        }
    }

    /// Forgets everything: the chain begins anew.
    pub(super) fn stop(&mut self) {
        self.people = None;
    }

    /// Takes a row. Each change is one.
    pub(super) fn tell(&mut self, person: Person, change: Change) {
        let people = self.people.as_mut().expect("the sink has begun");
        let is_change = match change {
            Change::Followed | Change::Reappeared => people.insert(person),
            Change::Unfollowed => people.remove(&person),
            Change::Refollowed => people.contains(&person),
            Change::Baseline => false,
        };
        assert!(is_change, "person {person}: {change:?} is told of somebody of whom it is no change");
    }
}

/// What was told in all.
#[derive(Debug, Default)]
pub(super) struct Tally {
    rows: BTreeMap<Change, usize>,
    /// Rows of people without a proof.
    pub(super) unproved: usize,
    /// People of whom lists were proved to lack them.
    pub(super) holes: usize,
    /// Those of them whom the list before had lacked, too.
    pub(super) held_holes: usize,
    /// People who could not be read, or whom a token that may be another account's does not know.
    pub(super) unread: usize,
    /// Chains that began.
    pub(super) chains: usize,
    /// Dates without a delta, between two that have one.
    pub(super) nights: i64,
    /// Deltas that stayed open for a night, and deltas that were given up.
    pub(super) late: usize,
    pub(super) given_up: usize,
}

impl Tally {
    pub(super) fn count(&mut self, change: Change, rows: usize) {
        *self.rows.entry(change).or_default() += rows;
    }

    pub(super) fn rows(&self, change: Change) -> usize {
        self.rows.get(&change).copied().unwrap_or(0)
    }

    /// Counts what came of an element.
    pub(super) fn add(&mut self, element: &Settled) {
        if let Some(row) = element.judgement.row {
            self.count(row.change, 1);
            self.unproved += usize::from(!row.is_verified);
        }
        match (element.judgement.carried, element.answered) {
            (None, _) => {}
            (Some(_), Answered::There { .. }) => {
                self.holes += 1;
                self.held_holes += usize::from(matches!(element.side, Side::Missing { carried: Some(_) }));
            }
            (Some(_), _) => self.unread += 1,
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        other.rows.iter().for_each(|(&change, &rows)| self.count(change, rows));
        self.unproved += other.unproved;
        self.holes += other.holes;
        self.held_holes += other.held_holes;
        self.unread += other.unread;
        self.chains += other.chains;
        self.nights += other.nights;
        self.late += other.late;
        self.given_up += other.given_up;
    }
}
