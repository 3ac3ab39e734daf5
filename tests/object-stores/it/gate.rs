//! A gate before a store, which passes requests on, counts them, and fails on demand.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

/// A call of S3 or of Azure, by what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Call {
    Begin,
    Part,
    Complete,
    Abort,
    Put,
    /// A put under a condition.
    PutIf,
    Get,
    Head,
    Delete,
    /// A service of keys, which the gate itself answers.
    Keys,
    Other,
}

impl Call {
    fn of(request: &Request<Incoming>) -> Self {
        let query = request.uri().query().unwrap_or_default();
        let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
        let is = |wanted: &str| query.split('&').any(|pair| pair == wanted);
        let is_conditional = ["if-match", "if-none-match"].iter().any(|name| request.headers().contains_key(*name));
        match request.method().as_str() {
            "GET" if request.uri().path() == KEYS => Self::Keys,
            "POST" if has("uploads") => Self::Begin,
            "POST" if has("uploadId") => Self::Complete,
            "PUT" if has("partNumber") => Self::Part,
            // Azure's: an object of parts begins with the first one.
            "PUT" if is("comp=block") => Self::Part,
            "PUT" if is("comp=blocklist") => Self::Complete,
            "POST" if is("comp=batch") => Self::Delete,
            "PUT" if is_conditional => Self::PutIf,
            "PUT" => Self::Put,
            "DELETE" if has("uploadId") => Self::Abort,
            "DELETE" => Self::Delete,
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            _ => Self::Other,
        }
    }
}

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is answered with this status, and not passed on.
    Status(u16, &'static str),
    /// The connection is cut, and nothing is passed on.
    Cut,
    /// It is passed on, and the connection is cut before the answer.
    AnswerLost,
    /// It is passed on late.
    Slow(Duration),
}

/// The calls that fail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failing {
    pub(crate) call: Call,
    pub(crate) fault: Fault,
    /// So many calls of this kind pass before.
    pub(crate) after: u64,
    pub(crate) times: u64,
}

#[derive(Default)]
struct State {
    failing: Option<Failing>,
    calls: BTreeMap<Call, u64>,
    connections: u64,
    hits: u64,
}

impl State {
    /// Counts a call, and returns what happens to it.
    fn meet(&mut self, call: Call) -> Option<Fault> {
        *self.calls.entry(call).or_default() += 1;
        let failing = self.failing.as_mut().filter(|failing| failing.call == call)?;
        if failing.after > 0 {
            failing.after -= 1;
            return None;
        }
        if failing.times == 0 {
            return None;
        }
        if failing.times != ALWAYS {
            failing.times -= 1;
        }
        self.hits += 1;
        Some(failing.fault)
    }
}

/// The gate, which ends with its value.
pub(crate) struct Gate {
    state: Arc<Mutex<State>>,
    port: u16,
    /// The path of the store's own endpoint: Azurite has the name of the account there.
    path: String,
    _runtime: Runtime,
}

/// The path of the service of keys.
const KEYS: &str = "/keys";
const ANSWER_OF_KEYS: &str = r#"{"AccessKeyId": "key", "SecretAccessKey": "hunter2", "Token": "token",
    "Expiration": "2099-01-01T00:00:00Z"}"#;

/// As often as the call comes.
pub(crate) const ALWAYS: u64 = u64::MAX;

impl Gate {
    pub(crate) fn before(store: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let url: reqwest::Url = store.parse().unwrap();
        runtime.spawn(listen(listener, state.clone(), url.origin().ascii_serialization()));
        Self { state, port, path: url.path().trim_end_matches('/').to_owned(), _runtime: runtime }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}{}", self.port, self.path)
    }

    /// Lets calls of one kind fail.
    pub(crate) fn fail(&self, failing: Failing) {
        self.state.lock().unwrap().failing = Some(failing);
    }

    pub(crate) fn mend(&self) {
        self.state.lock().unwrap().failing = None;
    }

    /// Returns how many calls have failed here.
    pub(crate) fn hits(&self) -> u64 {
        self.state.lock().unwrap().hits
    }

    /// Returns the number of calls by kind, and forgets them.
    pub(crate) fn take_calls(&self) -> BTreeMap<Call, u64> {
        std::mem::take(&mut self.state.lock().unwrap().calls)
    }

    /// Returns the number of connections, and forgets them.
    pub(crate) fn take_connections(&self) -> u64 {
        std::mem::take(&mut self.state.lock().unwrap().connections)
    }

    /// Returns the variables by which a container finds its role, which the gate gives keys to.
    pub(crate) fn role(&self, token: &Path) -> [(&'static str, String); 2] {
        std::fs::write(token, "a token").unwrap();
        [
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}{KEYS}", self.endpoint())),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.to_str().unwrap().to_owned()),
        ]
    }
}

async fn listen(listener: TcpListener, state: Arc<Mutex<State>>, store: String) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        state.lock().unwrap().connections += 1;
        let (state, store, client) = (state.clone(), store.clone(), client.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(state.clone(), store.clone(), client.clone(), request));
            // An error is a connection that was cut, here or there.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    state: Arc<Mutex<State>>,
    store: String,
    client: reqwest::Client,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
    let call = Call::of(&request);
    let fault = state.lock().unwrap().meet(call);
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    match fault {
        Some(Fault::Cut) => return Err("cut".into()),
        Some(Fault::Status(status, code)) => {
            let text = format!("<Error><Code>{code}</Code><Message>the gate says so</Message></Error>");
            let response = Response::builder().status(StatusCode::from_u16(status)?);
            return Ok(response.body(Full::new(Bytes::from(text)))?);
        }
        _ if call == Call::Keys => return Ok(Response::new(Full::new(Bytes::from(ANSWER_OF_KEYS)))),
        Some(Fault::Slow(pause)) => tokio::time::sleep(pause).await,
        _ => {}
    }
    let path = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let mut headers = parts.headers;
    headers.remove("host");
    let is_head = parts.method == "HEAD";
    let passed = client.request(parts.method, format!("{store}{path}")).headers(headers).body(body);
    let answer = passed.send().await?;
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    let body = answer.bytes().await?;
    if fault == Some(Fault::AnswerLost) {
        return Err("cut".into());
    }
    for name in ["connection", "transfer-encoding"] {
        headers.remove(name);
    }
    if !is_head {
        headers.remove("content-length");
    }
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}
