//! The faults of tags: counts that lag, tags that WeChat cannot give, tags and people that go while
//! they are read.

use fanout::simulator::{Effect, Endpoint, Event, Fault, Heals, When};

use super::case::*;
use super::*;

/// The tags are asked for once more at once: whether the tag that could not be read is still there.
const PROBE: u64 = 1;
/// They are asked for once more if a count differs.
const RECOUNT: u64 = 1;
/// The last page and the end are read once more if a count differs.
const END_AGAIN: u64 = 2;

fn happens(event: Event) -> Effect {
    Effect::Happens(event)
}

cases! {
    nothing_is_odd: Case::undisturbed();

    a_count_that_heals_when_the_tag_is_read: Case::tag(|tag| tag.lagging(7, Heals::WhenRead))
        .calls(TAGS_CALLS, CALLS + END_AGAIN);
    a_count_that_heals_at_the_third_answer: Case::tag(|tag| tag.lagging(7, Heals::After(2)))
        .calls(TAGS_CALLS + RECOUNT, CALLS + END_AGAIN);
    a_count_that_never_heals: Case::tag(|tag| tag.lagging(7, Heals::Never))
        .calls(TAGS_CALLS + RECOUNT, CALLS + END_AGAIN).has(7, "lagging");
    a_count_of_a_few_more_than_there_are: Case::tag(|tag| tag.lagging(26, Heals::Never)).set(&["source.max_shortfall_percent=4"])
        .calls(TAGS_CALLS + RECOUNT, CALLS + END_AGAIN).has(26, "lagging");
    a_count_of_far_more_than_there_are_once: Case::tag(|tag| tag.lagging(5_000, Heals::After(2)))
        .calls(TAGS_CALLS + RECOUNT, CALLS + END_AGAIN);
    pages_that_end_far_too_early_for_good: Case::page(2, Effect::EarlyEnd)
        .calls(TAGS_CALLS + RECOUNT, 2 + END_AGAIN).fails(1, &["\"VIP\" (100): WeChat counts 25 people, and lists 10", "`source.max_shortfall_percent`"]);
    pages_that_end_early_while_few_are_counted: Case::tag(|tag| tag.lagging(9, Heals::After(1))).and(Fault::new(Endpoint::TagMembers, When::Page(2), Effect::EarlyEnd).tag(VIP))
        .calls(TAGS_CALLS + RECOUNT, 2 + END_AGAIN).fails(1, &["\"VIP\" (100): WeChat counts 25 people, and lists 10"]);
    an_empty_tag_that_was_counted_late: Case::tag(|tag| Tag { members: 0, ..tag }.lagging(5, Heals::After(1)))
        .calls(TAGS_CALLS, 2).empties();

    busy_once: Case::once(2, Effect::errcode(-1)).calls(TAGS_CALLS, CALLS + 1);
    busy_for_good: Case::page(2, Effect::errcode(-1))
        .calls(TAGS_CALLS + PROBE, 1 + 2).fails(1, &["1 of 3 tags cannot be read: \"VIP\" (100): ", "errcode -1", "`tags.partial = true`"]);
    never_in_time: Case::page(1, Effect::Stall).set(&["source.idle_timeout_secs=1"])
        .calls(TAGS_CALLS + PROBE, 2).fails(1, &["\"VIP\" (100): ", "no reply in time"]);
    people_are_counted_and_nobody_is_listed: Case::page(1, Effect::EarlyEnd)
        .calls(TAGS_CALLS + RECOUNT, 2).fails(1, &["\"VIP\" (100): WeChat counts 25 people, and lists nobody"]);
    a_cursor_that_is_refused: Case::page(2, Effect::errcode(40003))
        .calls(TAGS_CALLS + PROBE, 3).fails(1, &["\"VIP\" (100): WeChat no longer accepts the cursor"]);
    a_page_that_leads_back: Case::page(2, Effect::RepeatPage(1))
        .calls(TAGS_CALLS + PROBE, 1 + 2).fails(1, &["\"VIP\" (100): ", "which this walk has already followed"]);
    the_calls_of_the_day_are_used_up: Case::page(2, Effect::errcode(45009))
        .of_first_tag().calls(1, 2).fails(75, &["no calls left today, with about 5 pages to go"]);
    the_account_may_not_read_tags: Case::page(1, Effect::errcode(48001))
        .of_first_tag().calls(1, 1).fails(1, &["errcode 48001", "must be verified"]);
    nothing_answers_any_more: Case::page(2, Effect::errcode(-1)).and(Fault::new(Endpoint::Tags, When::Call(2), Effect::status(503)))
        .and(Fault::new(Endpoint::Tags, When::Call(3), Effect::status(503))).of_first_tag().calls(1 + 2, 1 + 2).fails(75, &["the call for the tags failed"]);

    a_tag_that_is_deleted_while_it_is_read: Case::page(1, happens(Event::delete_tag(VIP)))
        .calls(TAGS_CALLS + PROBE, 2).lacks(25, "deleted");
    a_tag_that_is_unknown_but_named: Case::once(2, Effect::errcode(45159))
        .calls(TAGS_CALLS + PROBE, 2).fails(1, &["\"VIP\" (100): ", "errcode 45159"]);

    people_twice_in_a_page: Case::page(2, Effect::Duplicate(0..3));
    a_page_that_overlaps_with_the_one_before: Case::page(2, Effect::Overlap(4));
    a_page_that_ends_early_once: Case::once(3, Effect::EarlyEnd).calls(TAGS_CALLS, 3 + END_AGAIN + 1);
    a_page_cut_short: Case::page(2, Effect::Short(7)).calls(TAGS_CALLS, CALLS);
}

