//! A history of nights: lists are read, compared and verified, and sinks are told, as the rules
//! say.
//!
//! Before it: a [`World`]. Behind it: [`model`](super::model) runs many histories;
//! [`checks`](super::checks) looks at each delta.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use fanout_sink::WalkId;
use fastrand::Rng;

use super::super::answered::Answered;
use super::super::change::Change;
use super::super::element::{Seen, Side};
use super::super::judge::{Delta, Judgement};
use super::super::next::{ChainEnd, FollowersWalk, Step, next};
use super::checks;
use super::sink::{Sink, Tally};
use super::world::{HOUR, MINUTE, Person, SECOND, World, night};

/// Returns an instant.
pub(super) fn instant(at: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at).unwrap()
}

/// Returns the date of a night.
fn date(number: u32) -> NaiveDate {
    instant(night(number)).date_naive()
}

/// A list of followers that was read.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) walk: FollowersWalk,
    pub(super) begun_at: i64,
    pub(super) last_fetched_at: i64,
    /// The followers, by position.
    pub(super) people: Vec<Person>,
}

impl Listed {
    pub(super) fn seen(&self) -> Seen {
        Seen { earliest: instant(self.begun_at), latest: instant(self.last_fetched_at) }
    }
}

/// What differs between histories.
#[derive(Debug)]
struct Habits {
    /// How many of the deltas are verified.
    verified: f64,
    unreadable: f64,
    /// How many who do not follow are refused, instead of said not to follow.
    refused: f64,
    /// How many of those who follow come without a time.
    unknown_since: f64,
    missed: f64,
    fresh: f64,
    /// How many deltas stay open for a night.
    late: f64,
}

impl Habits {
    fn random(rng: &mut Rng) -> Self {
        let mut some = |most: f64| if rng.bool() { 0.0 } else { rng.f64() * most };
        let (unreadable, refused, unknown_since) = (some(0.4), some(1.0), some(0.5));
        let (missed, fresh, late) = (some(0.5), some(0.5), some(0.5));
        let verified = [1.0, 1.0, 1.0, 0.0, 0.5][rng.usize(0..5)];
        Self { verified, unreadable, refused, unknown_since, missed, fresh, late }
    }
}

/// A delta that was begun.
#[derive(Debug)]
struct Begun {
    date: NaiveDate,
    from: WalkId,
    to: WalkId,
    is_verified: bool,
}

/// An element, and what came of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settled {
    pub(super) side: Side,
    pub(super) person: Person,
    pub(super) asked_at: i64,
    pub(super) answered: Answered,
    pub(super) judgement: Judgement,
}

/// A history.
#[derive(Debug)]
pub(super) struct History<'a> {
    world: &'a World,
    rng: Rng,
    habits: Habits,
    walks: Vec<Listed>,
    numbers: u64,
    end: Option<ChainEnd>,
    carried: Vec<(Person, Seen)>,
    begun: Option<Begun>,
    sinks: Vec<Sink>,
    pub(super) tally: Tally,
}

impl<'a> History<'a> {
    pub(super) fn new(world: &'a World, mut rng: Rng) -> Self {
        let habits = Habits::random(&mut rng);
        let sinks = vec![Sink::new(true), Sink::new(false)];
        Self {
            world,
            rng,
            habits,
            walks: Vec::new(),
            numbers: 0,
            end: None,
            carried: Vec::new(),
            begun: None,
            sinks,
            tally: Tally::default(),
        }
    }

    /// Lets `nights` nights pass, and two more in which everything goes well and nobody moves.
    /// Panics if a promise is broken.
    pub(super) fn run(&mut self, nights: u32) {
        for number in 0..nights {
            self.night(number);
        }
        for number in nights + 1..nights + 3 {
            // A refusal would say nothing in a list of nobody, which shows no token to be the
            // account's.
            let (refused, unreadable, unknown_since) = (0.0, 0.0, 0.0);
            let (missed, fresh, late) = (0.0, 0.0, 0.0);
            let verified = self.habits.verified;
            self.habits = Habits { verified, unreadable, refused, unknown_since, missed, fresh, late };
            self.night(number);
        }
        let now = night(nights + 3);
        let truth: BTreeSet<Person> =
            self.world.people().filter(|&person| self.world.since(person, now).is_some()).collect();
        for sink in &self.sinks {
            assert_eq!(sink.people(), &truth, "what {sink:?} was told is not the truth");
        }
        assert!(self.carried.is_empty(), "after a list without holes nobody is carried");
    }

    fn chance(&mut self, probability: f64) -> bool {
        self.rng.f64() < probability
    }

