//! The people of an account as a history changes them, by a model of its own.
//!
//! Before it: a night lets something happen. Behind it: the simulator does the same, and
//! [`truth`](super::truth) knows from here what must be told.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use fanout::simulator::{Event, Place};

use crate::support::Random;

/// The first index of those who join.
const NEW: u64 = 100_000;
/// The most people of one event.
const MOST: u64 = 4;
/// The most people of many holes at once.
const MANY: u64 = 20;
/// What can happen. The last kinds concern holes.
const KINDS: u64 = 11;
const KINDS_WITHOUT_HOLES: u64 = 6;

/// What is true of a person who follows or has followed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Person {
    pub(super) follows: bool,
    /// When they last began to follow, in seconds. Those of the beginning: long ago.
    pub(super) since: i64,
    /// Whether the list lacks them, though they follow.
    pub(super) is_hidden: bool,
}

/// The people by index.
pub(super) type People = BTreeMap<u64, Person>;

/// The people of the account now.
pub(super) struct World {
    pub(super) people: People,
    next: u64,
    with_holes: bool,
}

impl World {
    /// Lets `count` people follow.
    pub(super) fn new(count: u64, with_holes: bool) -> Self {
        let person = Person { follows: true, since: i64::MIN, is_hidden: false };
        Self { people: (0..count).map(|index| (index, person)).collect(), next: NEW, with_holes }
    }

    /// Returns those who are in the list.
    pub(super) fn listed(&self) -> BTreeSet<u64> {
        self.those(|person| person.follows && !person.is_hidden)
    }

    /// Returns those who follow, whether the list has them or not.
    pub(super) fn following(&self) -> BTreeSet<u64> {
        self.those(|person| person.follows)
    }

    fn those(&self, is_one: impl Fn(&Person) -> bool) -> BTreeSet<u64> {
        self.people.iter().filter(|(_, person)| is_one(person)).map(|(&index, _)| index).collect()
    }

    /// Lets something happen at `at`, and returns the events that do the same to a simulator.
    pub(super) fn change(&mut self, random: &mut Random, at: DateTime<Utc>) -> Vec<Event> {
        match random.below(if self.with_holes { KINDS } else { KINDS_WITHOUT_HOLES }) {
            0 | 1 => {
                let new: Vec<u64> = (self.next..).take(1 + random.below(MOST) as usize).collect();
                self.next += new.len() as u64;
                let follow = self.follow(new.clone(), at, random);
                if !self.with_holes || random.below(4) > 0 {
                    return vec![follow];
                }
                // The list does not have them yet.
                self.set_hidden(&new, true);
                vec![follow, Event::hide(new)]
            }
            2 => {
                let back = self.some(random, MOST, |person| !person.follows);
                vec![self.follow(back, at, random)]
            }
            3 => vec![Event::leave(self.leave(random, |person| person.follows))],
            4 => vec![Event::leave_refused(self.leave(random, |person| person.follows))],
            5 => {
                let gone = self.leave(random, |person| person.follows);
                vec![Event::leave(gone.clone()), self.follow(gone, at, random)]
            }
            6 => vec![self.hide(random, MOST)],
            7 => vec![self.hide(random, MANY)],
            8 => {
                // They left and came back, and the list lacks them.
                let gone = self.leave(random, |person| person.follows);
                let back = self.follow(gone.clone(), at, random);
                self.set_hidden(&gone, true);
                vec![Event::leave(gone.clone()), back, Event::hide(gone)]
            }
            9 => vec![Event::leave(self.leave(random, |person| person.is_hidden))],
            _ => {
                let shown = self.some(random, MANY, |person| person.is_hidden);
                self.set_hidden(&shown, false);
                vec![Event::Show { who: shown }]
            }
        }
    }

    /// Lets the list have everybody.
    pub(super) fn show_all(&mut self) -> Event {
        let hidden: Vec<u64> = self.those(|person| person.is_hidden).into_iter().collect();
        self.set_hidden(&hidden, false);
        Event::Show { who: hidden }
    }

    fn follow(&mut self, who: Vec<u64>, at: DateTime<Utc>, random: &mut Random) -> Event {
        let person = Person { follows: true, since: at.timestamp(), is_hidden: false };
        self.people.extend(who.iter().map(|&index| (index, person)));
        let place = if random.below(2) == 0 { Place::End } else { Place::At(random.below(MANY)) };
        Event::follow_at(place, who, at)
    }

    fn leave(&mut self, random: &mut Random, is_one: impl Fn(&Person) -> bool) -> Vec<u64> {
        let gone = self.some(random, MOST, is_one);
        for index in &gone {
            let person = self.person(*index);
            (person.follows, person.is_hidden) = (false, false);
        }
        gone
    }

    fn hide(&mut self, random: &mut Random, most: u64) -> Event {
        let hidden = self.some(random, most, |person| person.follows && !person.is_hidden);
        self.set_hidden(&hidden, true);
        if random.below(2) == 0 { Event::hide(hidden) } else { Event::hide_counted(hidden) }
    }

    fn set_hidden(&mut self, who: &[u64], is_hidden: bool) {
        for index in who {
            self.person(*index).is_hidden = is_hidden;
        }
    }

    fn person(&mut self, index: u64) -> &mut Person {
        self.people.get_mut(&index).unwrap()
    }

    /// Returns some of the people of whom `is_one` holds: at most `most`.
    fn some(&self, random: &mut Random, most: u64, is_one: impl Fn(&Person) -> bool) -> Vec<u64> {
        let mut all: Vec<u64> = self.those(is_one).into_iter().collect();
        let mut some = Vec::new();
        for _ in 0..=random.below(most) {
            if all.is_empty() {
                break;
            }
            some.push(all.swap_remove(random.below(all.len() as u64) as usize));
        }
        some
    }
}
