//! Faults of the connection and of HTTP: statuses, redirects, resets, silence, encodings, sizes.

use std::time::{Duration, SystemTime};

use super::*;

/// Fewer bytes than a page has.
const SOME: usize = 40;

const GIB: u64 = 1 << 30;

/// The calls of a walk whose page 3 fails in all of its three tries, or in its only one.
const THREE_TRIES: u64 = 2 + 3;
const ONE_TRY: u64 = 2 + 1;

const IDLE: &str = "source.idle_timeout_secs=1";

fn drip(bytes: usize, pause_ms: u64) -> Effect {
    Effect::Drip { bytes, pause: Duration::from_millis(pause_ms) }
}

fn retry_after(value: &str) -> Effect {
    Effect::Http { status: 429, headers: vec![("retry-after".to_owned(), value.to_owned())], body: "".into() }
}

fn also(effect: Effect) -> Fault {
    Fault::new(Endpoint::UserGet, When::Page(3), effect)
}

cases! {
    status_500_once: Case::once(3, Effect::status(500)).publishes(CALLS + 1);
    status_502_with_html_once: Case::once(3, Effect::html(502)).publishes(CALLS + 1);
    status_503_for_good: Case::page(3, Effect::status(503)).fails(75, THREE_TRIES, &["HTTP status 503", "cannot answer now"]);
    status_404: Case::page(3, Effect::status(404)).fails(1, ONE_TRY, &["HTTP status 404", "`source.base_url`"]);
    status_412: Case::page(3, Effect::status(412)).fails(1, ONE_TRY, &["HTTP status 412", "`Content-Length`"]);
    status_204: Case::page(3, Effect::status(204)).fails(1, ONE_TRY, &["HTTP status 204"]);

    retry_after_nothing: Case::once(3, Effect::too_many_requests(0)).publishes(CALLS + 1);
    retry_after_a_second: Case::once(3, Effect::too_many_requests(1)).publishes(CALLS + 1);
    retry_after_a_date: Case::once(3, Effect::too_many_requests_until(SystemTime::now() + Duration::from_secs(1))).publishes(CALLS + 1);
    retry_after_a_date_in_the_past: Case::once(3, Effect::too_many_requests_until(SystemTime::UNIX_EPOCH)).publishes(CALLS + 1);
    retry_after_a_century: Case::page(3, Effect::too_many_requests(3_155_760_000)).fails(75, ONE_TRY, &["HTTP status 429"]);
    retry_after_more_than_time_has: Case::page(3, retry_after("18446744073709551615")).fails(75, ONE_TRY, &["HTTP status 429"]);
    retry_after_nonsense: Case::once(3, retry_after("soon")).publishes(CALLS + 1);

    redirect_for_now: Case::page(3, Effect::redirect("http://127.0.0.1:9/")).fails(1, ONE_TRY, &["status 302", "the token would travel with it"]);
    redirect_to_itself: Case::page(3, Effect::redirect("/cgi-bin/user/get")).fails(1, ONE_TRY, &["the token would travel with it"]);
    redirect_for_good: Case::page(3, Effect::status(308)).fails(1, ONE_TRY, &["status 308", "`source.base_url`"]);

    reset_before_the_headers: Case::once(3, Effect::Reset).publishes(CALLS + 1);
    reset_after_the_headers: Case::once(3, Effect::ResetAfter(0)).publishes(CALLS + 1);
    reset_within_the_body: Case::once(3, Effect::ResetAfter(SOME)).publishes(CALLS + 1);
    reset_for_good: Case::page(3, Effect::Reset).fails(75, THREE_TRIES, &["the connection failed", "check the network"]);
    closed_before_the_headers: Case::once(3, Effect::Close).publishes(CALLS + 1);
    closed_after_the_headers: Case::once(3, Effect::Truncate(0)).publishes(CALLS + 1);
    closed_within_the_body: Case::once(3, Effect::Truncate(SOME)).publishes(CALLS + 1);
    closed_for_good: Case::page(3, Effect::Truncate(SOME)).fails(75, THREE_TRIES, &["cannot be read to the end"]);
    closed_while_nobody_asks: Case::every(Endpoint::UserGet, Effect::CloseIdle).publishes(CALLS);
    reset_one_call_in_four:
        Case::of(Fault::new(Endpoint::UserGet, When::Every(4), Effect::Reset)).publishes(CALLS + 1);

    reset_at_random:
        Case::of(Fault::new(Endpoint::UserGet, When::Chance { probability: 0.4, seed: 6 }, Effect::Reset)).publishes(CALLS + 5);

    html_instead_of_a_page_once: Case::once(3, Effect::html(200)).publishes(CALLS + 1);
    html_instead_of_a_page_for_good: Case::page(3, Effect::html(200)).fails(75, THREE_TRIES, &["the reply cannot be used", "line 1 column 1"]);
    nothing_instead_of_a_page_once: Case::once(3, Effect::body("")).publishes(CALLS + 1);
    nothing_instead_of_a_page_for_good: Case::page(3, Effect::body("")).fails(75, THREE_TRIES, &["the reply cannot be used"]);
    something_behind_the_page_once: Case::once(3, Effect::body(r#"{"total":50,"count":0,"next_openid":""}{}"#)).publishes(CALLS + 1);
    another_content_type: Case::every(Endpoint::UserGet, Effect::ContentType("text/plain".to_owned())).publishes(CALLS);
    a_byte_order_mark: Case::every(Endpoint::UserGet, Effect::Prefix(b"\xef\xbb\xbf".as_slice().into())).publishes(CALLS);
    two_byte_order_marks: Case::page(3, Effect::Prefix(b"\xef\xbb\xbf\xef\xbb\xbf".as_slice().into())).fails(75, THREE_TRIES, &["cannot be used"]);
    a_byte_order_mark_of_the_token_call: Case::every(Endpoint::StableToken, Effect::Prefix(b"\xef\xbb\xbf".as_slice().into())).publishes(CALLS);

    gzip: Case::every(Endpoint::UserGet, Effect::Gzip).publishes(CALLS);
    gzip_cut_off_once: Case::page(3, Effect::Gzip).and(also(Effect::Truncate(SOME)).times(1)).publishes(CALLS + 1);
    gzip_that_is_none_once: Case::once(3, Effect::Http {
        status: 200, headers: vec![("content-encoding".to_owned(), "gzip".to_owned())], body: "no gzip".into(),
    }).publishes(CALLS + 1);
    chunked: Case::every(Endpoint::UserGet, Effect::Chunked).publishes(CALLS);
    chunked_and_cut_off_once: Case::page(3, Effect::Chunked).and(also(Effect::Truncate(SOME)).times(1)).publishes(CALLS + 1);

    a_reply_of_two_gib: Case::page(3, Effect::Huge(2 * GIB)).fails(1, ONE_TRY, &["longer than 8388608 bytes", "`source.max_reply_bytes`"]);
    a_gzip_bomb_of_one_gib: Case::page(3, Effect::GzipBomb(GIB)).fails(1, ONE_TRY, &["longer than 8388608 bytes"]);
    a_token_reply_of_two_gib: Case::every(Endpoint::StableToken, Effect::Huge(2 * GIB)).fails(1, 0, &["longer than 8388608 bytes"]);

    silence_before_the_headers_once: Case::once(3, Effect::Delay(Duration::from_secs(5))).set(&[IDLE]).publishes(CALLS + 1);
    silence_after_the_headers_once: Case::once(3, Effect::Stall).set(&[IDLE]).publishes(CALLS + 1);
    silence_for_good: Case::page(3, Effect::Stall).set(&[IDLE]).fails(75, THREE_TRIES, &["no reply in time", "check the network"]);
    a_slow_drip_is_waited_for: Case::page(3, drip(60, 250)).set(&[IDLE]).publishes(CALLS);
    a_slow_drip_has_an_end: Case::page(3, drip(10, 250)).set(&[IDLE, "source.total_timeout_secs=2", "source.retry.attempts=1"])
        .fails(75, ONE_TRY, &["no reply in time"]);
}
