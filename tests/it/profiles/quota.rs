//! The day's calls end within a walk of profiles: the next day's run asks for what is missing, and
//! then for its own list.
//!
//! Other programs of the account have made most of the first day's calls, so a third of the list
//! fits into it. The second day has enough for the rest and for a whole list.

use fanout::report::Verdict;
use fanout::simulator::{Call, Effect, Fault, When};

use super::*;
use crate::support::noon;

const FIRST: &str = "2026-01-29";
const SECOND: &str = "2026-01-30";

const BATCHES: u64 = 30;
const FOLLOWERS_COUNT: u64 = BATCHES * NEW;
/// The batches that fit into the first day.
const THIRD: u64 = 10;
/// The batches that fit into a whole day.
const DAY: u64 = 60;
/// The calls at the same time, each of which is refused when the calls are used up.
const AT_ONCE: usize = 4;

/// Makes a project in which a batch takes `cost` of the day's calls, and of whose first day enough
/// calls for a third of the list are left.
fn a_third_is_left(cost: u64, quota_get: Option<Effect>, keys: &str) -> Project {
    let mut simulator = followers(FOLLOWERS_COUNT).profile_quota(DAY * cost);
    if cost > 1 {
        simulator = simulator.count_people();
    }
    if let Some(effect) = quota_get {
        simulator = simulator.fault(Fault::new(Endpoint::Quota, When::Always, effect));
    }
    let builder = Project::builder().keys(&format!("{QUICK}\n{keys}")).account("brand", APP_ID).sinks(LINES);
    let project = builder.simulator(simulator).date(FIRST).build();
    project.api().use_up(Endpoint::BatchGet, APP_ID, (DAY - THIRD) * cost);
    project
}

/// Returns the batches that were asked for, in the order of the calls.
fn asked(project: &Project) -> Vec<u64> {
    let calls = project.api().log().into_iter().filter(|call| call.endpoint == Endpoint::BatchGet);
    // Each begins with the last follower of the one before.
    calls.map(|Call { start, .. }| (start.unwrap() + 1) / NEW).collect()
}

fn sorted(batches: &[u64]) -> Vec<u64> {
    let mut batches = batches.to_vec();
    batches.sort_unstable();
    batches
}

fn report(text: &str) -> RunReport {
    serde_json::from_str(text).unwrap()
}

fn the_second_day_goes_on(cost: u64, quota_get: Option<Effect>) {
    let is_told = quota_get.is_none();
    let what = format!("cost {cost}, {quota_get:?}");
    let project = a_third_is_left(cost, quota_get, "");
    let ended = project.run(&["--json"]);
    assert_eq!(ended.code, Some(75), "{what}: {ended:?}");
    let first = report(&ended.stdout);
    let row = of_list(&first, "profiles")[0];
    assert_eq!((row.verdict, row.pages, row.snapshot.is_none()), (Verdict::Failed, THIRD, true), "{what}: {row:#?}");
    let error = row.error.as_deref().unwrap();
    assert!(error.contains("done 10 of 30 batches, goes on tomorrow"), "{what}: {error}");
    let hint = row.hint.as_deref().unwrap();
    assert!(hint.contains("2026-01-30 00:00 in Beijing"), "{what}: {hint}");
    let is_foreseen = ended.stderr.contains("today's calls cannot finish the list");
    assert_eq!(is_foreseen, is_told, "{what}: {}", ended.stderr);
    assert!(published(&project, "brand").is_empty());

    let on_first_day = asked(&project);
    // The calls that are over the limit are refused, and those before it are not.
    let (answered, refused) = on_first_day.split_at(THIRD as usize);
    assert!((1..=AT_ONCE).contains(&refused.len()), "{what}: {refused:?}");
    let missing: Vec<u64> = (0..BATCHES).filter(|batch| !answered.contains(batch)).collect();

    project.clock.set(noon(SECOND));
    let second = report(&project.finish(&["--json"]).stdout);
    let rows = of_list(&second, "profiles");
    let dates: Vec<_> = rows.iter().map(|row| (row.date.unwrap().to_string(), row.verdict)).collect();
    let both = [FIRST, SECOND].map(|date| (date.to_owned(), Verdict::Published));
    assert_eq!(dates, both, "{what}: {second:#?}");
    assert_eq!((rows[0].walk, rows[0].pages_before, rows[0].pages), (row.walk, THIRD, BATCHES), "{what}");
    assert_ne!(rows[1].walk, row.walk);

    let on_second_day = &asked(&project)[on_first_day.len()..];
    let (rest, todays) = on_second_day.split_at(missing.len());
    assert_eq!(sorted(rest), missing, "{what}: only what is missing, and before today's list");
    assert_eq!(sorted(todays), (0..BATCHES).collect::<Vec<_>>(), "{what}");
    assert_eq!(calls(&project).1, 2 + 1, "the last follower of each list, and one whose unionid is known");
    for date in [FIRST, SECOND] {
        are_true(&project, APP_ID, &rows_below(&project, &format!("out/lines/dt={date}"), "brand"));
    }
}

