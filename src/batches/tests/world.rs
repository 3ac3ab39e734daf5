//! Worlds of a model: what WeChat could answer to the questions of a walk, and the truth beside it.
//!
//! Before it: a test has a seed. Behind it: the test asks what the rules want to know, and compares
//! their verdicts with the truth.
//!
//! A world holds its elements by number. Some are misbehaved: in a request with others they take
//! the whole request down, or are missing, or move the identities of those behind them. A few
//! requests go wrong without an element to blame. All of it is a function of the round and of the
//! elements in the order in which they are sent, so the same question has the same answer twice.
//!
//! What is asked singly is true, with exceptions that a client can see: a reply about somebody
//! else, or none that can be read. A client has no other way to the truth, so this world does not
//! make single replies false.

use fastrand::Rng;

use super::super::answer::{Answer, Row};
use super::super::question::{Question, Round, WIDTH};

mod proofs;

/// Elements, and how they are answered.
#[derive(Debug)]
pub(super) struct World {
    seed: u64,
    elements: Vec<Element>,
    has_identities: bool,
    /// The most elements that a request may have; one more is [`Answer::TooMany`].
    largest: usize,
    tail: Tail,
    /// Whether a moved identity takes the `since` of its row with it.
    moves_since: bool,
    /// How many of 10,000 requests of several elements go wrong on their own.
    stray: u64,
    /// Answers every request alike, if it is there.
    stubborn: Option<Answer>,
}

/// What is true of an element.
#[derive(Debug)]
pub(super) struct Truth {
    /// The rows that are true of it: one, or two of an element that changes within the walk.
    pub(super) rows: Vec<Row>,
    /// Whether WeChat refuses it even alone.
    pub(super) is_refused: bool,
    /// Whether no reply about it alone can be used.
    pub(super) is_unreadable: bool,
}

impl Truth {
    /// Returns whether a delivered row is true.
    pub(super) fn allows(&self, row: &Row) -> bool {
        self.rows.contains(row)
    }

    /// Returns whether the outcome "left" is true.
    pub(super) fn may_be_left(&self) -> bool {
        self.rows.iter().any(|row| !row.is_there)
    }
}

#[derive(Debug)]
struct Element {
    truth: Truth,
    /// From this round on, the second row is the true one.
    changes: Option<Round>,
    travels: bool,
    bad: Option<Bad>,
    alone: Alone,
    /// It is answered as not there until this round, although it is.
    false_zero_until: Option<Round>,
    /// It has its identity only in a reply about it alone.
    is_mute_among_others: bool,
}

/// How an element misbehaves in a request of the first or second round.
#[derive(Debug, Clone, Copy)]
struct Bad {
    shows: Shows,
    shift: Option<Shift>,
    /// The shift begins with the row behind it, not with its own.
    is_behind: bool,
    /// It is well from the second round on.
    heals: bool,
    /// In how many of four requests it misbehaves; which ones, their elements decide.
    quarters: u64,
}

/// What the row of a bad element looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shows {
    Itself,
    NotThere,
    NoIdentity,
    Missing,
    Doubled,
    Refusal,
    Garbage,
}

/// How the column of identities is out of step with the rows, from one place on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shift {
    /// One identity is left out, and those behind it move up.
    Up,
    /// One row too many has none, and those behind it move down.
    DownWithNone,
    /// One identity comes twice, and those behind it move down.
    DownWithCopy,
    /// The identity of a person who is in no list comes between, and those behind it move down.
    DownWithStranger,
    /// The identity that was left out before comes here, and those behind it move down.
    DownWithLost,
}

/// What the last rows get if identities are left out before them.
#[derive(Debug, Clone, Copy)]
enum Tail {
    Nothing,
    LastAgain,
    First,
    Lost,
    Stranger,
    NoRow,
}

/// What comes of the element alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alone {
    Answered,
    Refused,
    Unreadable,
    TooMany,
    /// The first reply is about somebody else.
    StrangeOnce,
    /// Every reply is about somebody else.
    Strange,
    /// The first reply has no row.
    MissingOnce,
}

/// A request that goes wrong with no element to blame.
#[derive(Debug, Clone, Copy)]
enum Stray {
    Zeros,
    SomeZeros,
    NoIdentities,
    Strangers,
    Doubled(usize),
    Missing(usize),
    Unreadable,
    Shifted(usize, Shift),
}

