//! Replies with an `errcode`.

use fanout::wechat::{ApiError, Cursor};

use super::*;

fn errcode(code: i64) -> Effect {
    Effect::errcode(code)
}

/// The calls of a walk whose page 3 fails in all of its three tries, or in its only one.
const UNTIL_PAGE_3: u64 = 2;
const THREE_TRIES: u64 = UNTIL_PAGE_3 + 3;
const ONE_TRY: u64 = UNTIL_PAGE_3 + 1;

cases! {
    busy_once: Case::once(3, errcode(-1)).publishes(CALLS + 1);
    busy_for_good: Case::page(3, errcode(-1)).fails(75, THREE_TRIES, &["page 3 (after o", "3 tries", "errcode -1: ", "rid: "]);
    busy_by_its_other_number: Case::once(3, errcode(61450)).publishes(CALLS + 1);
    busy_every_third_call: Case::of(Fault::new(Endpoint::UserGet, When::Every(3), errcode(-1))).publishes(CALLS + 2);
    busy_more_often_than_a_walk_may_retry:
        Case::of(Fault::new(Endpoint::UserGet, When::Every(2), errcode(-1))).set(&["source.retry.walk_budget=2"])
            .fails(75, 6, &["the walk has used up its 2 retries", "errcode -1", "`source.retry.walk_budget`"]);
    no_retry_at_all: Case::page(3, errcode(-1)).set(&["source.retry.walk_budget=0"]).fails(75, ONE_TRY, &["its 0 retries"]);

    minute_quota_once: Case::once(3, errcode(45011)).set(&["source.retry.minute_secs=1"]).publishes(CALLS + 1);
    minute_quota_for_good: Case::page(3, errcode(45011)).set(&["source.retry.minute_secs=1"])
        .fails(75, THREE_TRIES, &["errcode 45011", "too many calls in this minute"]);
    minute_quota_longer_than_the_patience: Case::page(3, errcode(45011))
        .set(&["source.retry.minute_secs=86400", "source.retry.budget_secs=1"]).fails(75, ONE_TRY, &["errcode 45011"]);

    day_quota_at_the_first_page: Case::page(1, errcode(45009)).fails(75, 1, &["no calls left today: ", "errcode 45009", "rid: "]);
    day_quota_in_the_middle: Case::page(3, errcode(45009))
        .fails(75, ONE_TRY, &["with about 3 pages to go", "with 3 calls for the list in this run", "00:00 in Beijing (", "16:00 UTC)"]);
    day_quota_at_the_last_page: Case::page(5, errcode(45009)).fails(75, 5, &["with about 1 page to go"]);
    day_quota_at_the_end: Case::page(6, errcode(45009)).fails(75, CALLS, &["with only the end of the list to go"]);
    day_quota_of_the_token_call: Case::every(Endpoint::StableToken, errcode(45009)).fails(75, 0, &["no calls left today"]);

    token_expired_once: Case::once(3, Effect::ExpireToken).publishes(CALLS + 1);
    token_expired_for_good: Case::page(3, Effect::ExpireToken).fails(1, UNTIL_PAGE_3 + 2, &["errcode 42001"]);
    token_not_the_latest_once: Case::once(3, errcode(40001)).publishes(CALLS + 1);
    token_not_the_latest_for_good: Case::page(3, errcode(40001)).fails(1, UNTIL_PAGE_3 + 2, &["errcode 40001"]);
    token_illegal_once: Case::once(3, errcode(40014)).publishes(CALLS + 1);
    token_illegal_for_good: Case::page(3, errcode(40014)).fails(1, UNTIL_PAGE_3 + 2, &["errcode 40014"]);
    token_refused_at_two_pages: Case::once(2, errcode(40001)).and(Fault::new(Endpoint::UserGet, When::Page(4), errcode(42001)).times(1))
        .publishes(CALLS + 2);
    token_missing: Case::page(3, errcode(41001)).fails(1, ONE_TRY, &["errcode 41001", "report this as a defect"]);

    // The page before is read again and gives the same cursor; so does each page before it.
    cursor_refused: Case::page(4, errcode(40003)).fails(1, 3 + 1 + 3, &["no longer accepts the cursor o",
        " of page 4, and the 3 pages before it, read again, lead to no other: WeChat answered errcode 40003: ", "rid: ", "--fresh"]);
    cursor_refused_behind_the_first_page: Case::page(2, errcode(40003)).fails(1, 1 + 1 + 1, &[" of page 2, and the page before it, read again,"]);
    cursor_refused_at_the_first_page: Case::page(1, errcode(40003))
        .fails(1, 1, &["WeChat refuses the first page, which was asked for without a cursor: WeChat answered errcode 40003: ", "rid: "]);

    address_unknown_to_the_token_call: Case::every(Endpoint::StableToken, errcode(40164))
        .fails(1, 0, &["errcode 40164", "add `127.0.0.1` to the IP allow list", "mp.weixin.qq.com"]);
    address_not_registered: Case::page(3, errcode(61004)).fails(1, ONE_TRY, &["errcode 61004", "add `127.0.0.1`"]);
    address_not_allowed: Case::page(3, errcode(45035)).fails(1, ONE_TRY, &["errcode 45035", "add `127.0.0.1`"]);
    address_to_be_confirmed: Case::every(Endpoint::StableToken, errcode(89503))
        .fails(1, 0, &["errcode 89503", "127.0.0.1", "an administrator of the account must confirm"]);

    unauthorized: Case::page(1, errcode(48001)).fails(1, 1, &["errcode 48001", "must be verified"]);
    unauthorized_by_the_user: Case::page(1, errcode(50001)).fails(1, 1, &["errcode 50001", "must be verified"]);
    platform_without_the_permission: Case::page(1, errcode(61007)).fails(1, 1, &["permission set 2 or 100"]);
    authorization_withdrawn: Case::page(3, errcode(61023)).fails(1, ONE_TRY, &["authorise the platform again"]);
    password_changed: Case::page(3, errcode(42007)).fails(1, ONE_TRY, &["authorise the platform again"]);
    api_banned: Case::page(3, errcode(48004)).fails(1, ONE_TRY, &["errcode 48004", "has banned this API"]);
    account_closed: Case::page(3, errcode(50002)).fails(1, ONE_TRY, &["frozen, migrated or closed"]);
    wrong_app_id: Case::every(Endpoint::StableToken, errcode(40013)).fails(1, 0, &["errcode 40013", "check `app_id` and the secret"]);
    wrong_secret: Case::every(Endpoint::StableToken, errcode(40125)).fails(1, 0, &["errcode 40125", "check `app_id` and the secret"]);
    secret_frozen: Case::every(Endpoint::StableToken, errcode(40243)).fails(1, 0, &["unfreeze it"]);
    wrong_secret_by_its_other_number: Case::every(Endpoint::StableToken, errcode(40001))
        .fails(1, 0, &["the call for a token failed after 1 try", "the secret is wrong"]);
    app_id_missing: Case::every(Endpoint::StableToken, errcode(41002)).fails(1, 0, &["errcode 41002"]);
    a_number_that_nobody_knows: Case::page(3, errcode(99_999)).fails(1, ONE_TRY, &["errcode 99999", "rid: ", "return codes"]);
    a_zero_that_is_text: Case::once(3, Effect::body(r#"{"errcode":"45009","errmsg":"as text"}"#)).fails(75, ONE_TRY, &["errcode 45009: as text"]);

    token_call_busy_once: Case::of(Fault::new(Endpoint::StableToken, When::Call(1), errcode(-1))).publishes(CALLS);
    token_call_resets: Case::of(Fault::new(Endpoint::StableToken, When::Call(1), Effect::Reset)).publishes(CALLS);
    token_call_for_good: Case::every(Endpoint::StableToken, Effect::status(503)).fails(75, 0, &["the call for a token failed after 3 tries"]);
    token_reply_without_token: Case::every(Endpoint::StableToken, Effect::body("{}")).fails(75, 0, &["no `access_token` in it"]);
}

const RID: &str = "61d3e476-294654f3-4d3917ee";

/// The page in the middle at which every code is answered.
const MIDDLE: u64 = 4;

/// Answers `code` to the calls of `endpoint`, runs, and returns error and hint.
async fn said(code: i64, endpoint: Endpoint, when: When, replace: [&str; 2]) -> String {
    let body = serde_json::json!({ "errcode": code, "errmsg": format!("a text rid: {RID}") }).to_string();
    let fault = Fault::new(endpoint, when, Effect::body(body));
    let project = one_account(Simulator::builder().followers(FOLLOWERS).page_size(PAGE_SIZE).fault(fault));
    let text = project.file().replace(replace[0], replace[1]) + ONE_SINK;
    let once = ["source.retry.attempts=1".to_owned()];
    let report = project.engine_run_set(&text, &once, RunOptions::default()).await.unwrap();
    let report = &report.accounts[0];
    assert_eq!(project.recorder.published("kept", "brand"), None, "{code}");
    let said = format!("{}\n{}", report.error.as_deref().unwrap(), report.hint.as_deref().unwrap());
    assert!(said.contains(&format!("errcode {code}: a text rid: {RID}")), "{code}: {said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn every_code_is_named_with_its_rid_and_the_cursor_that_it_answers() {
    let secret = ["secret", "secret"];
    let given = ["secret = { env = 'TEST_SECRET' }", "token = { env = 'TOKEN' }"];
    let truth = one_account(Simulator::builder().followers(FOLLOWERS).page_size(PAGE_SIZE)).truth();
    let cursor = Cursor::after(&truth[(PAGE_SIZE * (MIDDLE - 1)) as usize - 1]).unwrap();
    // The cursors of the simulator begin alike, and the name of a cursor is its beginning.
    let cursor = cursor.to_string();
    let codes: Vec<i64> = ApiError::known_codes().chain([12_345]).collect();
    assert!(codes.len() > 30);
    for code in codes {
        said(code, Endpoint::StableToken, When::Always, secret).await;
        for credential in [secret, given] {
            said(code, Endpoint::UserGet, When::Page(1), credential).await;
            let said = said(code, Endpoint::UserGet, When::Page(MIDDLE), credential).await;
            assert!(said.contains(&format!("page {MIDDLE}")) && said.contains(&cursor), "{code}: {said}");
        }
    }
}