#[test]
fn the_second_day_asks_for_what_is_missing_whatever_a_batch_costs() {
    for cost in [1, 100] {
        the_second_day_goes_on(cost, None);
    }
}

#[test]
fn a_walk_that_waits_for_the_next_day_says_everywhere_what_is_left_and_how_long_that_takes() {
    // WeChat states 6,000 calls a day to a run. The command `status` asks nobody.
    let keys = "profiles.daily_calls = 900\n[metrics]\npath = 'fanout.prom'";
    let project = a_third_is_left(100, None, keys);
    let ended = project.run(&["--json"]);
    let first = report(&ended.stdout);
    let batches = of_list(&first, "profiles")[0].batches.unwrap();
    let left = BATCHES - THIRD;
    let days = |calls: u64| (left * 100).div_ceil(calls);
    assert_eq!((batches.all, batches.left, batches.cost, batches.days), (BATCHES, left, Some(100), Some(days(6_000))));
    assert!(batches.per_second.unwrap() > 0.0);
    assert_eq!(of_list(&first, "followers")[0].batches, None);

    let metrics = std::fs::read_to_string(project.path("fanout.prom")).unwrap();
    let labels = "{account=\"brand\",list=\"profiles\",pipeline=\"test\"}";
    for (name, value) in [
        ("walk_batches", BATCHES),
        ("walk_batches_left", left),
        ("walk_batch_cost_calls", 100),
        ("walk_days_left", days(6_000)),
    ] {
        let sample = format!("fanout_{name}{labels} {value}");
        assert!(metrics.lines().any(|line| line == sample), "{sample}: {metrics}");
    }
    assert!(metrics.contains(&format!("fanout_walk_batches_per_second{labels} ")), "{metrics}");

    let status = project.fanout(&["status", "pipeline.toml", "--json"]).json();
    let accounts = status["accounts"].as_array().unwrap();
    let walk = &accounts.iter().find(|account| account["list"] == "profiles").unwrap()["walk"];
    let expected = serde_json::json!({ "all": BATCHES, "left": left, "cost": 100, "days": days(900) });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(walk["batches"][key], *value, "{key}: {walk:#}");
    }

    let told =
        |days: u64| format!("{left} of {BATCHES} batches left, each takes 100 of the day&#39;s calls: {days} day");
    let page = project.fanout(&["report", "pipeline.toml", "--html", "-"]).stdout;
    assert!(page.contains(&told(days(6_000))), "{page}");
    let table = project.fanout(&["status", "pipeline.toml"]).stdout;
    assert!(table.contains(&told(days(900)).replace("&#39;", "'")), "{table}");
}

/// A day has the calls of 20 batches, so the list takes two days.
fn two_days(keys: &str) -> Project {
    let builder = Project::builder().keys(&format!("{QUICK}\n{keys}")).account("brand", APP_ID).sinks(LINES);
    builder.simulator(followers(FOLLOWERS_COUNT).profile_quota(20 * 100).count_people()).date(FIRST).build()
}

