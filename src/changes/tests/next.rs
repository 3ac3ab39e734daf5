//! Which lists are compared next.

use chrono::{DateTime, NaiveDate};
use fanout_sink::WalkId;

use super::super::next::{ChainEnd, FollowersWalk, Step, next};

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, day).unwrap()
}

fn walk(number: u64) -> WalkId {
    WalkId::new(number, DateTime::from_timestamp(1_795_000_000 + number as i64, 0).unwrap())
}

fn list(number: u64, date: u32) -> FollowersWalk {
    FollowersWalk { walk: walk(number), date: day(date), is_decided: true }
}

fn open(number: u64, date: u32) -> FollowersWalk {
    FollowersWalk { is_decided: false, ..list(number, date) }
}

fn end(date: u32, number: u64) -> ChainEnd {
    ChainEnd { date: day(date), to: walk(number) }
}

#[test]
fn a_chain_begins_with_the_first_decided_list_of_its_date() {
    let walks = [list(1, 1), open(2, 2), list(3, 2), list(4, 2)];
    assert_eq!(next(None, &walks, day(2)), Step::Baseline { to: walk(3) });
    assert_eq!(next(None, &walks, day(1)), Step::Baseline { to: walk(1) });
    assert_eq!(next(None, &walks, day(3)), Step::NoList);
    assert_eq!(next(None, &[open(1, 1)], day(1)), Step::NoList);
}

#[test]
fn a_delta_goes_from_the_end_of_the_chain_to_the_first_decided_list_of_the_date() {
    let walks = [list(1, 1), list(2, 2), open(3, 3), list(4, 3), list(5, 3)];
    assert_eq!(next(Some(end(2, 2)), &walks, day(3)), Step::Delta { from: walk(2), to: walk(4) });
}

#[test]
fn a_missed_night_makes_one_longer_delta() {
    let walks = [list(1, 1), list(2, 2), list(3, 5)];
    assert_eq!(next(Some(end(1, 1)), &walks, day(5)), Step::Delta { from: walk(1), to: walk(3) });
}

#[test]
fn a_second_list_of_a_date_makes_no_delta() {
    let walks = [list(1, 1), list(2, 2), list(3, 2)];
    assert_eq!(next(Some(end(2, 2)), &walks, day(2)), Step::Nothing);
}

#[test]
fn a_date_before_the_chains_end_has_no_delta() {
    // Yesterday's list was read after today's.
    let walks = [list(1, 1), list(2, 3), list(3, 2)];
    assert_eq!(next(Some(end(3, 2)), &walks, day(2)), Step::Nothing);
}

#[test]
fn a_list_that_is_older_than_the_chains_end_is_no_end_of_a_delta() {
    // The chain began at a list that was read today for yesterday, after today's.
    let walks = [list(1, 2), list(2, 1)];
    assert_eq!(next(Some(end(1, 2)), &walks, day(2)), Step::NoList);
    let walks = [list(1, 2), list(2, 1), list(3, 2)];
    assert_eq!(next(Some(end(1, 2)), &walks, day(2)), Step::Delta { from: walk(2), to: walk(3) });
}

#[test]
fn a_chain_whose_end_has_gone_says_where_it_could_begin_anew() {
    let gone = Step::EndIsGone { from: walk(2), to: walk(4) };
    assert_eq!(next(Some(end(2, 2)), &[list(1, 1), list(4, 4), list(5, 4)], day(4)), gone);
    // It is of interest only when a delta is due.
    assert_eq!(next(Some(end(2, 2)), &[list(1, 1), list(4, 4)], day(3)), Step::NoList);
    assert_eq!(next(Some(end(2, 2)), &[list(1, 1), list(4, 4)], day(2)), Step::Nothing);
}

#[test]
fn a_walk_of_the_same_number_in_a_new_state_is_not_the_chains_end() {
    let other = WalkId::new(2, DateTime::from_timestamp(1_796_000_000, 0).unwrap());
    let walks = [FollowersWalk { walk: other, ..list(2, 4) }];
    assert_eq!(next(Some(end(2, 2)), &walks, day(4)), Step::EndIsGone { from: walk(2), to: other });
    // Its numbers may still be below that of the end.
    assert_eq!(next(Some(end(2, 9)), &walks, day(4)), Step::EndIsGone { from: walk(9), to: other });
}
