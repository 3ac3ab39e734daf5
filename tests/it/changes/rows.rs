//! What a list of changes tells, and what it does not tell.

use chrono::SubsecRound as _;
use fanout::simulator::{Effect, Fault, When};
use serde_json::json;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_second_night_tells_who_came_and_who_left_and_when() {
    let project = project(followers(1_000), LINES);
    happen(&project, [Event::hide([13])]);
    let first = run_at(&project, 0).await;
    let row = good(&first, 0);
    assert_eq!((row.snapshot.as_ref().unwrap().rows, calls(&project)), (0, 0), "there is nothing to compare");
    assert!(rows_of(&project, "lines", 0).is_empty());

    let came_back = before(1) + TimeDelta::hours(2);
    happen(
        &project,
        [
            Event::follow([2_000, 2_001], before(1)),
            Event::leave([5, 7]),
            Event::leave_refused([8]),
            // A hole of the newer list.
            Event::hide([9]),
            // Left and came back, and the newer list lacks them.
            Event::leave([11]),
            Event::follow([11], came_back),
            Event::hide([11]),
            // Was a hole of the older list.
            Event::show([13]),
        ],
    );
    let second = run_at(&project, 1).await;
    let row = good(&second, 1);
    let expected = [
        each("followed", [2_000, 2_001]),
        each("reappeared", [13]),
        each("unfollowed", [5, 7, 8]),
        each("refollowed", [11]),
    ];
    assert_eq!(told(&project, "lines", 1), expected.into_iter().flatten().collect());
    for (field, expected) in [("joined", 3), ("missing", 5), ("holes", 2), ("open", 0), ("controls", 3)] {
        assert_eq!(proof(row, field), json!(expected), "{field}");
    }
    let roster = project.api().roster(APP_ID);
    let rows = rows_of(&project, "lines", 1);
    let of = |person| rows.iter().find(|row| row["openid"] == json!(roster.openid(person))).unwrap();
    // The clock of a test goes on within a run.
    let time =
        |row: &Value, column: &str| row[column].as_str().unwrap().parse::<DateTime<Utc>>().unwrap().trunc_subsecs(0);
    let walks: Vec<&Value> = rows.iter().map(|row| &row["to_walk"]).collect();
    assert!(walks.iter().all(|walk| **walk == proof(row, "to_walk")));
    assert!(rows.iter().all(|of| of["from_walk"] == proof(row, "from_walk") && of["verified"] == json!(true)));
    let followed = of(2_000);
    assert_eq!(["not_before", "not_after", "subscribe_time"].map(|column| time(followed, column)), [before(1); 3]);
    assert!(followed["unionid"].is_string() && followed["subscribe_scene"].is_string(), "{followed}");
    let left = of(5);
    // The list may lack somebody who leaves before the answer.
    assert_eq!((time(left, "not_before"), &left["not_after"]), (noon(NIGHTS[0]), &left["fetched_at"]));
    assert!(left["subscribe_time"].is_null() && left["unionid"].is_null(), "{left}");
    assert_eq!(time(of(11), "subscribe_time"), came_back);
    // Those who came stand in the order of the newer list, those who left in that of the older.
    let order: Vec<&str> = rows.iter().map(|row| row["change"].as_str().unwrap()).collect();
    let first_missing = order.iter().position(|change| ["unfollowed", "refollowed"].contains(change)).unwrap();
    assert_eq!(first_missing, 3, "{order:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hole_is_not_told_as_a_leave_and_who_leaves_later_is_told_then() {
    let project = project(followers(1_000), LINES);
    run_at(&project, 0).await;
    happen(&project, [Event::hide(100..110)]);
    let row = run_at(&project, 1).await;
    assert_eq!(proof(good(&row, 1), "holes"), json!(10));
    assert!(told(&project, "lines", 1).is_empty());
    // One of them leaves, one is in the list again, the others stay holes.
    happen(&project, [Event::leave([103]), Event::show([105])]);
    let row = run_at(&project, 2).await;
    assert_eq!((proof(good(&row, 2), "carried"), proof(good(&row, 2), "holes")), (json!(9), json!(8)));
    assert_eq!(told(&project, "lines", 2), each("unfollowed", [103]));
    happen(&project, [Event::leave([104])]);
    let row = run_at(&project, 3).await;
    assert_eq!(told(&project, "lines", 3), each("unfollowed", [104]), "{row:#?}");
    happen(&project, [Event::show(100..110)]);
    run_at(&project, 4).await;
    assert!(told(&project, "lines", 4).is_empty(), "those who are back in the list never left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_night_without_changes_tells_nothing_and_costs_no_call() {
    let project = project(followers(500), LINES);
    run_at(&project, 0).await;
    let report = run_at(&project, 1).await;
    assert_eq!(good(&report, 1).snapshot.as_ref().unwrap().rows, 0);
    assert_eq!((calls(&project), proof(good(&report, 1), "controls")), (0, json!(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_verification_everything_is_told_and_nothing_asked() {
    let project = project_with(followers(1_000), LINES, "[changes]\nverify = false");
    run_at(&project, 0).await;
    happen(&project, [Event::follow([2_000], before(1)), Event::leave([5]), Event::hide([9])]);
    let report = run_at(&project, 1).await;
    good(&report, 1);
    let expected: BTreeSet<Told> = each("followed", [2_000]).into_iter().chain(each("unfollowed", [5, 9])).collect();
    assert_eq!((told(&project, "lines", 1), calls(&project)), (expected, 0));
    assert!(rows_of(&project, "lines", 1).iter().all(|row| row["verified"] == json!(false)));
    happen(&project, [Event::show([9])]);
    run_at(&project, 2).await;
    assert_eq!(told(&project, "lines", 2), each("followed", [9]));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_when_the_list_was_read_is_told_to_have_left_and_then_to_have_come() {
    // The last call of the second night, behind which the list is complete.
    let back = Event::follow([5], noon(NIGHTS[1]) + TimeDelta::hours(1));
    let behind = Fault::new(Endpoint::UserGet, When::Call(4), Effect::Happens(back));
    let project = project(followers(300).fault(behind), LINES);
    run_at(&project, 0).await;
    assert_eq!(project.calls(), 2);
    happen(&project, [Event::leave([5])]);
    good(&run_at(&project, 1).await, 1);
    assert_eq!(told(&project, "lines", 1), each("unfollowed", [5]));
    assert!(rows_of(&project, "lines", 1)[0]["subscribe_time"].is_null(), "it is of the follow behind");
    good(&run_at(&project, 2).await, 2);
    assert_eq!(told(&project, "lines", 2), each("followed", [5]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_whose_people_have_all_left_since_is_told_if_one_who_came_is_there() {
    let gone = Fault::new(Endpoint::UserGet, When::Call(4), Effect::Happens(Event::leave([0, 1, 2])));
    let project = project_with(followers(3).fault(gone), LINES, "[changes]\nmax_change_percent = 100.0");
    run_at(&project, 0).await;
    assert_eq!(project.calls(), 2);
    happen(&project, [Event::follow([70], before(1))]);
    let report = run_at(&project, 1).await;
    assert_eq!(proof(good(&report, 1), "controls"), json!(3));
    assert_eq!(told(&project, "lines", 1), each("followed", [70]));
}