impl World {
    /// Returns the world of this seed. That seams and distinct identities do not find every shift
    /// of it would be a defect of the rules.
    pub(super) fn random(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let len = match rng.u32(0..8) {
            0 => rng.usize(1..4),
            1 => *rng.choice(&[98, 99, 100, 101, 197, 198, 199, 200, 297, 298]).expect("it has some"),
            _ => rng.usize(1..400),
        };
        let mut world = Self::plain(seed, len, &mut rng);
        world.draw_elements(&mut rng);
        if rng.u32(0..4) == 0 {
            world.draw_cancelling_pair(&mut rng, &[Shift::DownWithCopy, Shift::DownWithNone]);
        }
        world
    }

    /// Returns a world where only asking twice finds the shift: two elements that look well, of
    /// which the second undoes what the first does, with an identity that stands nowhere else.
    pub(super) fn sly(seed: u64) -> Self {
        let mut rng = Rng::with_seed(!seed);
        let len = rng.usize(3..300);
        let mut world = Self::plain(seed, len, &mut rng);
        (world.has_identities, world.largest, world.tail, world.stray) = (true, WIDTH, Tail::Stranger, 0);
        world.give_identities();
        world.draw_cancelling_pair(&mut rng, &[Shift::DownWithStranger, Shift::DownWithLost]);
        world
    }

    /// Returns a world that gives the same answer to every question, a person alone included.
    pub(super) fn stubborn(seed: u64, answer: Answer) -> Self {
        let mut rng = Rng::with_seed(seed);
        let len = rng.usize(1..300);
        let mut world = Self::plain(seed, len, &mut rng);
        for element in &mut world.elements {
            element.truth.is_refused = answer == Answer::Refused;
            element.truth.is_unreadable = !element.truth.is_refused;
        }
        Self { stubborn: Some(answer), ..world }
    }

    /// Returns the number of elements.
    pub(super) fn len(&self) -> usize {
        self.elements.len()
    }

    /// Returns whether an element may stand in a request with others.
    pub(super) fn travels(&self, element: usize) -> bool {
        self.elements[element].travels
    }

    /// Returns what is true of an element.
    pub(super) fn truth(&self, element: usize) -> &Truth {
        &self.elements[element].truth
    }

    /// Answers `question`, whose places are these elements, in the order in which they are sent.
    ///
    /// # Panics
    ///
    /// Panics if a client may not ask the question.
    pub(super) fn answer(&self, question: &Question, ids: &[usize]) -> Answer {
        assert_eq!(question.places.len(), ids.len(), "one element a place");
        assert!((1..=WIDTH).contains(&ids.len()), "a request of {} elements", ids.len());
        let is_single = matches!(question.round, Round::Single | Round::SingleAgain);
        assert!(!is_single || ids.len() == 1, "a single question is about one element");
        assert!(is_single || ids.iter().all(|&id| self.elements[id].travels), "it may only be asked alone");
        if let Some(answer) = &self.stubborn {
            answer.clone()
        } else if is_single {
            self.answer_single(question.round, ids[0])
        } else {
            self.answer_batch(question.round, ids)
        }
    }

    fn answer_single(&self, round: Round, id: usize) -> Answer {
        let element = &self.elements[id];
        let is_first = round == Round::Single;
        let row = self.row(id, round);
        match element.alone {
            Alone::Refused => Answer::Refused,
            Alone::Unreadable => Answer::Unreadable,
            Alone::TooMany => Answer::TooMany,
            Alone::Strange => Answer::Rows { rows: vec![None], is_strange: true },
            Alone::StrangeOnce if is_first => Answer::Rows { rows: vec![None], is_strange: true },
            Alone::MissingOnce if is_first => Answer::Rows { rows: vec![None], is_strange: false },
            Alone::Answered | Alone::StrangeOnce | Alone::MissingOnce => {
                Answer::Rows { rows: vec![Some(row)], is_strange: false }
            }
        }
    }

