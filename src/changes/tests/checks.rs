//! What is promised of each delta, compared with the truth.
//!
//! Before it: [`history`](super::history) has made a delta. Behind it: a promise that is broken is
//! a panic.

use std::collections::BTreeSet;

use super::super::answered::Answered;
use super::super::change::Change;
use super::super::element::Side;
use super::history::{Listed, Settled, instant};
use super::world::{Person, SECOND, World};

/// Checks what is told of an element.
pub(super) fn element(world: &World, from: &Listed, element: &Settled) {
    let Settled { person, asked_at, answered, .. } = *element;
    let Some(row) = element.judgement.row else { return };
    let (not_before, not_after) = (row.not_before.unwrap().timestamp_millis(), row.not_after.timestamp_millis());
    assert!(not_before <= not_after, "{element:?}");
    if !row.is_verified {
        assert!(element.side == Side::Joined || answered == Answered::NotAsked, "{element:?}");
        return;
    }
    match row.change {
        Change::Followed if not_before == not_after => {
            // WeChat tells the second in which the person came.
            assert!(world.comes(person, not_before, not_after + SECOND - 1), "{element:?}");
            assert!(not_before > from.begun_at - SECOND, "{element:?}");
        }
        Change::Followed => assert!(matches!(answered, Answered::There { since: None, .. }), "{element:?}"),
        Change::Reappeared => assert!(world.follows_throughout(person, from.begun_at, asked_at), "{element:?}"),
        Change::Unfollowed => {
            assert!(world.leaves(person, not_before, not_after), "{element:?}");
        }
        Change::Refollowed => {
            assert!(world.leaves(person, not_before, not_after), "{element:?}");
            assert!(world.comes(person, not_before, not_after), "{element:?}");
            assert!(world.since(person, asked_at).is_some(), "{element:?}");
        }
        Change::Baseline => panic!("{element:?}"),
    }
}

/// Checks whom a sink knows after a verified delta: `told`.
pub(super) fn sum(world: &World, from: &Listed, to: &Listed, settled: &[Settled], told: &BTreeSet<Person>) {
    let base: BTreeSet<Person> = from.people.iter().copied().collect();
    for element in settled {
        let Settled { person, asked_at, answered, side, .. } = *element;
        let is_told = told.contains(&person);
        // Nobody is taken for one who left, who has been there since before the base was read.
        if base.contains(&person) && world.follows_throughout(person, from.begun_at, asked_at) {
            assert!(is_told, "a hole was told as a leave: {element:?}");
        }
        // Nobody stays who has left before the list was read, and has not come back.
        let is_away = world.since(person, asked_at).is_none() && !world.comes(person, to.begun_at, asked_at);
        let has_answer = match answered {
            Answered::Left { .. } => true,
            Answered::Refused { .. } => element.judgement.row.is_some(),
            Answered::There { .. } | Answered::Unreadable | Answered::NotAsked => false,
        };
        if is_away && has_answer && matches!(side, Side::Missing { .. }) {
            assert!(!is_told, "a leave was missed: {element:?}");
        }
        // A person who left after they were last seen is told, though they have come back.
        if let (Side::Missing { carried }, Answered::There { since: Some(_), .. }) = (side, answered) {
            let seen = carried.map_or(from.last_fetched_at, |seen| seen.latest.timestamp_millis());
            let has_left = world.leaves(person, seen + SECOND, asked_at);
            assert!(!has_left || element.judgement.row.is_some(), "a leave was missed: {element:?}");
        }
        if let Some(seen) = element.judgement.carried {
            assert!(seen.latest <= instant(asked_at), "{element:?}");
        }
    }
}