/// A reply with no tag at all, in the place of one about all tags.
fn no_tags(when: When) -> Fault {
    Fault::new(Endpoint::Tags, when, Effect::body(r#"{"tags":[]}"#))
}

#[test]
fn a_reply_without_any_tag_behind_one_that_had_some_is_asked_for_once_more() {
    for (call, odd) in [(2, "behind the people"), (3, "the next day")] {
        let project = project(tagged(three_tags()).fault(no_tags(When::Call(call))), BOTH);
        for date in [TODAY, TOMORROW] {
            project.clock.set(crate::support::noon(date));
            project.finish(&[]);
            let all = [complete(VIP, "VIP", 25), complete(SHOP, "店\"1\"", 30), complete(NOBODY, "empty", 0)];
            assert_eq!(tags(&project, date), all, "{odd}");
            assert_eq!(people(&project, date).len(), 2, "{odd}");
        }
        assert_eq!(calls(&project).0, 2 * TAGS_CALLS + 1, "{odd}");
    }
}

#[test]
fn replies_without_any_tag_delete_none_of_those_that_there_were_unless_a_person_says_so() {
    let project = project(tagged(three_tags()), BOTH);
    project.api().add_fault(no_tags(When::Call(2)));
    project.api().add_fault(no_tags(When::Call(3)));
    let gone = |ended: crate::support::Ended| {
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(
            ended.stderr.contains("WeChat lists no tag at all, not even one of its own, and did before"),
            "{ended:?}"
        );
        assert!(ended.stderr.contains("--accept-change"), "{ended:?}");
    };
    gone(project.run(&[]));
    assert!(!project.path("out").exists(), "nothing is published");
    project.api().clear_faults();
    project.finish(&[]);
    let published = people(&project, TODAY);
    assert_eq!(published.len(), 2);
    project.api().add_fault(no_tags(When::Always));
    project.clock.set(crate::support::noon(TOMORROW));
    gone(project.run(&[]));
    assert!(rows(&project, "tags", TOMORROW).is_empty() && people(&project, TODAY) == published);
    project.finish(&["--accept-change"]);
    assert!(rows(&project, "tags", TOMORROW).is_empty() && people(&project, TOMORROW).is_empty());
    // There is no tag that could be gone any more.
    project.finish(&["--fresh"]);
}

#[test]
fn a_person_who_leaves_before_their_page_is_not_in_the_list_and_the_new_count_agrees() {
    let project = project(tagged(three_tags()), BOTH);
    let last = project.api().roster(APP_ID).members(VIP).last().unwrap();
    let leaves = Fault::new(Endpoint::TagMembers, When::Page(1), happens(Event::leave([last]))).tag(VIP).times(1);
    project.api().add_fault(leaves);
    project.finish(&[]);
    let truth = truth(&project, VIP);
    assert_eq!((truth.len(), people(&project, TODAY)[&VIP] == truth), (24, true));
    assert_eq!(tags(&project, TODAY)[0], complete(VIP, "VIP", 24));
    // The count before has one person more, so the end is read twice.
    assert_eq!(calls(&project), (TAGS_CALLS, CALLS + END_AGAIN + OTHERS));
}

#[test]
fn a_person_who_leaves_behind_their_page_stays_in_the_list_and_the_old_count_agrees() {
    let project = project(tagged(three_tags()), BOTH);
    let before = truth(&project, VIP);
    let first = project.api().roster(APP_ID).members(VIP).next().unwrap();
    let leaves = Fault::new(Endpoint::TagMembers, When::Page(1), happens(Event::leave([first]))).tag(VIP).times(1);
    project.api().add_fault(leaves);
    project.finish(&[]);
    assert_eq!(people(&project, TODAY)[&VIP], before);
    assert_eq!(tags(&project, TODAY)[0], (VIP.into(), "VIP".to_owned(), 24, Some(25), "complete".to_owned()));
    assert_eq!(calls(&project), (TAGS_CALLS, CALLS + OTHERS));
}

#[test]
fn a_person_who_leaves_while_they_are_the_cursor_costs_a_page_that_is_read_again() {
    let project = project(tagged(three_tags()), BOTH);
    let before = truth(&project, VIP);
    let last_of_page_2 = project.api().roster(APP_ID).members(VIP).nth(2 * PAGE as usize - 1).unwrap();
    let leaves = Fault::new(Endpoint::TagMembers, When::Page(2), happens(Event::leave([last_of_page_2])));
    project.api().add_fault(leaves.tag(VIP).times(1));
    project.finish(&[]);
    assert_eq!(people(&project, TODAY)[&VIP], before);
    // The third page is refused, and the second one read again.
    assert_eq!(calls(&project), (TAGS_CALLS, CALLS + 2 + OTHERS));
}

#[test]
fn with_partial_the_other_tags_are_published_and_the_run_fails_and_says_which() {
    let busy = Fault::new(Endpoint::TagMembers, When::Page(2), Effect::errcode(-1)).tag(VIP);
    let project = project(tagged(three_tags()).fault(busy), BOTH);
    let set = ["--set", "tags.partial=true"];
    for round in ["the run", "the next run, which makes no call"] {
        let ended = project.run(&set);
        assert_eq!(ended.code, Some(1), "{round}: {ended:?}");
        assert!(
            ended.stderr.contains("the list lacks 1 tag that could not be read: \"VIP\" (100)"),
            "{round}: {ended:?}"
        );
        assert_eq!(people(&project, TODAY), [(SHOP, truth(&project, SHOP))].into());
        assert_eq!(tags(&project, TODAY)[0], (VIP.into(), "VIP".to_owned(), 25, None, "failed".to_owned()));
        assert_eq!(calls(&project), (TAGS_CALLS + PROBE, 1 + 2 + OTHERS), "{round}");
    }
    project.api().clear_faults();
    project.finish(&["--set", "tags.partial=true", "--fresh"]);
    assert_eq!(people(&project, TODAY).len(), 2);
    assert_eq!(tags(&project, TODAY)[0], complete(VIP, "VIP", 25));
}

#[test]
fn a_list_that_lacks_some_tags_counts_as_published_in_the_metrics_and_on_the_page() {
    let busy = Fault::new(Endpoint::TagMembers, When::Page(2), Effect::errcode(-1)).tag(VIP);
    let project = project(tagged(three_tags()).fault(busy), BOTH);
    for round in ["the run", "the next run, which makes no call"] {
        let ended = project.run(&["--set", "tags.partial=true", "--set", "metrics.path=fanout.prom"]);
        assert_eq!(ended.code, Some(1), "{round}: {ended:?}");
        let metrics = std::fs::read_to_string(project.path("fanout.prom")).unwrap();
        let is_success = |line: &&str| {
            line.starts_with("fanout_last_success_timestamp_seconds{") && line.contains("list=\"tag_members\"")
        };
        assert_eq!(metrics.lines().filter(is_success).count(), 1, "{round}: {metrics}");
        let page = project.fanout(&["report", "pipeline.toml", "--html", "-"]).good().stdout;
        assert_eq!(page.matches(">published without some tags<").count(), 2, "{round}: {page}");
        assert!(page.contains("All 2 accounts have their list"), "{round}: {page}");
    }
}

#[test]
fn with_partial_a_list_without_any_tag_is_not_published() {
    let busy = |tag| Fault::new(Endpoint::TagMembers, When::Page(1), Effect::errcode(-1)).tag(tag);
    let faults = [VIP, SHOP, NOBODY].map(busy);
    let simulator = faults.into_iter().fold(tagged(three_tags()), SimulatorBuilder::fault);
    let project = project(simulator, BOTH);
    let ended = project.run(&["--set", "tags.partial=true"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("3 of 3 tags cannot be read"), "{ended:?}");
    assert!(!project.path("out").exists(), "{ended:?}");
    project.api().clear_faults();
    project.finish(&[]);
    assert_eq!(people(&project, TODAY)[&VIP], truth(&project, VIP));
}

#[test]
fn with_fresh_the_tags_are_read_anew_also_for_the_list_that_is_made_of_them() {
    let busy = Fault::new(Endpoint::TagMembers, When::Page(2), Effect::errcode(-1)).tag(VIP);
    let only = "[sinks.tags]\ntype = 'ndjson'\nlist = 'tags'\noptions.root = 'out/tags'\n";
    let project = project(tagged(three_tags()).fault(busy), only);
    assert_eq!(project.run(&["--set", "tags.partial=true"]).code, Some(1));
    project.api().clear_faults();
    project.finish(&["--set", "tags.partial=true", "--fresh"]);
    assert_eq!(tags(&project, TODAY)[0], complete(VIP, "VIP", 25));
}

#[test]
fn a_reply_without_a_list_of_tags_deletes_none() {
    let once = Fault::new(Endpoint::Tags, When::Call(2), Effect::body(r#"{"errcode":0}"#)).times(1);
    let project = project(tagged(three_tags()).fault(once), BOTH);
    project.finish(&[]);
    assert_eq!(people(&project, TODAY)[&VIP], truth(&project, VIP));
    assert_eq!(tags(&project, TODAY)[0], complete(VIP, "VIP", 25));
}

#[test]
fn the_list_of_tags_waits_for_their_people_and_says_so() {
    let busy = Fault::new(Endpoint::TagMembers, When::Page(2), Effect::errcode(-1)).tag(VIP);
    let project = project(tagged(three_tags()).fault(busy), BOTH);
    let ended = project.run(&[]);
    assert!(ended.stderr.contains("there is no complete list `tag_members` of 2026-01-15"), "{ended:?}");
}
