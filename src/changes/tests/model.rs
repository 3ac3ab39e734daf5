//! Many histories of thirty nights. `MODEL_HISTORIES=10000` runs as many.
//!
//! Before it: [`World`] and [`History`], each from a seed. Behind it: nothing; a promise that is
//! broken is a panic, with the number of the history.

use fastrand::Rng;

use super::super::change::Change;
use super::history::History;
use super::sink::Tally;
use super::world::World;

/// The histories that are run if `MODEL_HISTORIES` says nothing.
const HISTORIES: u64 = 1_000;

const NIGHTS: u32 = 30;

#[expect(clippy::disallowed_methods, reason = "a longer run of a test is asked for by its environment")]
fn histories() -> u64 {
    std::env::var("MODEL_HISTORIES").ok().map_or(HISTORIES, |count| count.parse().expect("a number in MODEL_HISTORIES"))
}

#[expect(clippy::print_stderr, reason = "tells whoever runs many histories what came of them")]
fn say(what: &str) {
    eprintln!("{what}");
}

#[test]
fn each_change_is_told_once_and_no_hole_as_a_leave_and_the_sum_is_the_last_list() {
    let mut all = Tally::default();
    for seed in 0..histories() {
        let mut rng = Rng::with_seed(seed);
        let world = World::random(&mut rng, NIGHTS);
        let mut history = History::new(&world, rng);
        let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| history.run(NIGHTS)));
        if let Err(panic) = run {
            say(&format!("history {seed}"));
            std::panic::resume_unwind(panic);
        }
        all.merge(&history.tally);
    }
    say(&format!("{} histories: {all:?}", histories()));
    // Each kind of history has occurred.
    assert!(Change::ALL.iter().all(|&change| all.rows(change) > 0), "{all:?}");
    let rare = [all.unproved, all.holes, all.held_holes, all.unread, all.late, all.given_up];
    assert!(rare.iter().all(|&count| count > 0) && all.nights > 0 && all.chains > histories() as usize, "{all:?}");
}
