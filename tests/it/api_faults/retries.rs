//! Which failures are tried again and which end a run, and how many calls each one takes.

use fanout::engine::RunOptions;
use fanout::simulator::{Effect, Endpoint, Fault, Simulator, SimulatorBuilder, TOKEN_MARKER, When};

use crate::engine::{APP_ID, failed, one_account, published};
use crate::support::ONE_SINK;

/// A list of five pages; with its end, six calls.
fn five_pages() -> SimulatorBuilder {
    Simulator::builder().followers(50).page_size(10)
}

fn at_page(page: u64, effect: Effect) -> Fault {
    Fault::new(Endpoint::UserGet, When::Page(page), effect)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_pass_is_tried_again() {
    let effects = [
        Effect::errcode(-1),
        Effect::status(500),
        Effect::html(502),
        Effect::html(200),
        Effect::body(""),
        Effect::Truncate(40),
        Effect::Reset,
        Effect::too_many_requests(0),
    ];
    for effect in effects {
        let project = one_account(five_pages().fault(at_page(3, effect.clone()).times(2)));
        published(&project.engine_run().await);
        assert_eq!(project.recorder.published("kept", "brand").unwrap(), project.truth(), "{effect:?}");
        assert_eq!(project.calls(), 6 + 2, "{effect:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_pass_ends_in_an_error_and_the_next_run_goes_on() {
    let effects =
        [(Effect::errcode(-1), 75), (Effect::status(503), 75), (Effect::errcode(48001), 1), (Effect::status(404), 1)];
    for (effect, exit) in effects {
        let project = one_account(five_pages().fault(at_page(4, effect.clone())));
        let report = project.engine_run().await;
        assert_eq!(report.exit.code(), exit, "{report:#?}");
        assert!(report.hint.is_some(), "{report:#?}");
        assert_eq!(project.recorder.published("kept", "brand"), None);
        let calls = project.calls();
        project.api().clear_faults();
        published(&project.engine_run().await);
        assert_eq!(project.recorder.published("kept", "brand").unwrap(), project.truth(), "{effect:?}");
        // Page 3 once more, then pages 4 and 5 and the end.
        assert_eq!(project.calls() - calls, 4, "{effect:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_that_was_cut_off_after_any_page_goes_on_with_one_call_more() {
    for page in 1..=6 {
        let project = one_account(five_pages().fault(at_page(page, Effect::errcode(45009))));
        failed(&project.engine_run().await, 75, "45009");
        project.api().clear_faults();
        published(&project.engine_run().await);
        assert_eq!(project.recorder.published("kept", "brand").unwrap(), project.truth());
        // The refused call, and the boundary page once more, unless there was none yet.
        assert_eq!(project.calls(), 6 + 1 + u64::from(page > 1), "cut off at page {page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_expires_is_renewed_once_for_a_call() {
    let project = one_account(five_pages().fault(at_page(3, Effect::ExpireToken).times(1)));
    published(&project.engine_run().await);
    assert_eq!(project.recorder.published("kept", "brand").unwrap(), project.truth());
    assert_eq!((project.calls(), project.api().requests().stable_token), (7, 2));

    let project = one_account(five_pages().fault(at_page(3, Effect::ExpireToken)));
    failed(&project.engine_run().await, 1, "42001");
    assert_eq!((project.calls(), project.api().requests().stable_token), (4, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_given_is_used_and_never_renewed() {
    let project = one_account(five_pages());
    let head = project.file().replace("secret = { env = 'TEST_SECRET' }", "token = { file = 'token' }");
    let token = project.path("token");
    std::fs::write(&token, project.api().issue_token(APP_ID) + "\n").unwrap();
    let run = async || {
        project.engine_run_file(&(head.clone() + ONE_SINK), RunOptions::default()).await.unwrap().accounts.remove(0)
    };
    published(&run().await);
    assert_eq!(project.api().requests().stable_token, 0);

    std::fs::write(&token, "stale\n").unwrap();
    let fresh = RunOptions::default().with_fresh();
    let report = project.engine_run_file(&(head.clone() + ONE_SINK), fresh).await.unwrap().accounts.remove(0);
    failed(&report, 1, "the token from the file");
    assert!(report.hint.unwrap().contains("does not renew"));
    assert_eq!(project.api().requests().stable_token, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_stops_at_once_and_says_so() {
    let project = one_account(five_pages().secret(APP_ID, "another secret"));
    let report = project.engine_run().await;
    failed(&report, 1, "40125");
    assert!(report.hint.unwrap().contains("app_id"));
    assert_eq!((project.calls(), project.api().requests().stable_token), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_cursor_is_never_skipped() {
    // WeChat forgets the cursor behind page 3, and gives another one when page 3 is read again.
    let project = one_account(five_pages().fault(at_page(4, Effect::errcode(40003))));
    let report = project.engine_run().await;
    failed(&report, 1, "no longer accepts the cursor");
    assert!(report.hint.unwrap().contains("--fresh"));
    assert_eq!(project.recorder.published("kept", "brand"), None);
    assert!(project.calls() <= 3 + 1 + 3, "{} calls", project.calls());

    project.api().clear_faults();
    published(&project.engine_run().await);
    assert_eq!(project.recorder.published("kept", "brand").unwrap(), project.truth());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_boundary_page_that_has_changed_is_read_on_from_where_it_leads_now() {
    let project = one_account(five_pages().fault(at_page(4, Effect::errcode(40003)).times(1)).fault(
        // When page 3 is read again it is shorter, and so gives another cursor.
        Fault::new(Endpoint::UserGet, When::Call(5), Effect::Short(4)),
    ));
    let report = project.engine_run().await;
    assert_eq!(published(&report).proof["duplicates"], 10, "everyone in the first version of page 3 comes again");
    assert_eq!(project.recorder.published("kept", "brand").unwrap(), project.truth());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_is_too_long_is_refused_and_not_repeated() {
    let project = one_account(five_pages().fault(at_page(2, Effect::Huge(20 << 20))));
    let report = project.engine_run().await;
    failed(&report, 1, "longer than 8388608 bytes");
    assert_eq!(project.calls(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed() {
    let project = one_account(five_pages().fault(at_page(2, Effect::redirect("http://127.0.0.1:9/elsewhere"))));
    failed(&project.engine_run().await, 1, "redirect");
    assert_eq!(project.calls(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_error_shows_a_token_or_a_secret() {
    for effect in
        [Effect::errcode(48001), Effect::Reset, Effect::html(200), Effect::Truncate(9), Effect::redirect("http://x/")]
    {
        let project = one_account(five_pages().fault(at_page(2, effect)));
        let report = project.engine_run().await;
        let text = format!("{report:?} {}", serde_json::to_string(&report).unwrap());
        assert!(!text.contains(TOKEN_MARKER) && !text.contains("5ec4e7"), "{text}");
    }
}
