//! The simulator, called by a real HTTP client.

mod blacklist;
mod nights;
mod profiles;
mod tags;
mod timeline;

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::{Client, Response};
use serde_json::{Value, json};

use super::*;

const APP_ID: &str = "wx0123456789abcdef";
const BOM: &[u8] = b"\xef\xbb\xbf";

/// A client of one account.
struct Visitor {
    client: Client,
    base_url: String,
    token: String,
}

impl Visitor {
    fn new(simulator: &SimulatorHandle) -> Self {
        Self::of(simulator, APP_ID)
    }

    fn of(simulator: &SimulatorHandle, app_id: &str) -> Self {
        // reqwest wants a provider even for plain HTTP. Another test may have installed it before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
        Self { client, base_url: simulator.base_url(), token: simulator.issue_token(app_id) }
    }

    async fn get(&self, path: &str) -> reqwest::Result<Response> {
        self.client.get(format!("{}{path}", self.base_url)).send().await
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.client.post(format!("{}{path}", self.base_url)).body(body.to_string());
        json_of(request.send().await.unwrap()).await
    }

    async fn try_page(&self, cursor: &str) -> reqwest::Result<Response> {
        self.get(&format!("/cgi-bin/user/get?access_token={}&next_openid={cursor}", self.token)).await
    }

    async fn text(&self, cursor: &str) -> String {
        self.try_page(cursor).await.unwrap().text().await.unwrap()
    }

    async fn page(&self, cursor: &str) -> Value {
        serde_json::from_str(&self.text(cursor).await).unwrap()
    }

    /// Walks as a client should: to the page without followers.
    async fn walk(&self) -> Vec<String> {
        let mut list = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.page(&cursor).await;
            let openids = openids(&page);
            if openids.is_empty() {
                return list;
            }
            list.extend(openids);
            page["next_openid"].as_str().unwrap().clone_into(&mut cursor);
        }
    }
}