    fn answer_batch(&self, round: Round, ids: &[usize]) -> Answer {
        if ids.len() > self.largest {
            return Answer::TooMany;
        }
        let bad: Vec<Option<Bad>> = ids.iter().map(|&id| self.bad(id, round, ids)).collect();
        let shows = |shown| bad.iter().flatten().any(|bad| bad.shows == shown);
        let stray = self.stray(ids);
        if shows(Shows::Refusal) {
            return Answer::Refused;
        }
        if shows(Shows::Garbage) || matches!(stray, Some(Stray::Unreadable)) {
            return Answer::Unreadable;
        }
        let mut rows = self.rows(round, ids, &bad, stray);
        let mut is_strange = shows(Shows::Doubled);
        for (row, bad) in rows.iter_mut().zip(&bad) {
            match bad.map(|bad| bad.shows) {
                Some(Shows::NotThere) => *row = Some(NOT_THERE),
                Some(Shows::NoIdentity) => *row = row.map(|row| Row { identity: None, ..row }),
                Some(Shows::Missing | Shows::Doubled) => *row = None,
                Some(Shows::Itself | Shows::Refusal | Shows::Garbage) | None => {}
            }
        }
        match stray {
            Some(Stray::Zeros) => rows.fill(Some(NOT_THERE)),
            Some(Stray::SomeZeros) => rows.iter_mut().step_by(7).for_each(|row| *row = Some(NOT_THERE)),
            Some(Stray::NoIdentities) => {
                rows.iter_mut().flatten().for_each(|row| row.identity = None);
            }
            Some(Stray::Strangers) => is_strange = true,
            Some(Stray::Doubled(place)) => (rows[place], is_strange) = (None, true),
            Some(Stray::Missing(place)) => rows[place] = None,
            Some(Stray::Shifted(..) | Stray::Unreadable) | None => {}
        }
        Answer::Rows { rows, is_strange }
    }

    /// Returns the rows of a request of several elements: each element's own, with the column of
    /// identities out of step where an element or the request moves it.
    fn rows(&self, round: Round, ids: &[usize], bad: &[Option<Bad>], stray: Option<Stray>) -> Vec<Option<Row>> {
        let own: Vec<Row> = ids.iter().map(|&id| self.row(id, round)).collect();
        let cells: Vec<Cell> = ids.iter().zip(&own).map(|(&id, row)| self.cell(id, row)).collect();
        let shift_at = |at: usize| {
            let of_an_element = |place: usize, is_behind| {
                bad.get(place)?.filter(|bad| bad.is_behind == is_behind).and_then(|bad| bad.shift)
            };
            let of_the_request = match stray {
                Some(Stray::Shifted(place, shift)) if place == at => Some(shift),
                _ => None,
            };
            [of_an_element(at, false), at.checked_sub(1).and_then(|place| of_an_element(place, true)), of_the_request]
        };
        let (mut column, mut lost) = (Vec::with_capacity(ids.len() + 1), None);
        for (at, &cell) in cells.iter().enumerate() {
            let mut stays = true;
            for shift in shift_at(at).into_iter().flatten() {
                match shift {
                    Shift::Up => (stays, lost) = (false, Some(cell)),
                    Shift::DownWithNone => column.push(Cell { identity: None, ..cell }),
                    Shift::DownWithCopy => column.push(cell),
                    Shift::DownWithStranger => column.push(self.stranger(at)),
                    Shift::DownWithLost => column.push(lost.unwrap_or(self.stranger(at))),
                }
            }
            column.extend(stays.then_some(cell));
        }
        own.iter()
            .enumerate()
            .map(|(place, row)| {
                let cell = match column.get(place) {
                    Some(cell) => *cell,
                    None => match self.tail {
                        Tail::NoRow => return None,
                        Tail::Nothing => Cell { identity: None, since: row.since },
                        Tail::LastAgain => column.last().copied().unwrap_or_default(),
                        Tail::First => column.first().copied().unwrap_or_default(),
                        Tail::Lost => lost.unwrap_or_default(),
                        Tail::Stranger => self.stranger(place),
                    },
                };
                let since = if self.moves_since { cell.since.or(row.since) } else { row.since };
                Some(if row.is_there { Row { is_there: true, identity: cell.identity, since } } else { *row })
            })
            .collect()
    }

