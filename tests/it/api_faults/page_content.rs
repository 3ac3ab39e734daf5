//! Faults in what a page says: loops, overlaps, false ends, wrong counts, bytes that are no page.

use fanout::simulator::{PageStyle, Spacing};

use super::*;

const THREE_TRIES: u64 = 2 + 3;

/// A byte of a page that is part of an OpenID.
const WITHIN_AN_OPENID: usize = 50;

fn every_page(effect: Effect) -> Case {
    Case::every(Endpoint::UserGet, effect)
}

fn styled(style: PageStyle) -> Case {
    every_page(Effect::Style(style))
}

fn no_text() -> Effect {
    Effect::Overwrite { at: WITHIN_AN_OPENID, bytes: b"\xff".as_slice().into() }
}

/// Deeper than any stack.
const DEPTH: usize = 100_000;

fn nested() -> String {
    "[".repeat(DEPTH) + &"]".repeat(DEPTH)
}

/// An unknown key with this value stands before all others.
fn unknown_key(page: u64, value: &str) -> Case {
    let prefix = Effect::Prefix(format!("{{\"unknown\":{value},").into());
    Case::page(page, prefix).and(Fault::new(
        Endpoint::UserGet,
        When::Page(page),
        Effect::Overwrite { at: 0, bytes: b" ".as_slice().into() },
    ))
}

fn nested_total() -> Effect {
    Effect::body(format!("{{\"total\":{}}}", nested()))
}

const LOOP: &[&str] = &["page 4 (after o", "which this walk has already followed", "--fresh"];

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_another_account_stops_the_blacklist_and_says_so() {
    let other = Fault::new(Endpoint::Blacklist, When::Page(3), Effect::errcode(49003));
    let project = one_account(Listed::Blacklist.simulator().fault(other));
    let report = Listed::Blacklist.run(&project, &[]).await;
    failed(&project, &report, 1, &["errcode 49003", "check `app_id` and the credential of this account", "--fresh"]);
    assert_eq!(project.api().requests().blacklist, 3);
    Listed::Blacklist.goes_on(&project, &report, &[]).await;
}

cases! {
    a_loop_of_one_page: Case::page(4, Effect::RepeatPage(3)).fails(1, 3 + 3, LOOP);
    a_loop_of_two_pages: Case::page(4, Effect::RepeatPage(2)).fails(1, 3 + 3, LOOP);
    a_loop_to_the_beginning: Case::page(4, Effect::RepeatPage(1)).fails(1, 3 + 3, LOOP);
    a_loop_once: Case::once(4, Effect::RepeatPage(2)).publishes(CALLS + 1);
    followers_twice_in_a_page: Case::page(3, Effect::Duplicate(2..5)).publishes(CALLS);
    a_page_that_overlaps_with_the_one_before: Case::page(3, Effect::Overlap(4)).publishes(CALLS);
    every_page_overlaps_with_the_one_before: every_page(Effect::Overlap(4)).publishes(CALLS);
    a_page_that_repeats_the_one_before: Case::page(3, Effect::Overlap(PAGE_SIZE)).publishes(CALLS);
    a_page_that_repeats_the_whole_list: Case::page(5, Effect::Overlap(FOLLOWERS)).publishes(CALLS);

    // The last page and the end are read once more.
    an_end_too_early_once: Case::once(3, Effect::EarlyEnd).publishes(CALLS + 2);
    an_end_too_early_for_good: Case::page(3, Effect::EarlyEnd)
        .fails(1, 2 + 1 + 2, &["ended with 20 distinct followers, but WeChat states a total of 50", "`source.max_shortfall_percent`"]);
    an_end_at_once_for_good: Case::page(1, Effect::EarlyEnd).fails(1, 2, &["ended with 0 distinct followers", "total of 50"]);
    a_page_without_data_once: Case::once(3, Effect::MissingData).publishes(CALLS + 2);
    a_page_without_a_cursor_for_good: Case::page(3, Effect::NextOpenid(None)).fails(1, 3 + 1, &["ended with 30 distinct followers", "total of 50"]);
    the_last_page_without_a_cursor: Case::page(5, Effect::NextOpenid(Some(String::new()))).publishes(PAGES);
    an_end_without_a_total_once: Case::once(6, Effect::body(r#"{"count":0,"next_openid":""}"#)).publishes(CALLS + 1);
    an_end_without_a_total_for_good: Case::page(6, Effect::body(r#"{"count":0,"next_openid":""}"#)).fails(75, PAGES + 3, &["without an integer `total`"]);
    a_cursor_without_bounds_once: Case::once(3, Effect::NextOpenid(Some("x".repeat(2_000)))).publishes(CALLS + 1);
    a_cursor_of_nobody: Case::page(3, Effect::NextOpenid(Some("nobody".to_owned()))).fails(1, 3 + 1 + 3, &["no longer accepts the cursor"]);

    a_page_cut_short: Case::page(2, Effect::Short(7)).publishes(CALLS + 1);
    another_count_than_the_array_has: styled(PageStyle { count: Some(3), ..PageStyle::default() }).publishes(CALLS);
    a_total_that_falls: every_page(Effect::DriftTotal(-1)).publishes(CALLS);
    a_total_that_grows: every_page(Effect::DriftTotal(1)).fails(1, CALLS + 2, &["50 distinct followers", "total of 55"]);
    a_total_that_is_none_before_the_end: Case::page(3, Effect::Total(-1)).publishes(CALLS);

    no_text_once: Case::once(3, no_text()).publishes(CALLS + 1);
    no_text_for_good: Case::page(3, no_text()).fails(75, THREE_TRIES, &["page 3 (after o", "not UTF-8 at byte 50"]);
    no_text_behind_a_byte_order_mark: Case::page(3, no_text()).and(Fault::new(Endpoint::UserGet, When::Page(3), Effect::Prefix(b"\xef\xbb\xbf".as_slice().into())))
        .fails(75, THREE_TRIES, &["not UTF-8 at byte 50"]);
    escapes: styled(PageStyle { escaped: true, ..PageStyle::default() }).publishes(CALLS);
    white_space_and_unknown_keys: styled(PageStyle { spacing: Spacing::Pretty, extra_keys: true, ..PageStyle::default() }).publishes(CALLS);
    an_errcode_of_zero: styled(PageStyle { errcode_zero: true, ..PageStyle::default() }).publishes(CALLS);
    empty_openids: styled(PageStyle { empty_openids: 2, ..PageStyle::default() }).publishes(CALLS);
    deep_nesting_of_what_nobody_knows: unknown_key(3, &nested()).publishes(CALLS);
    deep_nesting_of_what_counts_once: Case::once(3, nested_total()).publishes(CALLS + 1);
    deep_nesting_of_what_counts_for_good: Case::page(3, nested_total()).fails(75, THREE_TRIES, &["the reply cannot be used", "recursion limit"]);
    a_list_instead_of_an_object_once: Case::once(3, Effect::body("[]")).publishes(CALLS + 1);
}
