//! What must be told, from what is true and from the rules in the documents; no code of the program
//! is used.
//!
//! Before it: the [`World`](super::world::World) at each moment at which it changed. Behind it: the
//! sum of all that was told.
//!
//! If people change while the program asks about them, it may have asked before or after: either
//! is right, and what it tells decides.

use std::collections::{BTreeMap, BTreeSet};

use super::outputs::Row;
use super::world::{People, Person};

/// The people from one change to the next, and when, in seconds.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) people: People,
    pub(super) from: i64,
    pub(super) until: i64,
}

/// A night whose list is complete, and whose changes are not told yet.
#[derive(Debug)]
pub(super) struct Night {
    pub(super) date: String,
    pub(super) listed: BTreeSet<u64>,
    /// Between these seconds the list was read.
    pub(super) read: (i64, i64),
    /// The first version about which a question may have been asked.
    pub(super) first_version: usize,
    /// How many questions had been asked before.
    pub(super) asked: u64,
    /// Whether a run that does not begin anew must tell it.
    pub(super) is_due: bool,
    /// Whether every run must tell it.
    pub(super) is_decided: bool,
}

/// What has been told: the sum of all changes.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) date: String,
    pub(super) sum: BTreeSet<u64>,
    /// The proved holes of its last list: between which seconds each was proved.
    pub(super) holes: BTreeMap<u64, (i64, i64)>,
    read: (i64, i64),
    walk: Option<String>,
}

/// What may come of a person who is in one list and not in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Row(&'static str, bool),
    Hole,
}

use Outcome::{Hole, Row as Told};

impl Chain {
    /// Begins with the list of a night.
    pub(super) fn begin(night: &Night) -> Self {
        let (date, sum) = (night.date.clone(), night.listed.clone());
        Self { date, sum, holes: BTreeMap::new(), read: night.read, walk: None }
    }

    /// Returns those in whom the list of a night differs from the sum.
    pub(super) fn differing(&self, night: &Night) -> BTreeSet<u64> {
        self.sum.symmetric_difference(&night.listed).copied().collect()
    }

    /// Adds what was told of a night. Panics unless it is what must be told.
    pub(super) fn add(&mut self, night: &Night, versions: &[Version], verify: bool, rows: &[Row]) {
        let date = &night.date;
        let told: BTreeMap<u64, &Row> = rows.iter().map(|row| (row.person, row)).collect();
        assert_eq!(told.len(), rows.len(), "{date}: somebody is told twice");
        let differing = self.differing(night);
        assert!(
            told.keys().all(|person| differing.contains(person)),
            "{date}: of somebody who did not change: {rows:?}"
        );
        let mut holes = BTreeMap::new();
        for &person in &differing {
            let row = told.get(&person);
            let actual = row.map_or(Hole, |row| Told(row.change, row.is_verified));
            let mut seen: Option<(i64, i64)> = None;
            let mut all = BTreeSet::new();
            for version in &versions[night.first_version..] {
                let allowed = match verify {
                    true => self.allowed(person, night, &version.people[&person]),
                    false if night.listed.contains(&person) => vec![Told("followed", false)],
                    false => vec![Told("unfollowed", false)],
                };
                if allowed.contains(&actual) {
                    let (from, until) = seen.unwrap_or((version.from, version.until));
                    seen = Some((from.min(version.from), until.max(version.until)));
                }
                all.extend(allowed);
            }
            let seen = seen.unwrap_or_else(|| panic!("{date}: {person} is {actual:?}, and must be of {all:?}"));
            if let Some(row) = row {
                self.bounds(night, row, verify, seen);
            }
            match actual {
                Told("unfollowed", _) => assert!(self.sum.remove(&person), "{date}: {row:?}"),
                Told("followed" | "reappeared", _) => assert!(self.sum.insert(person), "{date}: {row:?}"),
                Told(..) | Hole => _ = holes.insert(person, seen),
            }
        }
        let expected: BTreeSet<u64> = night.listed.iter().chain(holes.keys()).copied().collect();
        assert!(self.sum == expected, "{date}: the sum is not the list and its holes");
        self.goes_on(date, rows);
        (self.date, self.holes, self.read) = (date.clone(), holes, night.read);
    }

    /// Returns what may come of a person in whom the list of a night differs from the sum, if they
    /// are asked about while this is true of them.
    fn allowed(&self, person: u64, night: &Night, is: &Person) -> Vec<Outcome> {
        if night.listed.contains(&person) {
            assert!(is.since < self.read.0 || is.since > self.read.1, "nothing happens while a list is read");
            return match is.follows {
                true if is.since < self.read.0 => vec![Told("reappeared", true)],
                follows => vec![Told("followed", follows)],
            };
        }
        let (proved_from, proved_until) = self.holes.get(&person).copied().unwrap_or(self.read);
        let anew = Told(if is.since > night.read.1 { "unfollowed" } else { "refollowed" }, true);
        match is.follows {
            false => vec![Told("unfollowed", true)],
            true if is.since > proved_until => vec![anew],
            true if is.since <= proved_from => vec![Hole],
            true => vec![anew, Hole],
        }
    }

    /// Asserts that the times of a row are in order, those of a verified follow the true one, and
    /// that a verified leave is told until the answer, which came between the seconds `seen`.
    fn bounds(&self, night: &Night, row: &Row, verify: bool, seen: (i64, i64)) {
        assert!(row.not_before <= row.not_after, "{row:?}");
        if row.change == "followed" && row.is_verified {
            assert_eq!((row.not_before, row.not_after), (row.since.unwrap(), row.since.unwrap()), "{row:?}");
        } else if !self.holes.contains_key(&row.person) {
            let is_within = |(from, until): (i64, i64), at: i64| from <= at && at <= until;
            let until = if row.change == "unfollowed" && row.is_verified { seen } else { night.read };
            assert!(is_within(self.read, row.not_before) && is_within(until, row.not_after), "{row:?}");
        }
        assert!(verify || (row.since.is_none() && !row.is_verified), "{row:?}");
    }

    /// Asserts that the rows of a night name the walk at which those before ended.
    fn goes_on(&mut self, date: &str, rows: &[Row]) {
        let Some(first) = rows.first() else { return self.walk = None };
        assert!(rows.iter().all(|row| (&row.from, &row.to) == (&first.from, &first.to)), "{date}: of several walks");
        assert!(self.walk.is_none() || self.walk == first.from, "{date}: from {:?}, not {:?}", first.from, self.walk);
        self.walk.clone_from(&first.to);
    }
}