    fn night(&mut self, number: u32) {
        let mut now = night(number) + self.rng.i64(0..5 * MINUTE);
        if self.sinks.len() < 6 && self.chance(0.1) {
            self.sinks.push(Sink::new(self.rng.bool()));
        }
        let label = date(number);
        if !self.chance(self.habits.missed) {
            // A list that could not be decided comes before the one that could.
            if self.chance(0.1) {
                self.read(&mut now, label, false);
            }
            self.read(&mut now, label, true);
            if self.chance(self.habits.fresh) {
                self.read(&mut now, label, true);
            }
        }
        // Yesterday's list, read today: it ends a delta if yesterday has none.
        if number > 0 && self.habits.missed > 0.0 && self.chance(0.05) {
            let yesterday = date(number - 1);
            self.read(&mut now, yesterday, true);
            self.changes(&mut now, yesterday);
        }
        self.changes(&mut now, label);
        if self.chance(self.habits.fresh) && self.begun.is_none() && self.end.is_some_and(|end| end.date == label) {
            let other = if self.rng.bool() { label } else { date(number.saturating_sub(1)) };
            self.read(&mut now, other, true);
            assert_eq!(self.next(other), Step::Nothing, "no second list of a date, nor an older date, makes a delta");
        }
        if self.chance(0.01) && self.begun.is_none() {
            // Somebody removes the list at the chain's end.
            let end = self.end.map(|end| end.to);
            self.walks.retain(|listed| Some(listed.walk.walk) != end);
        }
        assert!(now < night(number) + 12 * HOUR, "a night is over in the morning");
    }

    /// Reads a list.
    fn read(&mut self, now: &mut i64, date: NaiveDate, is_decided: bool) {
        let begun_at = *now;
        let length = if self.rng.bool() { 0 } else { self.rng.i64(0..3 * MINUTE) };
        let last_fetched_at = begun_at + length;
        self.numbers += 1;
        let mut people: Vec<Person> = self.world.people().collect();
        self.rng.shuffle(&mut people);
        // Who is further behind in the list is told of later.
        let pages = people.len() as i64;
        let listed = (0..).zip(&people).filter(|(place, person)| {
            let page_at = begun_at + length * (place + 1) / pages;
            self.world.is_listed(**person, page_at)
        });
        let people = listed.map(|(_, &person)| person).collect();
        let walk = FollowersWalk { walk: WalkId::new(self.numbers, instant(begun_at)), date, is_decided };
        self.walks.push(Listed { walk, begun_at, last_fetched_at, people });
        *now = last_fetched_at + self.rng.i64(0..MINUTE);
    }

    fn next(&self, date: NaiveDate) -> Step {
        let walks: Vec<FollowersWalk> = self.walks.iter().map(|listed| listed.walk).collect();
        next(self.end, &walks, date)
    }

    fn listed(&self, walk: WalkId) -> Listed {
        let found = self.walks.iter().find(|listed| listed.walk.walk == walk && listed.walk.is_decided);
        found.expect("the rules name decided lists that are there").clone()
    }

    /// Makes the changes of a date, after those that are open.
    fn changes(&mut self, now: &mut i64, date: NaiveDate) {
        if self.begun.is_some() {
            self.go_on(now);
        }
        if self.begun.is_some() {
            return;
        }
        match self.next(date) {
            Step::Nothing | Step::NoList => {}
            Step::Baseline { to } | Step::EndIsGone { to, .. } => self.baseline(date, to),
            Step::Delta { from, to } => {
                self.tally.nights += (date - self.end.unwrap().date).num_days() - 1;
                let is_verified = self.chance(self.habits.verified);
                self.begun = Some(Begun { date, from, to, is_verified });
                self.go_on(now);
            }
        }
    }

    /// Begins the chain, perhaps anew.
    fn baseline(&mut self, date: NaiveDate, to: WalkId) {
        let list = self.listed(to);
        self.tally.chains += 1;
        self.carried.clear();
        self.end = Some(ChainEnd { date, to });
        for sink in &mut self.sinks {
            sink.stop();
        }
        self.begin_sinks(&list);
    }

    /// Lets sinks begin at the end of the chain, whose list is `list`: with rows of everybody, or
    /// without.
    fn begin_sinks(&mut self, list: &Listed) {
        let delta = Delta { base: list.seen(), read_until: instant(list.last_fetched_at), has_own_token: false };
        let held = self.carried.iter().map(|&(person, carried)| {
            let judgement = delta.judge(Side::Held { carried }, Answered::NotAsked);
            assert_eq!(judgement.carried, Some(carried), "a late sink changes nothing about the chain");
            (person, judgement.row.unwrap())
        });
        let rows: Vec<_> = list.people.iter().map(|&person| (person, delta.baseline())).chain(held).collect();
        for sink in self.sinks.iter_mut().filter(|sink| !sink.is_begun()) {
            sink.begin(rows.iter().map(|(person, _)| *person));
            if sink.wants_baseline {
                assert!(rows.iter().all(|(_, row)| row.change == Change::Baseline && row.not_before.is_none()));
                self.tally.count(Change::Baseline, rows.len());
            }
        }
    }

