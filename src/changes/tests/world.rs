//! People who follow, leave and come back, and a WeChat that does not always tell: the truth of a
//! simulated history.
//!
//! Before it: a seed. Behind it: [`history`](super::history) reads lists and asks about people, and
//! [`checks`](super::checks) compares what was told with the truth.
//!
//! It knows nothing of the rules. Times are in milliseconds since 1970.

use fastrand::Rng;

pub(super) const SECOND: i64 = 1_000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// A person, by number.
pub(super) type Person = usize;

/// What is true of everybody, at each moment.
#[derive(Debug)]
pub(super) struct World {
    people: Vec<Truth>,
}

/// What is true of a person.
#[derive(Debug)]
struct Truth {
    /// From when until when the person follows, in ascending order.
    follows: Vec<(i64, i64)>,
    /// From when until when lists lack the person, follower or not.
    hidden: Vec<(i64, i64)>,
}

/// Returns when the work of a night begins.
pub(super) fn night(number: u32) -> i64 {
    i64::from(number) * DAY + 3 * HOUR
}

impl World {
    /// Makes people who are restless until night `nights`. Much of what they do happens while lists
    /// are read and people are asked about.
    pub(super) fn random(rng: &mut Rng, nights: u32) -> Self {
        let count = rng.usize(4..60);
        let restless = rng.f64();
        let holes = rng.f64() * 0.4;
        let people = (0..count)
            .map(|_| {
                let events = if rng.f64() < restless { rng.usize(0..10) } else { rng.usize(0..2) };
                let mut moments: Vec<i64> = (0..events).map(|_| moment(rng, nights)).collect();
                moments.sort_unstable();
                moments.dedup();
                if rng.bool() {
                    moments.insert(0, -DAY);
                }
                let pairs = moments.chunks(2).map(|pair| (pair[0], pair.get(1).copied().unwrap_or(i64::MAX)));
                let follows: Vec<(i64, i64)> = pairs.collect();
                let mut hidden = Vec::new();
                if rng.f64() < holes {
                    // Some holes are in one list only, others in several ones.
                    for _ in 0..rng.usize(1..4) {
                        let from = moment(rng, nights);
                        let length = if rng.bool() { rng.i64(0..HOUR) } else { rng.i64(0..6 * DAY) };
                        hidden.push((from, (from + length).min(night(nights))));
                    }
                }
                // A list may lack for a while who has just come.
                let late = follows.iter().filter(|_| rng.f64() < 0.1).map(|&(from, _)| (from, from + 10 * MINUTE));
                hidden.extend(late.collect::<Vec<_>>());
                Truth { follows, hidden }
            })
            .collect();
        Self { people }
    }

    /// Returns all people.
    pub(super) fn people(&self) -> std::ops::Range<Person> {
        0..self.people.len()
    }

    /// Returns since when a person follows at `at`; `None` if they do not follow.
    pub(super) fn since(&self, person: Person, at: i64) -> Option<i64> {
        let mut follows = self.people[person].follows.iter();
        follows.find(|(from, until)| (*from..*until).contains(&at)).map(|(from, _)| *from)
    }

    /// Returns whether a list that tells about a person at `at` has the person.
    pub(super) fn is_listed(&self, person: Person, at: i64) -> bool {
        let is_hidden = self.people[person].hidden.iter().any(|(from, until)| (*from..*until).contains(&at));
        !is_hidden && self.since(person, at).is_some()
    }

    /// Returns whether a person follows all the time from `from` to `until`.
    pub(super) fn follows_throughout(&self, person: Person, from: i64, until: i64) -> bool {
        self.people[person].follows.iter().any(|follow| follow.0 <= from && until < follow.1)
    }

    /// Returns whether a person leaves between `from` and `until`, both included.
    pub(super) fn leaves(&self, person: Person, from: i64, until: i64) -> bool {
        self.people[person].follows.iter().any(|follow| (from..=until).contains(&follow.1))
    }

    /// Returns whether a person comes between `from` and `until`, both included.
    pub(super) fn comes(&self, person: Person, from: i64, until: i64) -> bool {
        self.people[person].follows.iter().any(|follow| (from..=until).contains(&follow.0))
    }
}

/// A moment at which something happens before night `nights`.
fn moment(rng: &mut Rng, nights: u32) -> i64 {
    if rng.bool() {
        rng.i64(0..night(nights) - HOUR)
    } else {
        night(rng.u32(0..nights)) + rng.i64(-MINUTE..15 * MINUTE)
    }
}