    /// Returns the row that WeChat sends for an element in a round, before identities are moved.
    fn row(&self, id: usize, round: Round) -> Row {
        let element = &self.elements[id];
        let is_changed = element.changes.is_some_and(|from| round >= from);
        let row = if is_changed { element.truth.rows[1] } else { element.truth.rows[0] };
        if element.false_zero_until.is_some_and(|until| round < until) { NOT_THERE } else { row }
    }

    fn cell(&self, id: usize, row: &Row) -> Cell {
        let is_mute = self.elements[id].is_mute_among_others;
        Cell { identity: row.identity.filter(|_| !is_mute), since: row.since }
    }

    fn stranger(&self, place: usize) -> Cell {
        let identity = self.has_identities.then(|| mix(self.seed ^ !(place as u64)) | 1);
        Cell { identity, since: Some(SINCE - 1 - place as i64) }
    }

    fn bad(&self, id: usize, round: Round, ids: &[usize]) -> Option<Bad> {
        let bad = self.elements[id].bad?;
        let is_well = bad.heals && round > Round::First;
        (!is_well && self.draw(ids, id as u64) % 4 < bad.quarters).then_some(bad)
    }

    fn stray(&self, ids: &[usize]) -> Option<Stray> {
        let draw = self.draw(ids, u64::MAX);
        if draw % 10_000 >= self.stray {
            return None;
        }
        let mut rng = Rng::with_seed(draw);
        // A shift from the first row on is as likely as one from any other place.
        let place = if rng.bool() { rng.usize(..ids.len()) } else { 0 };
        Some(match rng.u32(0..8) {
            0 => Stray::Zeros,
            1 => Stray::SomeZeros,
            2 => Stray::NoIdentities,
            3 => Stray::Strangers,
            4 => Stray::Doubled(place),
            5 => Stray::Missing(place),
            6 => Stray::Unreadable,
            _ => Stray::Shifted(place, *rng.choice(&SHIFTS).expect("it has some")),
        })
    }

    /// Returns a number that the elements of a request and their order determine.
    fn draw(&self, ids: &[usize], salt: u64) -> u64 {
        ids.iter().fold(mix(self.seed ^ mix(salt)), |draw, &id| mix(draw ^ id as u64))
    }

    /// Returns a world without misbehaviour of its elements.
    fn plain(seed: u64, len: usize, rng: &mut Rng) -> Self {
        let largest = if rng.u32(0..5) == 0 { *rng.choice(&[99, 50, 49, 33, 13]).expect("it has some") } else { WIDTH };
        let tails = [Tail::Nothing, Tail::LastAgain, Tail::First, Tail::Lost, Tail::Stranger, Tail::NoRow];
        let mut world = Self {
            seed,
            elements: (0..len).map(follower).collect(),
            has_identities: rng.u32(0..10) > 0,
            largest,
            tail: *rng.choice(&tails).expect("it has some"),
            moves_since: rng.bool(),
            stray: *rng.choice(&[0, 0, 0, 100, 1_000, 5_000]).expect("it has some"),
            stubborn: None,
        };
        world.give_identities();
        world
    }

    fn give_identities(&mut self) {
        for (id, element) in self.elements.iter_mut().enumerate() {
            // Bit 0 tells those in the list from strangers.
            let identity = self.has_identities.then(|| mix(self.seed ^ id as u64) & !1);
            element.truth.rows[0].identity = identity;
        }
    }

    fn draw_elements(&mut self, rng: &mut Rng) {
        // One in so many elements is odd in each of these ways.
        let mut rarity = |choices: &[u32]| *rng.choice(choices).expect("it has some");
        let bad = rarity(&[u32::MAX, 1_000, 100, 100, 30, 8]);
        let left = rarity(&[u32::MAX, 100, 20]);
        let other = rarity(&[u32::MAX, u32::MAX, 200, 40]);
        for element in &mut self.elements {
            let mut is = |rarity| rng.u32(0..rarity) == 0;
            let (is_left, is_bad) = (is(left), is(bad));
            let is_changing = is(other);
            let (is_alone, is_odd_alone, is_false_zero) = (is(other), is(other), is(other));
            let (is_mute, has_none) = (is(other), is(other));
            if has_none {
                element.truth.rows[0].identity = None;
            }
            if is_changing {
                element.change(rng);
            } else if is_left {
                element.truth.rows = vec![NOT_THERE];
            }
            element.travels = !is_alone;
            element.is_mute_among_others = is_mute;
            if is_bad {
                element.bad = Some(Bad::random(rng));
            }
            if is_odd_alone || is_bad && rng.u32(0..3) == 0 {
                element.be_odd_alone(rng);
            }
            if is_false_zero {
                let single = if is_alone { Round::SingleAgain } else { Round::Single };
                element.false_zero_until = Some(if rng.bool() { Round::Again } else { single });
            }
        }
    }

