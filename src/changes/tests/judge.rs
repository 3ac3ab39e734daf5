//! Every row of the table of judgements.

use chrono::{DateTime, TimeDelta, Utc};

use super::super::answered::Answered;
use super::super::change::Change;
use super::super::element::{Seen, Side};
use super::super::judge::{Delta, Judgement, Told};

/// The base is read from 100.5 to 200.5, the newer list until 300.5, and answers arrive at 400.5.
const BASE: (i64, i64) = (100, 200);
const READ_UNTIL: i64 = 300;
const ASKED: i64 = 400;

fn second(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).unwrap()
}

fn half_past(second: i64) -> DateTime<Utc> {
    self::second(second) + TimeDelta::milliseconds(500)
}

fn delta() -> Delta {
    let base = Seen { earliest: half_past(BASE.0), latest: half_past(BASE.1) };
    Delta { base, read_until: half_past(READ_UNTIL), has_own_token: true }
}

fn there(since: i64) -> Answered {
    Answered::There { since: Some(second(since)), fetched_at: half_past(ASKED) }
}

const fn fetched_at() -> DateTime<Utc> {
    match DateTime::from_timestamp(ASKED, 500_000_000) {
        Some(at) => at,
        None => unreachable!(),
    }
}

const SINCE_UNKNOWN: Answered = Answered::There { since: None, fetched_at: fetched_at() };
const LEFT: Answered = Answered::Left { fetched_at: fetched_at() };
const REFUSED: Answered = Answered::Refused { fetched_at: fetched_at() };
const MISSING: Side = Side::Missing { carried: None };

fn told(change: Change, is_verified: bool, not_before: DateTime<Utc>, not_after: DateTime<Utc>) -> Judgement {
    Judgement { row: Some(Told { change, is_verified, not_before: Some(not_before), not_after }), carried: None }
}

fn carried(seen: Seen) -> Judgement {
    Judgement { row: None, carried: Some(seen) }
}

#[test]
fn a_control_is_asked_about_and_not_told() {
    for answered in [there(150), SINCE_UNKNOWN, LEFT, REFUSED, Answered::Unreadable, Answered::NotAsked] {
        let nothing = Judgement { row: None, carried: None };
        assert_eq!(delta().judge(Side::Control, answered), nothing, "{answered:?}");
    }
}

#[test]
fn who_joined_followed_at_the_second_that_wechat_tells() {
    // The base began half a second after second 100: who followed in that second may have done so
    // after it.
    for since in [BASE.0, BASE.0 + 1, READ_UNTIL, READ_UNTIL + 50] {
        let expected = told(Change::Followed, true, second(since), second(since));
        assert_eq!(delta().judge(Side::Joined, there(since)), expected, "{since}");
    }
}

#[test]
fn who_joined_at_an_unknown_time_followed_between_the_beginning_of_the_base_and_the_end_of_the_list() {
    let expected = told(Change::Followed, true, half_past(BASE.0), half_past(READ_UNTIL));
    assert_eq!(delta().judge(Side::Joined, SINCE_UNKNOWN), expected);
}

#[test]
fn who_joined_and_followed_before_the_base_began_has_reappeared() {
    for since in [1, BASE.0 - 1] {
        let expected = told(Change::Reappeared, true, half_past(BASE.0), half_past(READ_UNTIL));
        assert_eq!(delta().judge(Side::Joined, there(since)), expected, "{since}");
    }
}

#[test]
fn who_joined_is_told_without_proof_if_the_answer_is_none() {
    for answered in [LEFT, REFUSED, Answered::Unreadable, Answered::NotAsked] {
        let expected = told(Change::Followed, false, half_past(BASE.0), half_past(READ_UNTIL));
        assert_eq!(delta().judge(Side::Joined, answered), expected, "{answered:?}");
    }
}

#[test]
fn who_is_missing_and_does_not_follow_has_left_before_the_answer_and_perhaps_after_the_list_was_read() {
    for answered in [LEFT, REFUSED] {
        let expected = told(Change::Unfollowed, true, half_past(BASE.0), fetched_at());
        assert_eq!(delta().judge(MISSING, answered), expected, "{answered:?}");
    }
}

#[test]
fn a_refusal_proves_nothing_if_the_token_may_be_another_accounts() {
    let delta = Delta { has_own_token: false, ..delta() };
    assert_eq!(delta.judge(MISSING, REFUSED), carried(delta.base));
    let seen = Seen::at(half_past(250));
    assert_eq!(delta.judge(Side::Missing { carried: Some(seen) }, REFUSED), carried(seen));
}

