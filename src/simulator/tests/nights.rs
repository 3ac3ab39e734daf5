//! Lists that change by night: what is read on a date is what can be computed of it.

use std::collections::HashSet;

use chrono::{DateTime, NaiveDate, Utc};

use super::profiles::row_of;
use super::*;
use crate::clock::Clock;

const FOLLOWERS: u64 = 2_000;
const NIGHTS: Nights = Nights { per_mille: 10, holes: 3 };

fn builder() -> SimulatorBuilder {
    Simulator::builder().followers(FOLLOWERS).nights(NIGHTS)
}

/// Returns a builder whose clock shows noon in Beijing on the first of these dates.
fn from_noon() -> (SimulatorBuilder, Vec<NaiveDate>) {
    let first = NaiveDate::from_ymd_opt(2026, 1, 30).unwrap();
    let clock = Clock::default();
    clock.set("2026-01-30T04:00:00Z".parse().unwrap());
    (builder().clock(clock), first.iter_days().take(4).collect())
}

#[tokio::test]
async fn a_list_is_that_of_the_date_in_beijing() {
    let (builder, dates) = from_noon();
    let (simulator, visitor) = started(builder.clone()).await;
    let mut lists: Vec<Vec<String>> = Vec::new();
    for date in dates {
        let expected = builder.roster(APP_ID, date);
        let openids: Vec<_> = expected.listed().map(|index| expected.openid(index)).collect();
        assert_eq!(visitor.walk().await, openids, "{date}");
        assert_eq!(visitor.walk().await, openids, "{date}: the same a second time");
        assert_eq!(visitor.page("").await["total"], openids.len(), "holes are not counted");
        assert!(expected.following().eq(simulator.roster(APP_ID).following()));
        lists.push(openids);
        simulator.begin_next_day();
    }
    for pair in lists.windows(2) {
        let left = pair[0].iter().filter(|openid| !pair[1].contains(openid)).count();
        let joined = pair[1].iter().filter(|openid| !pair[0].contains(openid)).count();
        assert!((8..60).contains(&left) && (8..60).contains(&joined), "{left} left, {joined} joined");
    }
}

#[tokio::test]
async fn profiles_agree_with_the_list_of_the_date() {
    let (builder, dates) = from_noon();
    let (simulator, visitor) = started(builder.clone()).await;
    let before = builder.roster(APP_ID, dates[0]);
    simulator.begin_next_day();
    let (now, profiles) = (simulator.roster(APP_ID), simulator.profiles(APP_ID));
    let listed: HashSet<u64> = now.listed().collect();
    let midnight = "2026-01-30T16:00:00Z".parse::<DateTime<Utc>>().unwrap().timestamp();
    let (mut joined, mut left, mut holes) = (0, 0, 0);
    for index in 0..FOLLOWERS {
        let truth = profiles.get(index);
        let has_just_followed = truth.subscribe_time.is_some_and(|since| (midnight - 60..midnight).contains(&since));
        assert_eq!(has_just_followed, now.follows(index) && !before.follows(index));
        assert_eq!(truth.standing == Standing::Follows, now.follows(index));
        let has_changed = before.follows(index) != now.follows(index);
        let is_hole = now.follows(index) && !listed.contains(&index);
        if has_changed || is_hole {
            assert_eq!(visitor.single(&truth.openid).await, row_of(&truth));
        }
        joined += u64::from(has_just_followed);
        left += u64::from(has_changed && !now.follows(index));
        holes += u64::from(is_hole);
    }
    assert!(joined > 5 && left > 5 && holes > 0, "{joined} joined, {left} left, {holes} holes");
}

#[tokio::test]
async fn what_happens_to_followers_lasts_until_midnight() {
    let (builder, dates) = from_noon();
    let (simulator, _visitor) = started(builder.clone()).await;
    let leaver = simulator.roster(APP_ID).listed().next().unwrap();
    simulator.happen(APP_ID, &Event::leave([leaver]));
    assert!(!simulator.roster(APP_ID).follows(leaver));
    simulator.begin_next_day();
    assert!(builder.roster(APP_ID, dates[1]).following().eq(simulator.roster(APP_ID).following()));
}

#[tokio::test]
async fn a_list_without_nights_is_the_same_on_every_date_and_what_happens_lasts() {
    let (simulator, visitor) = started(Simulator::builder().followers(100)).await;
    simulator.happen(APP_ID, &Event::leave([7]));
    let list = visitor.walk().await;
    simulator.begin_next_day();
    assert_eq!(visitor.walk().await, list);
    assert_eq!(list.len(), 99);
}