#[track_caller]
fn is_refused(report: &RunReport) {
    let row = of_list(report, "profiles").pop().unwrap();
    assert_eq!((row.verdict, row.exit.code(), row.walk), (Verdict::Failed, 1, None), "{row:#?}");
    let error = row.error.as_deref().unwrap();
    let numbers = "about 3,000 calls, which is 2 days at 2,000 calls a day, and a walk is continued for 1 day only";
    // The first batch is read when its cost is known.
    let without_it = numbers.replace("3,000", "2,900");
    assert!(error.contains(numbers) || error.contains(&without_it), "{error}");
    assert!(row.hint.as_deref().unwrap().contains("set `profiles.resume_within_days` to 2 or more"), "{row:#?}");
}

#[test]
fn a_list_that_takes_more_days_than_a_walk_may_live_is_refused_before_it_begins() {
    let project = two_days("[profiles]\nresume_within_days = 1");
    for night in 1..=2 {
        let ended = project.run(&["--json"]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        is_refused(&report(&ended.stdout));
        assert_eq!(calls(&project), (night, 0), "what a batch costs is asked once a night");
        project.clock.set(noon(SECOND));
    }
    let ended = project.run(&["--json", "--set", "profiles.resume_within_days=2"]);
    assert_eq!(ended.code, Some(75), "it has begun, and goes on tomorrow: {ended:?}");
}

#[test]
fn a_list_whose_cost_is_known_from_the_one_before_is_refused_before_the_first_call() {
    let project = two_days("");
    assert_eq!(project.run(&[]).code, Some(75));
    project.clock.set(noon(SECOND));
    let set = ["--json", "--set", "profiles.resume_within_days=1"];
    let second = report(&project.run(&set).stdout);
    let open = of_list(&second, "profiles")[0];
    assert_eq!((open.date.unwrap().to_string(), open.verdict), (FIRST.to_owned(), Verdict::Published), "{open:#?}");

    project.clock.set(noon("2026-01-31"));
    let before = calls(&project);
    let ended = project.run(&set);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    is_refused(&report(&ended.stdout));
    assert_eq!(calls(&project), before);
}

#[test]
fn an_open_walk_that_will_be_too_old_is_warned_of_and_goes_on() {
    let project = two_days("");
    assert_eq!(project.run(&[]).code, Some(75));
    // Other programs have made the calls of the second day.
    project.clock.set(noon(SECOND));
    project.api().use_up(Endpoint::BatchGet, APP_ID, 15 * 100);
    let ended = project.run(&["--set", "profiles.resume_within_days=1"]);
    assert_eq!(ended.code, Some(75), "{ended:?}");
    assert!(ended.stderr.contains("the walk gets too old before it is complete"), "{ended:?}");
    assert!(ended.stderr.contains("done 25 of 30 batches"), "{ended:?}");
}

#[test]
fn a_new_binding_between_two_days_of_a_walk_is_found_and_no_list_has_unionids_of_both() {
    for binding in [Some(1), None] {
        let project = a_third_is_left(1, None, "");
        assert_eq!(project.run(&[]).code, Some(75));
        project.clock.set(noon(SECOND));
        project.api().bind(binding);
        let before = calls(&project);
        let ended = project.run(&["--json"]);
        assert_eq!(ended.code, Some(75), "{binding:?}: {ended:?}");
        let second = report(&ended.stdout);
        let rows = of_list(&second, "profiles");
        let found: Vec<_> = rows.iter().map(|row| (row.date.unwrap().to_string(), row.verdict)).collect();
        assert_eq!(
            found,
            [(FIRST.to_owned(), Verdict::Failed), (SECOND.to_owned(), Verdict::Published)],
            "{second:#?}"
        );
        let error = rows[0].error.as_deref().unwrap();
        assert!(error.contains("bound to another Open Platform account while its list was read"), "{error}");
        // Two followers twice, and the last one of today's list.
        assert_eq!(calls(&project), (before.0 + BATCHES, before.1 + 4 + 1), "{binding:?}");
        are_true(&project, APP_ID, &published(&project, "brand"));

        let again = project.finish(&["--json"]);
        assert_eq!(calls(&project), (before.0 + BATCHES, before.1 + 4 + 1), "it is given up: {again:?}");
    }
}

#[test]
fn a_follower_of_whom_nothing_is_told_on_the_second_day_leaves_the_binding_to_others() {
    let project = a_third_is_left(1, None, "");
    assert_eq!(project.run(&[]).code, Some(75));
    project.clock.set(noon(SECOND));
    // Two tries.
    project.api().add_fault(Fault::new(Endpoint::UserInfo, When::Naming(0), Effect::errcode(-1)));
    project.finish(&[]);
    assert_eq!(calls(&project).1, 2 + 1 + 2);
    are_true(&project, APP_ID, &published(&project, "brand")[..FOLLOWERS_COUNT as usize]);
}

#[test]
fn a_number_of_calls_that_nobody_tells_changes_nothing_of_that() {
    for cost in [1, 100] {
        for effect in [Effect::errcode(76022), Effect::status(500), Effect::body("{}")] {
            the_second_day_goes_on(cost, Some(effect));
        }
    }
}

#[test]
fn a_list_that_does_not_fit_into_the_day_is_not_begun_if_the_file_says_so() {
    // Of a cost of a hundred only the first batch can tell.
    for (cost, of_first_day) in [(1, 0), (100, 1)] {
        let project = a_third_is_left(cost, None, "quota.refuse = true");
        let ended = project.run(&["--json"]);
        assert_eq!((ended.code, asked(&project).len()), (Some(75), of_first_day), "{cost}: {ended:?}");
        let first = report(&ended.stdout);
        let row = of_list(&first, "profiles")[0];
        assert!(row.hint.as_deref().unwrap().contains("2026-01-30 00:00 in Beijing"), "{row:#?}");
        project.clock.set(noon(SECOND));
        let second = report(&project.finish(&["--json"]).stdout);
        let dates: Vec<_> = of_list(&second, "profiles").iter().map(|row| row.date.unwrap().to_string()).collect();
        assert_eq!(dates, [SECOND], "nothing had begun: {second:#?}");
        assert_eq!(sorted(&asked(&project)[of_first_day..]), (0..BATCHES).collect::<Vec<_>>(), "{cost}");
        are_true(&project, APP_ID, &published(&project, "brand"));
    }
}

/// The followers take more than a day's calls, so that the list of each day ends on the next one,
/// and today's cannot begin. The profiles of the list that has ended are read.
#[test]
fn followers_that_take_two_days_have_their_profiles_on_the_second() {
    for sinks in [LINES.to_owned(), format!("{LINES}\n{FOLLOWERS}")] {
        let project = Project::builder().keys(QUICK).account("brand", APP_ID).sinks(&sinks);
        // Three pages and the end.
        let project = project.simulator(followers(FOLLOWERS_COUNT).quota(3)).date(FIRST).build();
        let ended = project.run(&["--json"]);
        assert_eq!((ended.code, calls(&project).0), (Some(75), 0), "{ended:?}");

        project.clock.set(noon(SECOND));
        let ended = project.run(&["--json"]);
        assert_eq!(ended.code, Some(75), "today's followers have not begun: {ended:?}");
        let second = report(&ended.stdout);
        let rows = of_list(&second, "profiles");
        let found: Vec<_> = rows.iter().map(|row| (row.date.unwrap().to_string(), row.verdict)).collect();
        assert_eq!(found, [(FIRST.to_owned(), Verdict::Published)], "{second:#?}");
        are_true(&project, APP_ID, &rows_below(&project, &format!("out/lines/dt={FIRST}"), "brand"));

        let before = calls(&project);
        let again = report(&project.run(&["--json"]).stdout);
        assert!(of_list(&again, "profiles").iter().all(|row| row.verdict != Verdict::Published), "{again:#?}");
        assert_eq!(calls(&project), before, "it is published once");
    }
}
