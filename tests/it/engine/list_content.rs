//! Lists of all sizes and shapes arrive exact.

use fanout::simulator::{Effect, Endpoint, Fault, PageStyle, Simulator, Spacing, When};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_list_arrives_exact_and_in_order_with_one_call_a_page_and_one_for_the_end() {
    let project = one_account(Simulator::builder().followers(23_000));
    let report = project.engine_run().await;
    let snapshot = published(&report);
    assert_eq!(snapshot.rows, 23_000);
    assert_eq!((&snapshot.proof["total"], &snapshot.proof["duplicates"]), (&23_000.into(), &0.into()));
    assert_eq!(project.recorder.published("kept", "brand").unwrap(), project.truth());
    assert_eq!(project.calls(), pages(23_000, 10_000) + 1);
    assert_eq!(report.calls, project.calls());
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_every_small_size_arrive_exact() {
    for followers in [0, 1, 9, 10, 11, 20, 25] {
        let project = one_account(Simulator::builder().followers(followers).page_size(10));
        published(&project.engine_run().await);
        assert_eq!(project.recorder.published("kept", "brand").unwrap(), project.truth(), "{followers} followers");
        assert_eq!(project.calls(), pages(followers, 10) + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn however_a_page_is_written_it_means_the_same() {
    let styles = [
        PageStyle { spacing: Spacing::Pretty, extra_keys: true, ..PageStyle::default() },
        PageStyle { spacing: Spacing::Spaced, escaped: true, errcode_zero: true, ..PageStyle::default() },
        PageStyle { count: Some(3), empty_openids: 2, ..PageStyle::default() },
    ];
    for style in styles {
        let project = one_account(Simulator::builder().followers(250).page_size(100).page_style(style.clone()));
        let report = project.engine_run().await;
        assert_eq!(published(&report).proof["empty"], 3 * style.empty_openids as u64, "{style:?}");
        assert_eq!(project.recorder.published("kept", "brand").unwrap(), project.truth(), "{style:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_page_in_the_middle_does_not_end_the_list() {
    let short = Fault::new(Endpoint::UserGet, When::Page(2), Effect::Short(7));
    let project = one_account(Simulator::builder().followers(50).page_size(10).fault(short));
    published(&project.engine_run().await);
    assert_eq!(project.recorder.published("kept", "brand").unwrap(), project.truth());
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicates_are_dropped_and_the_first_one_stays() {
    // Page 2 has its first three followers twice.
    let twice = Fault::new(Endpoint::UserGet, When::Page(2), Effect::Duplicate(0..3));
    let project = one_account(Simulator::builder().followers(50).page_size(10).fault(twice));
    let report = project.engine_run().await;
    let snapshot = published(&report);
    assert_eq!((snapshot.rows, &snapshot.proof["duplicates"]), (50, &3.into()));
    assert_eq!(project.recorder.published("kept", "brand").unwrap(), project.truth());
    let story = ["kept open", "kept abort", "kept open", "kept prepare", "kept commit"];
    assert_eq!(project.recorder.story(), story, "what had streamed was taken back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_shortfall_is_complete_after_a_second_look_at_the_end() {
    for (total, complete) in [(101, true), (102, true), (103, false)] {
        let drift = Fault::new(Endpoint::UserGet, When::Always, Effect::Total(total));
        let project = one_account(Simulator::builder().followers(100).page_size(50).fault(drift));
        let report = project.engine_run().await;
        // Two pages and the end; then the last page and the end once more.
        assert_eq!(project.calls(), 5);
        if complete {
            assert_eq!(published(&report).proof["total"], total);
            assert_eq!(project.recorder.published("kept", "brand").unwrap(), project.truth());
        } else {
            failed(&report, 1, "ended with 100 distinct followers, but WeChat states a total of 103");
            assert_eq!(project.recorder.published("kept", "brand"), None);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_page_too_early_is_looked_at_again() {
    for effect in [Effect::EarlyEnd, Effect::MissingData] {
        let early = Fault::new(Endpoint::UserGet, When::Page(3), effect.clone()).times(1);
        let project = one_account(Simulator::builder().followers(50).page_size(10).fault(early));
        published(&project.engine_run().await);
        assert_eq!(project.recorder.published("kept", "brand").unwrap(), project.truth(), "{effect:?}");
        // Five pages and the end, the false end, and page 2 once more.
        assert_eq!(project.calls(), 5 + 1 + 2, "{effect:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_stays_cut_off_is_never_complete() {
    for effect in [Effect::EarlyEnd, Effect::NextOpenid(None), Effect::NextOpenid(Some(String::new()))] {
        let cut = Fault::new(Endpoint::UserGet, When::Page(3), effect.clone());
        let project = one_account(Simulator::builder().followers(50).page_size(10).fault(cut));
        let report = project.engine_run().await;
        failed(&report, 1, "WeChat states a total of 50");
        assert_eq!(project.recorder.published("kept", "brand"), None, "{effect:?}");
        // Without the cut, the next run has the whole list.
        project.api().clear_faults();
        published(&project.engine_run().await);
        assert_eq!(project.recorder.published("kept", "brand").unwrap(), project.truth(), "{effect:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_page_without_a_cursor_ends_the_list() {
    let last = Fault::new(Endpoint::UserGet, When::Page(5), Effect::NextOpenid(Some(String::new())));
    let project = one_account(Simulator::builder().followers(50).page_size(10).fault(last));
    published(&project.engine_run().await);
    assert_eq!(project.recorder.published("kept", "brand").unwrap(), project.truth());
    assert_eq!(project.calls(), 5, "no call for an end that was seen");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_without_a_total_is_no_end() {
    let end = Fault::new(Endpoint::UserGet, When::Page(6), Effect::body(r#"{"count":0,"next_openid":""}"#));
    let project = one_account(Simulator::builder().followers(50).page_size(10).fault(end.clone()));
    failed(&project.engine_run().await, 75, "without an integer `total`");
    let project = one_account(Simulator::builder().followers(50).page_size(10).fault(end.times(2)));
    published(&project.engine_run().await);
    assert_eq!(project.calls(), 6 + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_leads_back_is_never_followed() {
    let lead_back = Fault::new(Endpoint::UserGet, When::Page(4), Effect::RepeatPage(2));
    let project = one_account(Simulator::builder().followers(50).page_size(10).fault(lead_back.clone()));
    failed(&project.engine_run().await, 1, "which this walk has already followed");
    assert_eq!(project.calls(), 3 + 3, "three pages, and three tries of the fourth");
    let project = one_account(Simulator::builder().followers(50).page_size(10).fault(lead_back.times(1)));
    published(&project.engine_run().await);
    assert_eq!(project.recorder.published("kept", "brand").unwrap(), project.truth());
}