async fn json_of(response: Response) -> Value {
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

fn openids(page: &Value) -> Vec<String> {
    let list = page["data"]["openid"].as_array();
    list.into_iter().flatten().map(|openid| openid.as_str().unwrap().to_owned()).collect()
}

async fn started(builder: SimulatorBuilder) -> (SimulatorHandle, Visitor) {
    let simulator = builder.start().await.unwrap();
    let visitor = Visitor::new(&simulator);
    (simulator, visitor)
}

/// Starts a simulator of 30 followers in pages of ten, with this effect on all calls for pages.
async fn faulty(effect: Effect) -> (SimulatorHandle, Visitor) {
    let fault = Fault::new(Endpoint::UserGet, When::Always, effect);
    started(Simulator::builder().followers(30).page_size(10).fault(fault)).await
}

#[tokio::test]
async fn a_walk_finds_every_follower_in_order() {
    let (simulator, visitor) = started(Simulator::builder().followers(23_000)).await;
    let list = visitor.walk().await;
    assert!(simulator.followers(APP_ID).iter().eq(list));
    let pages = 23_000_u64.div_ceil(10_000);
    assert_eq!(simulator.requests(), RequestCounts { user_get: pages + 1, ..RequestCounts::default() });
    assert_eq!(simulator.user_get_calls(APP_ID), pages + 1);
    let starts: Vec<_> = simulator.log().into_iter().map(|call| (call.page, call.start)).collect();
    let expected = [(1, 0), (2, 10_000), (3, 20_000), (4, 23_000)];
    assert_eq!(starts, expected.map(|(page, start)| (Some(page), Some(start))));
}

#[tokio::test]
async fn the_last_page_and_the_end_are_what_wechat_sends() {
    let (simulator, visitor) = started(Simulator::builder().followers(1)).await;
    let openid = simulator.followers(APP_ID).openid(0);
    let response = visitor.try_page("").await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json; encoding=utf-8");
    let length: usize = response.headers()["content-length"].to_str().unwrap().parse().unwrap();
    let body = response.text().await.unwrap();
    assert_eq!(length, body.len());
    assert_eq!(body, format!(r#"{{"total":1,"count":1,"data":{{"openid":["{openid}"]}},"next_openid":"{openid}"}}"#));
    assert_eq!(visitor.text(&openid).await, r#"{"total":1,"count":0,"next_openid":""}"#);
}

#[tokio::test]
async fn an_account_without_followers_is_at_its_end_at_once() {
    let (_simulator, visitor) = started(Simulator::builder().followers(0)).await;
    assert_eq!(visitor.text("").await, r#"{"total":0,"count":0,"next_openid":""}"#);
}

#[tokio::test]
async fn any_follower_is_a_cursor_and_nobody_else_is() {
    let (simulator, visitor) = started(Simulator::builder().followers(30).page_size(10)).await;
    let followers = simulator.followers(APP_ID);
    let page = visitor.page(&followers.openid(4)).await;
    assert!(openids(&page).into_iter().eq(followers.range(5..15)));
    let other_account = simulator.followers("wxother").openid(4);
    for cursor in ["undefined", &followers.openid(30), &other_account] {
        let error = visitor.page(cursor).await;
        assert_eq!(error["errcode"], 40003, "{cursor}");
    }
}

#[tokio::test]
async fn ten_million_followers_need_no_walk_to_reach_the_last_page() {
    let (simulator, visitor) = started(Simulator::builder().followers(10_000_000)).await;
    let followers = simulator.followers(APP_ID);
    let page = visitor.page(&followers.openid(9_989_999)).await;
    assert_eq!(page["total"], 10_000_000);
    assert!(openids(&page).into_iter().eq(followers.range(9_990_000..10_000_000)));
    let end = visitor.page(page["next_openid"].as_str().unwrap()).await;
    assert_eq!(end["next_openid"], "");
}

#[tokio::test]
async fn each_account_has_its_own_followers() {
    let builder = Simulator::builder().followers(7).account("wxlarge", 11);
    let (simulator, visitor) = started(builder).await;
    let large = Visitor::of(&simulator, "wxlarge").walk().await;
    let list = visitor.walk().await;
    assert_eq!((list.len(), large.len()), (7, 11));
    assert!(list.iter().all(|openid| !large.contains(openid)));
    assert_eq!((simulator.user_get_calls(APP_ID), simulator.user_get_calls("wxlarge")), (2, 2));
}

#[tokio::test]
async fn stable_tokens_are_stable_and_classic_ones_are_new_each_time() {
    let (simulator, visitor) = started(Simulator::builder()).await;
    let body = json!({"grant_type": "client_credential", "appid": APP_ID, "secret": "s", "force_refresh": false});
    let stable = visitor.post("/cgi-bin/stable_token", &body).await;
    assert_eq!(stable["access_token"], visitor.token);
    assert!(visitor.token.starts_with(TOKEN_MARKER));
    assert!((7_190..=7_200).contains(&stable["expires_in"].as_u64().unwrap()), "{stable}");

    let path = format!("/cgi-bin/token?grant_type=client_credential&appid={APP_ID}&secret=s");
    let first = json_of(visitor.get(&path).await.unwrap()).await;
    let second = json_of(visitor.get(&path).await.unwrap()).await;
    assert_eq!(first["expires_in"], 7_200);
    assert_ne!(first["access_token"], second["access_token"]);
    assert_eq!(simulator.requests(), RequestCounts { token: 2, stable_token: 1, ..RequestCounts::default() });
}

/// A body that hides its length, so that a client must send it in chunks.
struct LengthUnknown(http_body_util::Full<Bytes>);

impl hyper::body::Body for LengthUnknown {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.0).poll_frame(context)
    }
}

#[tokio::test]
async fn a_post_without_a_length_is_412_with_nothing() {
    let (_simulator, visitor) = started(Simulator::builder()).await;
    let without_length = LengthUnknown(http_body_util::Full::from("{}"));
    let body = reqwest::Body::wrap(without_length);
    let request = visitor.client.post(format!("{}/cgi-bin/stable_token", visitor.base_url)).body(body);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 412);
    assert_eq!(response.text().await.unwrap(), "");
}

#[tokio::test]
async fn wrong_credentials_have_the_codes_of_wechat() {
    let (_simulator, visitor) = started(Simulator::builder().secret(APP_ID, "right")).await;
    let credentials = |secret: &str| json!({"grant_type": "client_credential", "appid": APP_ID, "secret": secret});
    for (body, code) in [
        (credentials("wrong"), 40125),
        (credentials(""), 41004),
        (json!({"grant_type": "other", "appid": APP_ID, "secret": "right"}), 40002),
        (json!({"grant_type": "client_credential", "secret": "right"}), 41002),
        (json!("no object"), 47001),
    ] {
        let reply = visitor.post("/cgi-bin/stable_token", &body).await;
        assert_eq!(reply["errcode"], code, "{body}");
    }
    let reply = visitor.post("/cgi-bin/stable_token", &credentials("right")).await;
    assert_eq!(reply["access_token"], visitor.token);
}

#[tokio::test]
async fn a_missing_an_unknown_and_an_expired_token_are_refused() {
    let (simulator, mut visitor) = started(Simulator::builder()).await;
    simulator.expire_tokens(APP_ID);
    let expired = visitor.page("").await;
    assert_eq!(expired["errcode"], 42001);
    let text = expired["errmsg"].as_str().unwrap();
    let (message, rid) = text.split_once(" rid: ").unwrap();
    assert_eq!(message, "access_token expired");
    assert_eq!(rid.split('-').map(str::len).collect::<Vec<_>>(), [8, 8, 8]);

    visitor.token = "unknown".to_owned();
    assert_eq!(visitor.page("").await["errcode"], 40001);
    visitor.token = String::new();
    assert_eq!(visitor.page("").await["errcode"], 41001);
}

#[tokio::test]
async fn a_used_up_quota_is_45009_and_reported() {
    let (_simulator, visitor) = started(Simulator::builder().followers(30).page_size(10).quota(2)).await;
    let quota = async || -> Value {
        let path = format!("/cgi-bin/openapi/quota/get?access_token={}", visitor.token);
        visitor.post(&path, &json!({"cgi_path": "/cgi-bin/user/get"})).await
    };
    visitor.page("").await;
    assert_eq!(quota().await["quota"], json!({"daily_limit": 2, "used": 1, "remain": 1}));
    visitor.page("").await;
    assert_eq!(visitor.page("").await["errcode"], 45009);
    assert_eq!(quota().await["quota"], json!({"daily_limit": 2, "used": 2, "remain": 0}));
}

#[tokio::test]
async fn other_paths_are_counted_and_not_found() {
    let (simulator, visitor) = started(Simulator::builder()).await;
    assert_eq!(visitor.get("/cgi-bin/menu/get").await.unwrap().status(), 404);
    assert_eq!(simulator.requests().other, 1);
}

#[tokio::test]
async fn a_dropped_handle_closes_the_port() {
    let (simulator, visitor) = started(Simulator::builder()).await;
    visitor.page("").await;
    simulator.shutdown().await;
    assert!(visitor.try_page("").await.is_err());
}

#[tokio::test]
async fn latency_is_added_to_every_call() {
    let latency = Duration::from_millis(30);
    let (_simulator, visitor) = started(Simulator::builder().followers(1).latency(latency)).await;
    let start = Instant::now();
    visitor.page("").await;
    assert!(start.elapsed() >= latency);
}

#[tokio::test]
async fn an_error_comes_as_a_200_with_a_code() {
    let (_simulator, visitor) = faulty(Effect::errcode(-1)).await;
    let response = visitor.try_page("").await.unwrap();
    assert_eq!(response.status(), 200);
    let error = json_of(response).await;
    assert_eq!(error["errcode"], -1);
    assert!(error["errmsg"].as_str().unwrap().starts_with("system error rid: "), "{error}");
}

#[tokio::test]
async fn responses_of_http_are_sent_as_they_are_told() {
    let location = "https://example.com/login";
    for (effect, status, header, body) in [
        (Effect::status(500), 500, None, ""),
        (Effect::html(502), 502, Some(("content-type", "text/html")), "<html>"),
        (Effect::html(200), 200, Some(("content-type", "text/html")), "<html>"),
        (Effect::too_many_requests(3), 429, Some(("retry-after", "3")), ""),
        (Effect::redirect(location), 302, Some(("location", location)), ""),
        (Effect::body("{\"total\":"), 200, None, "{\"total\":"),
        (Effect::body(""), 200, None, ""),
    ] {
        let (_simulator, visitor) = faulty(effect).await;
        let response = visitor.try_page("").await.unwrap();
        assert_eq!(response.status(), status);
        if let Some((name, value)) = header {
            assert_eq!(response.headers()[name], value);
        }
        assert!(response.text().await.unwrap().starts_with(body));
    }
}

#[tokio::test]
async fn a_truncated_body_ends_after_so_many_bytes() {
    const KEPT: usize = 100;
    let (simulator, visitor) = faulty(Effect::Truncate(KEPT)).await;
    let mut response = visitor.try_page("").await.unwrap();
    assert!(response.content_length().unwrap() > KEPT as u64);
    let mut received = Vec::new();
    let error = loop {
        match response.chunk().await {
            Ok(chunk) => received.extend(chunk.expect("the body does not end well")),
            Err(error) => break error,
        }
    };
    assert!(error.is_body() || error.is_decode(), "{error:?}");
    simulator.clear_faults();
    assert_eq!(received, visitor.text("").await.as_bytes()[..KEPT]);
}

#[tokio::test]
async fn a_reset_connection_gives_no_response() {
    let (simulator, visitor) = faulty(Effect::Reset).await;
    let error = visitor.try_page("").await.unwrap_err();
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    let mut is_reset = false;
    while let Some(error) = cause {
        is_reset |= error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::ConnectionReset);
        cause = error.source();
    }
    assert!(is_reset, "{error:?}");
    simulator.clear_faults();
    assert!(simulator.followers(APP_ID).iter().eq(visitor.walk().await), "the next connection is served");
}

#[tokio::test]
async fn a_stalled_reply_has_headers_and_no_body() {
    let (_simulator, visitor) = faulty(Effect::Stall).await;
    let response = visitor.try_page("").await.unwrap();
    assert!(response.content_length().unwrap() > 0);
    assert!(tokio::time::timeout(Duration::from_millis(50), response.bytes()).await.is_err());
}

#[tokio::test]
async fn a_delayed_reply_comes_late_and_whole() {
    let delay = Duration::from_millis(40);
    let (simulator, visitor) = faulty(Effect::Delay(delay)).await;
    let start = Instant::now();
    let page = visitor.page("").await;
    assert!(start.elapsed() >= delay);
    assert!(openids(&page).into_iter().eq(simulator.followers(APP_ID).range(0..10)));
}

#[tokio::test]
async fn a_huge_body_has_no_length_and_all_its_bytes() {
    const LENGTH: u64 = 1_000_000;
    let (_simulator, visitor) = faulty(Effect::Huge(LENGTH)).await;
    let response = visitor.try_page("").await.unwrap();
    assert_eq!(response.content_length(), None);
    assert_eq!(response.bytes().await.unwrap().len() as u64, LENGTH);
}

#[tokio::test]
async fn a_prefix_goes_before_the_page() {
    let (simulator, visitor) = faulty(Effect::Prefix(Bytes::from_static(BOM))).await;
    let bytes = visitor.try_page("").await.unwrap().bytes().await.unwrap();
    simulator.clear_faults();
    assert_eq!(bytes, [BOM, visitor.text("").await.as_bytes()].concat());
}

#[tokio::test]
async fn an_expired_token_is_renewed_by_the_stable_endpoint() {
    let fault = Fault::new(Endpoint::UserGet, When::Call(2), Effect::ExpireToken);
    let (simulator, mut visitor) = started(Simulator::builder().followers(5).fault(fault)).await;
    assert_eq!(visitor.page("").await["count"], 5);
    assert_eq!(visitor.page("").await["errcode"], 42001);
    assert_eq!(visitor.page("").await["errcode"], 42001, "it stays expired");
    let renewed = simulator.issue_token(APP_ID);
    assert_ne!(renewed, visitor.token);
    visitor.token = renewed;
    assert_eq!(visitor.page("").await["count"], 5);
}

#[tokio::test]
async fn a_page_says_what_its_fault_says() {
    let followers = Followers::new(0, APP_ID, 30);
    let all = || followers.range(10..20).collect::<Vec<_>>();
    let last = json!(followers.openid(19));
    let stranger = "oNobody".to_owned();
    for (effect, count, expected, total, next_openid) in [
        (Effect::Total(77), 10, all(), 77, last.clone()),
        (Effect::DriftTotal(3), 10, all(), 33, last.clone()),
        (Effect::Omit(0..4), 6, all().split_off(4), 30, last.clone()),
        (Effect::Duplicate(9..10), 11, [all(), all().split_off(9)].concat(), 30, last.clone()),
        (Effect::Short(3), 3, followers.range(10..13).collect(), 30, json!(followers.openid(12))),
        (Effect::RepeatPage(1), 10, followers.range(0..10).collect(), 30, json!(followers.openid(9))),
        (Effect::NextOpenid(None), 10, all(), 30, Value::Null),
        (Effect::NextOpenid(Some(stranger.clone())), 10, all(), 30, json!(stranger)),
        (Effect::MissingData, 10, Vec::new(), 30, last.clone()),
        (Effect::EarlyEnd, 0, Vec::new(), 30, json!("")),
        (Effect::Style(PageStyle { count: Some(5), ..PageStyle::default() }), 5, all(), 30, last.clone()),
    ] {
        let name = format!("{effect:?}");
        let (_simulator, visitor) = faulty(effect).await;
        let page = visitor.page(&followers.openid(9)).await;
        assert_eq!(page["count"], count, "{name}");
        assert_eq!(openids(&page), expected, "{name}");
        assert_eq!(page["total"], total, "{name}");
        assert_eq!(page["next_openid"], next_openid, "{name}");
        assert_eq!(page.get("data").is_some(), !expected.is_empty(), "{name}");
    }
}

#[tokio::test]
async fn a_short_page_loses_nobody() {
    let fault = Fault::new(Endpoint::UserGet, When::Page(2), Effect::Short(3)).times(1);
    let (simulator, visitor) = started(Simulator::builder().followers(30).page_size(10).fault(fault)).await;
    assert!(simulator.followers(APP_ID).iter().eq(visitor.walk().await));
    assert_eq!(simulator.requests().user_get, 5, "10, 3, 10, 7 and the end");
}

#[tokio::test]
async fn faults_meet_in_the_order_in_which_they_were_given() {
    let delay = Duration::from_millis(20);
    let builder = Simulator::builder()
        .fault(Fault::new(Endpoint::UserGet, When::Always, Effect::errcode(-1)))
        .fault(Fault::new(Endpoint::UserGet, When::Always, Effect::Delay(delay)))
        .fault(Fault::new(Endpoint::UserGet, When::Call(2), Effect::errcode(45011)));
    let (_simulator, visitor) = started(builder).await;
    let start = Instant::now();
    assert_eq!(visitor.page("").await["errcode"], -1);
    assert!(start.elapsed() >= delay);
    assert_eq!(visitor.page("").await["errcode"], 45011);
}