#[test]
fn who_is_missing_and_came_back_after_the_list_was_read_has_left_before_the_answer() {
    // The list was read to its end half a second after second 300: who came back in that second may
    // have done so after it.
    for since in [READ_UNTIL, READ_UNTIL + 1] {
        let expected = told(Change::Unfollowed, true, half_past(BASE.0), fetched_at());
        assert_eq!(delta().judge(MISSING, there(since)), expected, "{since}");
    }
}

#[test]
fn who_is_missing_and_came_back_before_the_list_was_read_is_told_and_carried() {
    for since in [BASE.1 + 1, READ_UNTIL - 1] {
        let expected = Judgement {
            carried: Some(Seen::at(fetched_at())),
            ..told(Change::Refollowed, true, half_past(BASE.0), half_past(READ_UNTIL))
        };
        assert_eq!(delta().judge(MISSING, there(since)), expected, "{since}");
    }
}

#[test]
fn who_is_missing_and_never_left_is_not_told_but_carried() {
    for answered in [there(1), there(BASE.0), there(BASE.1), SINCE_UNKNOWN] {
        assert_eq!(delta().judge(MISSING, answered), carried(Seen::at(fetched_at())), "{answered:?}");
    }
}

#[test]
fn who_is_missing_without_a_usable_answer_is_asked_about_again_as_seen_before() {
    assert_eq!(delta().judge(MISSING, Answered::Unreadable), carried(delta().base));
    let seen = Seen { earliest: half_past(10), latest: half_past(20) };
    assert_eq!(delta().judge(Side::Missing { carried: Some(seen) }, Answered::Unreadable), carried(seen));
}

#[test]
fn who_is_missing_has_left_if_nobody_is_asked() {
    let expected = told(Change::Unfollowed, false, half_past(BASE.0), half_past(READ_UNTIL));
    assert_eq!(delta().judge(MISSING, Answered::NotAsked), expected);
    let carried = Side::Missing { carried: Some(Seen::at(half_past(250))) };
    let expected = told(Change::Unfollowed, false, half_past(250), half_past(READ_UNTIL));
    assert_eq!(delta().judge(carried, Answered::NotAsked), expected);
}

#[test]
fn a_list_that_is_older_than_the_last_proof_does_not_say_that_somebody_left() {
    let seen = Seen::at(half_past(READ_UNTIL + 1));
    let side = Side::Missing { carried: Some(seen) };
    assert_eq!(delta().judge(side, Answered::NotAsked), carried(seen));
    // Who has left since the proof did so before the answer.
    let expected = told(Change::Unfollowed, true, seen.earliest, fetched_at());
    assert_eq!(delta().judge(side, LEFT), expected);
    // The time of the last follow was not known when the person was seen.
    assert_eq!(delta().judge(side, there(READ_UNTIL + 1)), carried(Seen::at(fetched_at())));
}

#[test]
fn a_carried_person_who_has_left_did_so_between_two_answers() {
    let side = Side::Missing { carried: Some(Seen::at(half_past(250))) };
    for answered in [LEFT, REFUSED, there(READ_UNTIL), there(READ_UNTIL + 1)] {
        let expected = told(Change::Unfollowed, true, half_past(250), fetched_at());
        assert_eq!(delta().judge(side, answered), expected, "{answered:?}");
    }
}

#[test]
fn a_carried_person_who_came_back_did_so_after_the_answer_before() {
    let side = Side::Missing { carried: Some(Seen::at(half_past(250))) };
    let expected = Judgement {
        carried: Some(Seen::at(fetched_at())),
        ..told(Change::Refollowed, true, half_past(250), half_past(READ_UNTIL))
    };
    assert_eq!(delta().judge(side, there(251)), expected);
    for answered in [there(250), there(BASE.1 + 1), SINCE_UNKNOWN] {
        assert_eq!(delta().judge(side, answered), carried(Seen::at(fetched_at())), "{answered:?}");
    }
}

#[test]
fn a_late_sink_is_told_about_a_carried_person_who_stays_carried() {
    let seen = Seen::at(half_past(250));
    let row = Told { change: Change::Baseline, is_verified: false, not_before: None, not_after: half_past(READ_UNTIL) };
    let judgement = delta().judge(Side::Held { carried: seen }, Answered::NotAsked);
    assert_eq!(judgement, Judgement { row: Some(row), carried: Some(seen) });
    assert_eq!(delta().baseline(), row);
}

#[test]
fn each_change_has_a_name_of_its_own() {
    let names = Change::ALL.map(Change::name);
    assert_eq!(names, ["followed", "unfollowed", "refollowed", "reappeared", "baseline"]);
}
