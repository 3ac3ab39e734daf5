//! Whole lists in worlds of every kind. `WORLDS=10000` walks through as many.
//!
//! Before it: [`World`] answers from a seed. Behind it: what the rules would publish, beside the
//! truth.

use std::sync::atomic::{AtomicU64, Ordering};

use super::super::answer::{Answer, Row};
use super::super::facts::Verify;
use super::super::question::{NEW, Question};
use super::model::{Answers, Published, Walk, walk};
use super::world::World;

/// The worlds that are walked through if `WORLDS` says nothing.
const WORLDS: u64 = 200;

impl Answers for World {
    fn len(&self) -> usize {
        World::len(self)
    }

    fn travels(&self, element: usize) -> bool {
        World::travels(self, element)
    }

    fn answer(&self, question: &Question, elements: &[usize]) -> Answer {
        World::answer(self, question, elements)
    }
}

/// A world in which everything is well.
struct Healthy(usize);

impl Answers for Healthy {
    fn len(&self) -> usize {
        self.0
    }

    fn travels(&self, _: usize) -> bool {
        true
    }

    fn answer(&self, _: &Question, elements: &[usize]) -> Answer {
        let row = |element: &usize| Row { is_there: true, identity: Some(*element as u64), since: Some(1) };
        Answer::Rows { rows: elements.iter().map(|element| Some(row(element))).collect(), is_strange: false }
    }
}

/// What came of many walks.
#[derive(Debug, Default)]
struct Tally {
    worlds: AtomicU64,
    elements: AtomicU64,
    requests: AtomicU64,
    most: AtomicU64,
    /// Rows that are not true of their element.
    wrong: AtomicU64,
    /// Elements that are said to have left, and have not.
    wrongly_left: AtomicU64,
    /// Elements that can be read alone, and are called refused or unreadable, or in conflict.
    lost: AtomicU64,
    /// Elements that may have left, of which only one usable reply says so.
    unconfirmed: AtomicU64,
    /// Walks without an end.
    hangs: AtomicU64,
}

impl Tally {
    fn add(&self, seed: u64, world: &World, walk: Option<Walk>) {
        self.worlds.fetch_add(1, Ordering::Relaxed);
        let Some(walk) = walk else {
            say(&format!("world {seed}: no end"));
            self.hangs.fetch_add(1, Ordering::Relaxed);
            return;
        };
        assert_eq!(walk.published.len(), world.len());
        self.elements.fetch_add(world.len() as u64, Ordering::Relaxed);
        self.requests.fetch_add(walk.requests as u64, Ordering::Relaxed);
        self.most.fetch_max(walk.most as u64, Ordering::Relaxed);
        let mut is_told = false;
        for (element, published) in walk.published.iter().enumerate() {
            let truth = world.truth(element);
            let counter = match published {
                Published::There(row) if !truth.allows(row) => &self.wrong,
                Published::Left(_) if !truth.may_be_left() => &self.wrongly_left,
                Published::Refused if !truth.is_refused => &self.lost,
                Published::Unreadable if !truth.is_unreadable && truth.may_be_left() => &self.unconfirmed,
                Published::Unreadable if !truth.is_unreadable => &self.lost,
                Published::Conflict(_) => &self.lost,
                _ => continue,
            };
            if !is_told {
                // One element of a world is enough to look for the rest with a debugger.
                say(&format!("world {seed}, element {element} of {}: {published:?}, but {truth:?}", world.len()));
                is_told = true;
            }
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn faults(&self) -> [u64; 4] {
        [&self.wrong, &self.wrongly_left, &self.lost, &self.hangs].map(|count| count.load(Ordering::Relaxed))
    }
}

/// Walks through the worlds of all seeds below `worlds`.
fn tally(worlds: u64, make: fn(u64) -> World, verify: Verify) -> Tally {
    let (tally, seeds) = (Tally::default(), AtomicU64::new(0));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = seeds.fetch_add(1, Ordering::Relaxed);
                    if seed >= worlds {
                        break;
                    }
                    let world = make(seed);
                    tally.add(seed, &world, walk(&world, verify));
                }
            });
        }
    });
    say(&format!("{verify:?}: {tally:?}"));
    tally
}

#[expect(clippy::print_stderr, reason = "tells whoever runs ten thousand worlds what came of them")]
fn say(what: &str) {
    eprintln!("{what}");
}

#[expect(clippy::disallowed_methods, reason = "a longer run of a test is asked for by its environment")]
fn worlds() -> u64 {
    std::env::var("WORLDS").ok().map_or(WORLDS, |worlds| worlds.parse().expect("a number in WORLDS"))
}

#[test]
fn no_wrong_row_is_published_of_any_world() {
    assert_eq!(tally(worlds(), World::random, Verify::Seams).faults(), [0; 4]);
}

#[test]
fn asking_twice_publishes_no_wrong_row_either() {
    assert_eq!(tally(worlds() / 2, World::random, Verify::Twice).faults(), [0; 4]);
}

#[test]
fn rows_that_changed_places_without_a_trace_are_found_by_asking_twice() {
    assert_eq!(tally(worlds() / 2, World::sly, Verify::Twice).faults(), [0; 4]);
    // Without a second reply nothing shows it: what follows is the price of seams alone.
    let seams = tally(worlds() / 2, World::sly, Verify::Seams);
    assert!(seams.wrong.load(Ordering::Relaxed) > 0, "{seams:?}");
    assert_eq!(seams.faults()[1..], [0; 3]);
}

#[test]
fn a_world_that_gives_one_answer_to_everything_comes_to_an_end() {
    for answer in [Answer::Refused, Answer::TooMany, Answer::Unreadable] {
        for verify in [Verify::Seams, Verify::Twice] {
            let world = World::stubborn(7, answer.clone());
            let walk = walk(&world, verify).expect("an end");
            let expected = if answer == Answer::Refused { Published::Refused } else { Published::Unreadable };
            assert_eq!(walk.published, vec![expected; world.len()]);
            assert!(walk.most < 700, "{} requests for a batch", walk.most);
        }
    }
}

#[test]
fn a_healthy_list_costs_a_request_for_99_elements_and_one_more() {
    for elements in [1, 2, 98, 99, 100, 198, 199, 5000] {
        let walk = walk(&Healthy(elements), Verify::Seams).expect("an end");
        assert_eq!(walk.requests, elements.div_ceil(NEW) + 1, "{elements} elements");
        assert!(walk.published.iter().all(|published| matches!(published, Published::There(_))));
    }
}
