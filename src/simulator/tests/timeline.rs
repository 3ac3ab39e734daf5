//! People who join, leave and return while the simulator runs: lists, profiles and the truth agree.

use chrono::{DateTime, Utc};

use super::profiles::row_of;
use super::*;

const FOLLOWERS: u64 = 30;

fn moment(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

/// A moment after every `subscribe_time` of the list at the start.
fn later() -> DateTime<Utc> {
    moment(1_800_000_000)
}

fn builder() -> SimulatorBuilder {
    Simulator::builder().followers(FOLLOWERS).page_size(10)
}

fn openids_of(simulator: &SimulatorHandle, indices: impl IntoIterator<Item = u64>) -> Vec<String> {
    let roster = simulator.roster(APP_ID);
    indices.into_iter().map(|index| roster.openid(index)).collect()
}

#[tokio::test]
async fn one_who_joins_stands_at_their_place_and_follows_since_then() {
    let (simulator, visitor) = started(builder()).await;
    simulator.happen(APP_ID, &Event::follow([77, 40], later()));
    simulator.happen(APP_ID, &Event::follow_at(Place::At(2), [1_000_000], later()));
    let expected = openids_of(&simulator, (0..2).chain([1_000_000]).chain(2..FOLLOWERS).chain([77, 40]));
    assert_eq!(visitor.walk().await, expected);
    let first = visitor.page("").await;
    assert_eq!(first["total"], FOLLOWERS + 3);
    for index in [77, 40, 1_000_000] {
        let profile = simulator.profiles(APP_ID).get(index);
        assert_eq!(profile.subscribe_time, Some(later().timestamp()));
        assert_eq!(visitor.single(&profile.openid).await, row_of(&profile));
    }
    let stranger = simulator.roster(APP_ID).openid(78);
    assert_eq!(visitor.single(&stranger).await["errcode"], 40003, "nobody has seen them follow");
}

#[tokio::test]
async fn one_who_leaves_is_not_in_the_list_and_does_not_follow() {
    let (simulator, visitor) = started(builder()).await;
    simulator.happen(APP_ID, &Event::leave([0, 12]));
    simulator.happen(APP_ID, &Event::leave_refused([29]));
    let staying: Vec<u64> = (1..12).chain(13..29).collect();
    assert_eq!(visitor.walk().await, openids_of(&simulator, staying.clone()));
    assert_eq!(visitor.page("").await["total"], staying.len());
    let leavers = openids_of(&simulator, [0, 12]);
    let rows = visitor.rows(&leavers).await;
    assert!(rows.iter().all(|row| row["subscribe"] == 0 && row.get("unionid").is_none()), "{rows:?}");
    let refused = openids_of(&simulator, [29]);
    assert_eq!(visitor.batch(&refused).await["errcode"], 40003);
    assert_eq!(visitor.single(&refused[0]).await["errcode"], 40003);
    let profiles = simulator.profiles(APP_ID);
    let standings = [0, 12, 29, 1].map(|index| profiles.get(index).standing);
    assert_eq!(standings, [Standing::Left, Standing::Left, Standing::Refused, Standing::Follows]);
    assert_eq!(profiles.count(), staying.len() as u64);
}

#[tokio::test]
async fn one_who_returns_is_the_same_person_who_has_followed_again() {
    let (simulator, visitor) = started(builder()).await;
    let before = simulator.profiles(APP_ID).get(4);
    for (moment, is_refused) in [(later(), false), (later() + chrono::Days::new(1), true)] {
        let leave = if is_refused { Event::leave_refused([4]) } else { Event::leave([4]) };
        simulator.happen(APP_ID, &leave);
        simulator.happen(APP_ID, &Event::follow([4], moment));
        let after = simulator.profiles(APP_ID).get(4);
        assert_eq!((&after.openid, &after.unionid, &after.remark), (&before.openid, &before.unionid, &before.remark));
        assert_eq!(after.subscribe_time, Some(moment.timestamp()));
        assert_eq!(visitor.single(&after.openid).await, row_of(&after));
        assert_eq!(visitor.walk().await.last(), Some(&after.openid));
        assert_eq!(visitor.page("").await["total"], FOLLOWERS);
    }
    let scenes: std::collections::HashSet<_> = (0..FOLLOWERS)
        .map(|index| {
            simulator.happen(APP_ID, &Event::leave([index]));
            simulator.happen(APP_ID, &Event::follow([index], later()));
            simulator.profiles(APP_ID).get(index).subscribe_scene
        })
        .collect();
    assert!(scenes.len() > 3, "they come in ways of their own: {scenes:?}");
}

#[tokio::test]
async fn a_hole_follows_but_is_not_in_the_list_until_it_is_shown() {
    let (simulator, visitor) = started(builder()).await;
    simulator.happen(APP_ID, &Event::hide([3, 9, 10]));
    simulator.happen(APP_ID, &Event::hide_counted([20]));
    let listed = (0..3).chain(4..9).chain(11..20).chain(21..FOLLOWERS);
    assert_eq!(visitor.walk().await, openids_of(&simulator, listed));
    assert_eq!(visitor.page("").await["total"], FOLLOWERS - 3, "only one of the holes is counted");
    let roster = simulator.roster(APP_ID);
    assert_eq!((roster.count(), roster.total()), (FOLLOWERS, FOLLOWERS - 3));
    assert!(roster.following().eq(0..FOLLOWERS));
    for index in [3, 20] {
        let truth = simulator.profiles(APP_ID).get(index);
        assert_eq!((truth.standing, visitor.single(&truth.openid).await), (Standing::Follows, row_of(&truth)));
    }
    simulator.happen(APP_ID, &Event::show([3, 9, 10, 20]));
    assert_eq!(visitor.walk().await, openids_of(&simulator, 0..FOLLOWERS), "at their places");
    simulator.happen(APP_ID, &Event::hide([5]));
    simulator.happen(APP_ID, &Event::leave([5]));
    simulator.happen(APP_ID, &Event::follow([5], later()));
    assert_eq!(visitor.walk().await.last(), Some(&roster.openid(5)), "a hole that has left is none");
}

#[tokio::test]
async fn what_has_happened_already_does_not_happen_again() {
    let (simulator, visitor) = started(builder()).await;
    let before = simulator.profiles(APP_ID).get(3);
    simulator.happen(APP_ID, &Event::follow([3], later()));
    assert_eq!(simulator.profiles(APP_ID).get(3), before);
    simulator.happen(APP_ID, &Event::leave([500]));
    simulator.happen(APP_ID, &Event::hide([500]));
    simulator.happen(APP_ID, &Event::follow([500, 500], later()));
    assert_eq!(visitor.walk().await, openids_of(&simulator, (0..FOLLOWERS).chain([500])));
}

#[tokio::test]
async fn the_order_stays_the_same_for_those_who_stay() {
    let (simulator, visitor) = started(builder()).await;
    let mut random = fastrand::Rng::with_seed(16);
    let mut plain: Vec<u64> = (0..FOLLOWERS).collect();
    let mut holes = Vec::new();
    for night in 0..30 {
        let at = later() + chrono::Days::new(night);
        holes.clear();
        simulator.happen(APP_ID, &Event::show(0..60));
        let leavers: Vec<u64> = plain.iter().copied().filter(|_| random.u8(0..8) == 0).collect();
        simulator.happen(APP_ID, &Event::leave(leavers.clone()));
        plain.retain(|index| !leavers.contains(index));
        for _ in 0..4 {
            let index = random.u64(0..60);
            let place = random.usize(0..=plain.len());
            if !plain.contains(&index) {
                simulator.happen(APP_ID, &Event::follow_at(Place::At(place as u64), [index], at));
                plain.insert(place, index);
            }
        }
        holes.extend(plain.iter().copied().filter(|_| random.u8(0..10) == 0));
        simulator.happen(APP_ID, &Event::hide(holes.clone()));
        let listed = plain.iter().copied().filter(|index| !holes.contains(index));
        assert_eq!(visitor.walk().await, openids_of(&simulator, listed.clone()), "night {night}");
        let roster = simulator.roster(APP_ID);
        assert!(roster.listed().eq(listed) && roster.following().eq(plain.iter().copied()));
        let truth: Vec<_> = simulator.profiles(APP_ID).iter().collect();
        let openids: Vec<_> = truth.iter().map(|profile| profile.openid.clone()).collect();
        assert_eq!(visitor.rows(&openids).await, truth.iter().map(row_of).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_cursor_that_is_not_in_the_list_is_refused_and_another_one_goes_on_behind_its_person() {
    let (simulator, visitor) = started(builder()).await;
    let first = visitor.page("").await;
    let cursor = first["next_openid"].as_str().unwrap();
    simulator.happen(APP_ID, &Event::leave([0, 1, 11]));
    let expected = openids_of(&simulator, [10].into_iter().chain(12..21));
    assert_eq!(openids(&visitor.page(cursor).await), expected);
    for event in [Event::hide([9]), Event::leave([9])] {
        simulator.happen(APP_ID, &event);
        assert_eq!(visitor.page(cursor).await["errcode"], 40003, "{event:?}");
    }
}

#[tokio::test]
async fn what_happens_at_a_call_happens_behind_its_reply() {
    let happen = |page, event| Fault::new(Endpoint::UserGet, When::Page(page), Effect::Happens(event)).times(1);
    let end = FOLLOWERS / 10 + 1;
    let builder = builder()
        .fault(happen(1, Event::leave([5, 15])))
        .fault(happen(end, Event::leave([0])))
        .fault(happen(end, Event::follow([0], later())));
    let (simulator, visitor) = started(builder).await;
    let expected = openids_of(&simulator, (0..15).chain(16..FOLLOWERS));
    assert_eq!(visitor.walk().await, expected, "the first page was sent with the one who leaves then");
    let standing = |index| simulator.profiles(APP_ID).get(index).standing;
    assert_eq!((standing(5), standing(15)), (Standing::Left, Standing::Left));
    assert_eq!(simulator.profiles(APP_ID).get(0).subscribe_time, Some(later().timestamp()));
    assert_eq!(simulator.roster("wxother").count(), FOLLOWERS, "another account is left alone");
}