    /// Goes on with the delta that was begun, which may stay open for another night.
    fn go_on(&mut self, now: &mut i64) {
        if self.chance(self.habits.late) {
            self.tally.late += 1;
            return;
        }
        let begun = self.begun.take().unwrap();
        let (from, to) = (self.listed(begun.from), self.listed(begun.to));
        self.begin_sinks(&from);
        let elements = self.elements(&from, &to);
        let start = *now + self.rng.i64(0..10 * MINUTE);
        let length = self.rng.i64(1..5 * MINUTE);
        *now = start + length;
        let mut asked: Vec<(Side, Person, i64, Answered)> = Vec::new();
        for (side, person) in elements {
            let at = start + self.rng.i64(0..length);
            let answered = if begun.is_verified { self.ask(side, person, at) } else { Answered::NotAsked };
            asked.push((side, person, at, answered));
        }
        let has_own_token = asked.iter().any(|(_, _, _, answered)| answered.is_there());
        let says_no = |answered| matches!(answered, Answered::Left { .. } | Answered::Refused { .. });
        if !has_own_token && asked.iter().any(|(side, _, _, answered)| *side == Side::Control && says_no(*answered)) {
            // The few controls have left since. The walk is given up, and the next delta is longer.
            self.tally.given_up += 1;
            return;
        }
        let read_until = instant(to.last_fetched_at);
        let delta = Delta { base: from.seen(), read_until, has_own_token };
        let settled: Vec<Settled> = asked
            .into_iter()
            .map(|(side, person, asked_at, answered)| {
                let judgement = delta.judge(side, answered);
                Settled { side, person, asked_at, answered, judgement }
            })
            .collect();
        self.decide(&begun, &from, &to, &settled);
    }

    /// Publishes a delta, and checks what was promised about it.
    fn decide(&mut self, begun: &Begun, from: &Listed, to: &Listed, settled: &[Settled]) {
        for element in settled {
            checks::element(self.world, from, element);
            self.tally.add(element);
            if let Some(row) = element.judgement.row {
                self.sinks.iter_mut().for_each(|sink| sink.tell(element.person, row.change));
            }
        }
        let carried = settled.iter().filter_map(|element| Some((element.person, element.judgement.carried?)));
        self.carried = carried.collect();
        let end = self.end.replace(ChainEnd { date: begun.date, to: to.walk.walk });
        assert!(end.is_some_and(|end| end.date < begun.date && end.to == from.walk.walk), "{end:?}, {begun:?}");
        let expected: BTreeSet<Person> =
            to.people.iter().copied().chain(self.carried.iter().map(|(person, _)| *person)).collect();
        assert_eq!(expected.len(), to.people.len() + self.carried.len(), "nobody is carried who is in the list");
        for sink in &self.sinks {
            assert_eq!(sink.people(), &expected, "the sum is the list with its holes");
        }
        if begun.is_verified {
            checks::sum(self.world, from, to, settled, &expected);
        }
    }

    /// Compares two lists, as sets.
    fn elements(&self, from: &Listed, to: &Listed) -> Vec<(Side, Person)> {
        let newer: BTreeSet<Person> = to.people.iter().copied().collect();
        let carried: Vec<Person> = self.carried.iter().map(|(person, _)| *person).collect();
        let base: BTreeSet<Person> = from.people.iter().chain(&carried).copied().collect();
        assert_eq!(base.len(), from.people.len() + carried.len());
        let both: Vec<Person> = base.intersection(&newer).copied().collect();
        let controls = both.iter().step_by(both.len().div_ceil(3).max(1)).map(|&person| (Side::Control, person));
        let joined = to.people.iter().filter(|person| !base.contains(person)).map(|&person| (Side::Joined, person));
        let missing = from.people.iter().map(|&person| (Side::Missing { carried: None }, person));
        let held = self.carried.iter().map(|&(person, seen)| (Side::Missing { carried: Some(seen) }, person));
        let missing = missing.chain(held).filter(|(_, person)| !newer.contains(person));
        controls.chain(joined).chain(missing).collect()
    }

    /// Asks WeChat about a person.
    fn ask(&mut self, side: Side, person: Person, at: i64) -> Answered {
        let fetched_at = instant(at);
        if self.chance(self.habits.unreadable) {
            return Answered::Unreadable;
        }
        match self.world.since(person, at) {
            // WeChat is known to refuse a follower out of a fresh list for a moment.
            Some(_) if side == Side::Joined && self.chance(0.02) => Answered::Refused { fetched_at },
            Some(since) => {
                let is_known = !self.chance(self.habits.unknown_since);
                let since = instant(since.div_euclid(SECOND) * SECOND);
                Answered::There { since: is_known.then_some(since), fetched_at }
            }
            None if self.chance(self.habits.refused) => Answered::Refused { fetched_at },
            None => Answered::Left { fetched_at },
        }
    }
}