    /// Makes two elements of one request move the identities of those between them, and of no
    /// other.
    fn draw_cancelling_pair(&mut self, rng: &mut Rng, downs: &[Shift]) {
        if self.len() < 3 {
            return;
        }
        let first = rng.usize(..self.len() - 2);
        let last = rng.usize(first + 2..self.len().min(first + WIDTH / 2));
        let down = Some(*rng.choice(downs).expect("it has some"));
        let up = Some(Shift::Up);
        let (one, other) = if rng.bool() { (up, down) } else { (down, up) };
        for (id, shift) in [(first, one), (last, other)] {
            let is_behind = rng.bool();
            let bad = Bad { shows: Shows::Itself, shift, is_behind, heals: false, quarters: 4 };
            (self.elements[id].bad, self.elements[id].travels) = (Some(bad), true);
        }
    }
}

impl Element {
    /// Makes the person leave, come back, or both, in the course of the walk.
    fn change(&mut self, rng: &mut Rng) {
        let follows = self.truth.rows[0];
        let since = follows.since.map(|since| since + 1_000_000);
        let follows_again = Row { since, ..follows };
        let rows = [[follows, NOT_THERE], [NOT_THERE, follows_again], [follows, follows_again]];
        self.truth.rows = rng.choice(&rows).expect("it has some").to_vec();
        let rounds = [Round::Again, Round::Single, Round::SingleAgain];
        self.changes = rng.choice(rounds);
    }

    fn be_odd_alone(&mut self, rng: &mut Rng) {
        let ways = [
            Alone::Refused,
            Alone::Refused,
            Alone::Unreadable,
            Alone::TooMany,
            Alone::StrangeOnce,
            Alone::Strange,
            Alone::MissingOnce,
        ];
        self.alone = *rng.choice(&ways).expect("it has some");
        self.truth.is_refused = self.alone == Alone::Refused;
        self.truth.is_unreadable = matches!(self.alone, Alone::Unreadable | Alone::TooMany | Alone::Strange);
    }
}

impl Bad {
    fn random(rng: &mut Rng) -> Self {
        let shows = [
            Shows::Itself,
            Shows::NotThere,
            Shows::NoIdentity,
            Shows::Missing,
            Shows::Doubled,
            Shows::Refusal,
            Shows::Garbage,
        ];
        let shift = match rng.u32(0..4) {
            0 => None,
            1 => Some(Shift::DownWithNone),
            2 => Some(Shift::DownWithCopy),
            _ => Some(Shift::Up),
        };
        let shows = *rng.choice(&shows).expect("it has some");
        let quarters = *rng.choice(&[4, 4, 2, 1]).expect("it has some");
        Self { shows, shift, is_behind: rng.bool(), heals: rng.u32(0..4) == 0, quarters }
    }
}

/// One place of the column of identities.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    identity: Option<u64>,
    since: Option<i64>,
}

const NOT_THERE: Row = Row { is_there: false, identity: None, since: None };

/// The time of the first follow, in seconds.
const SINCE: i64 = 1_500_000_000;

/// The shifts of a request that goes wrong on its own. With a stranger or with what was lost, two
/// of them would be found by nothing.
const SHIFTS: [Shift; 3] = [Shift::Up, Shift::DownWithNone, Shift::DownWithCopy];

fn follower(id: usize) -> Element {
    let row = Row { is_there: true, identity: None, since: Some(SINCE + id as i64) };
    Element {
        truth: Truth { rows: vec![row], is_refused: false, is_unreadable: false },
        changes: None,
        travels: true,
        bad: None,
        alone: Alone::Answered,
        false_zero_until: None,
        is_mute_among_others: false,
    }
}

/// Scrambles 64 bits one to one (<https://prng.di.unimi.it/splitmix64.c>).
fn mix(mut value: u64) -> u64 {
    value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
