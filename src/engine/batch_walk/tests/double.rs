//! A WeChat on loopback that answers as a test says, and counts what it is asked.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

/// What was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) openids: Vec<String>,
    pub(super) is_single: bool,
    /// Its number among all calls, from 0.
    pub(super) number: usize,
}

type Rule = dyn Fn(&Call) -> Option<Value> + Send + Sync;

/// How it answers.
pub(super) struct Double {
    pub(super) base_url: String,
    state: Arc<State>,
}

struct State {
    /// `None` answers truthfully.
    rule: Mutex<Box<Rule>>,
    calls: Mutex<Vec<Call>>,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
    used: AtomicU64,
    /// How many of the day's calls a batch takes.
    cost: AtomicU64,
    latency: Duration,
}

/// The calls a day.
pub(super) const DAILY: u64 = 1_000_000;

/// Returns the row of a follower as it should be.
pub(super) fn row(openid: &str) -> Value {
    // No two follow at the same second.
    let since = openid.bytes().fold(0, |since: u64, byte| (since * 10 + u64::from(byte % 16)) % 1_000_000);
    json!({
        "subscribe": 1, "openid": openid, "subscribe_time": 1_700_000_000 + since, "unionid": format!("u{openid}"),
        "remark": "", "tagid_list": [2],
    })
}

/// Returns the reply to a batch with these rows.
pub(super) fn reply(rows: impl IntoIterator<Item = Value>) -> Value {
    json!({ "user_info_list": rows.into_iter().collect::<Vec<_>>() })
}

/// Returns an error reply.
pub(super) fn error(code: i64) -> Value {
    json!({ "errcode": code, "errmsg": "as the test says" })
}

impl Double {
    /// Starts one that answers truthfully, each reply after `latency`.
    pub(super) async fn start(latency: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            rule: Mutex::new(Box::new(|_: &Call| None)),
            calls: Mutex::default(),
            under_way: AtomicUsize::new(0),
            most_under_way: AtomicUsize::new(0),
            used: AtomicU64::new(0),
            cost: AtomicU64::new(1),
            latency,
        });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { base_url, state }
    }

    /// Answers by `rule` from now on, and truthfully where it gives `None`.
    pub(super) fn answer_by(&self, rule: impl Fn(&Call) -> Option<Value> + Send + Sync + 'static) {
        *self.state.rule.lock().unwrap() = Box::new(rule);
    }

    pub(super) fn set_cost(&self, cost: u64) {
        self.state.cost.store(cost, Ordering::SeqCst);
    }

    /// Returns how many calls there were so far.
    pub(super) fn calls(&self) -> usize {
        self.state.calls.lock().unwrap().len()
    }

    /// Returns the calls so far, and forgets them.
    pub(super) fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut *self.state.calls.lock().unwrap())
    }

    pub(super) fn most_under_way(&self) -> usize {
        self.state.most_under_way.load(Ordering::SeqCst)
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    let service = service_fn(|request| answer(Arc::clone(&state), request));
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let said = match path.as_str() {
        "/cgi-bin/openapi/quota/get" => {
            let used = state.used.load(Ordering::SeqCst);
            json!({ "errcode": 0, "quota": { "daily_limit": DAILY, "used": used, "remain": DAILY - used } })
        }
        "/cgi-bin/user/info/batchget" => {
            let question: Value = serde_json::from_slice(&body).unwrap();
            let users = question["user_list"].as_array().unwrap();
            let openids = users.iter().map(|user| user["openid"].as_str().unwrap().to_owned()).collect();
            state.used.fetch_add(state.cost.load(Ordering::SeqCst), Ordering::SeqCst);
            state.say(openids, false).await
        }
        "/cgi-bin/user/info" => {
            let openid = query.split('&').find_map(|pair| pair.strip_prefix("openid=")).unwrap();
            state.say(vec![openid.to_owned()], true).await
        }
        path => panic!("{path} is not asked for"),
    };
    let mut response = Response::new(Full::from(said.to_string()));
    if said == Value::Null {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    Ok(response)
}

impl State {
    async fn say(&self, openids: Vec<String>, is_single: bool) -> Value {
        let under_way = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_under_way.fetch_max(under_way, Ordering::SeqCst);
        tokio::time::sleep(self.latency).await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        let call = {
            let mut calls = self.calls.lock().unwrap();
            let call = Call { openids, is_single, number: calls.len() };
            calls.push(call.clone());
            call
        };
        let truth = || {
            if is_single { row(&call.openids[0]) } else { reply(call.openids.iter().map(|openid| row(openid))) }
        };
        let said = (self.rule.lock().unwrap())(&call);
        said.unwrap_or_else(truth)
    }
}
