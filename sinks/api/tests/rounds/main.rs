//! Two and three publishers on one place, stopped for a while and killed at random: processes with
//! `kill -9`, each with one or two threads that publish.
//!
//! `PUBLISH_ROUNDS` is the least number of rounds of each test, `PUBLISH_SEED` repeats one.
#![cfg(all(target_os = "linux", feature = "files"))]
#![expect(clippy::unwrap_used, reason = "helpers of tests may panic, as their test functions may")]

mod list;
mod locks;
mod observer;
mod publisher;
mod random;
mod round;
mod tally;
mod worker;

use fastrand::Rng;
use locks::Locks;
use random::{seed, variable};
use round::Round;
use tally::Tally;
use worker::Pool;

/// The default of `PUBLISH_ROUNDS`.
const ROUNDS: u64 = 100;

/// How many times as many rounds there may be: on a machine that is slow or busy, more publishers
/// are killed before they have published.
const MOST: u64 = 10;

fn rounds(locks: Locks) {
    let Some(mut pool) = Pool::new(locks) else { return };
    // It gives the commands again: later, and with locks, whatever the publishers had.
    let mut calm = Pool::new(Locks::Shared).unwrap();
    let seed = seed();
    let rounds = variable("PUBLISH_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    random::say(&format!("publishers, {locks:?}: PUBLISH_SEED={seed}"));
    let mut random = Rng::with_seed(seed);
    let mut tally = Tally::default();
    for number in 0..MOST * rounds {
        if number >= rounds && tally.is_telling(rounds) {
            break;
        }
        Round::of(number, &mut random).run(&mut pool, &mut calm, &mut random, &mut tally);
    }
    random::say(&format!("publishers, {locks:?}: {tally}"));
    assert!(tally.violations.is_empty(), "{:#?}", tally.violations);
    assert!(tally.is_telling(rounds), "the rounds show nothing: {tally}");
}

#[test]
fn whoever_says_published_is_whole_and_the_newest_list_of_one_owner_stays() {
    rounds(Locks::Shared);
}

/// Hosts whose locks do not reach each other: to each of them, every lock is free.
#[test]
fn without_shared_locks_nobody_says_published_of_what_is_not_there() {
    rounds(Locks::NotShared);
}

#[test]
fn without_any_locks_nobody_says_published_of_what_is_not_there() {
    rounds(Locks::Missing);
}

/// The other process of the tests above: it publishes what it is told to on stdin.
#[test]
#[ignore = "it is started by the other tests"]
fn worker_process() {
    publisher::serve();
}
