//! The network under a store: the runtime of the calls, and what a store answered last.
//!
//! Before it: `store` and `upload`. Behind it: reqwest.
//!
//! `object_store` puts the address and the whole answer of a store into its errors: there may be a
//! signature, a token or a key in them. So every answer passes here, what a person needs of it is
//! noted, and the rest is dropped before `object_store` sees it.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::sync::OnceLock;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
    ReqwestConnector,
};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use reqwest::StatusCode;
use tokio::runtime::{Builder, Runtime};

use super::error::Failure;
use crate::error::SinkError;

/// A part of 8 MiB takes this long at 1.1 Mbit/s.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// An answer in which a store explains an error is not longer.
const EXPLANATION_BYTES: usize = 64 * 1024;

/// Returns how the store is reached. A store on this machine is never asked through a proxy, which
/// would read along where there is no TLS.
pub(super) fn client_options(is_loopback: bool) -> ClientOptions {
    let options = ClientOptions::new().with_timeout(REQUEST_TIMEOUT).with_connect_timeout(CONNECT_TIMEOUT);
    if is_loopback { without_proxy(options).with_allow_http(true) } else { options }
}

/// Returns `options` for which the proxy of the environment does not count: one that excludes every
/// host takes its place.
pub(super) fn without_proxy(options: ClientOptions) -> ClientOptions {
    options.with_proxy_url("http://localhost").with_proxy_excludes("*,0.0.0.0/0,::/0")
}

/// Returns how often a request is repeated: about 20 seconds of errors, or two timeouts. The engine
/// repeats the step of a sink on top of this.
pub(super) fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(10),
            base: 3.0,
        },
        max_retries: 10,
        retry_timeout: REQUEST_TIMEOUT,
    }
}

/// Runs `call` on the runtime of all stores, and waits for it. Unlike `Runtime::block_on` it may be
/// called on a thread of another runtime.
pub(super) fn wait<T: Send + 'static>(call: impl Future<Output = T> + Send + 'static) -> Result<T, SinkError> {
    let (sender, receiver) = sync_channel(1);
    // Nobody waits if the caller's thread is gone.
    runtime()?.spawn(async move { drop(sender.send(call.await)) });
    receiver.recv().map_err(|_| SinkError::permanent("a call of the object store panicked"))
}

/// Runs `call` as `wait` does, and waits for it no longer than `most`.
pub(super) fn wait_at_most(most: Duration, call: impl Future<Output = ()> + Send + 'static) {
    let (sender, receiver) = sync_channel(1);
    if let Ok(runtime) = runtime() {
        runtime.spawn(async move {
            call.await;
            // Nobody waits any longer.
            let _ = sender.send(());
        });
        let _ = receiver.recv_timeout(most);
    }
}

/// Returns the runtime of all stores of this process. One thread is enough: it signs and sends, and
/// waits for the network most of the time.
pub(super) fn runtime() -> Result<&'static Runtime, SinkError> {
    static RUNTIME: OnceLock<io::Result<Runtime>> = OnceLock::new();
    let start = || {
        // An error means that a provider is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Names of hosts are looked up on blocking threads.
        Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(2)
            .thread_name("object-store")
            .enable_all()
            .build()
    };
    RUNTIME.get_or_init(start).as_ref().map_err(|error| {
        SinkError::permanent(format!("cannot start the thread of the object store: {error}"))
            .with_hint("this user may have too many threads (`ulimit -u`)")
    })
}

tokio::task_local! {
    /// What the last request of a call ended with, if it failed.
    static LAST: RefCell<Option<Failure>>;
}

/// Makes a call of `object_store`, and returns its failure as far as a person may see it.
pub(super) async fn watched<T>(call: impl Future<Output = object_store::Result<T>>) -> Result<T, Failure> {
    let call = async {
        let result = call.await;
        result.map_err(|error| LAST.with(RefCell::take).unwrap_or_default().completed(&error))
    };
    LAST.scope(RefCell::default(), call).await
}

fn note(failure: Option<Failure>) {
    // Outside of a call, `object_store` fetches keys ahead of time; no caller waits for the result.
    let _ = LAST.try_with(|last| last.replace(failure));
}

/// Connects as `object_store` does by itself, with a look at every answer.
#[derive(Debug)]
pub(super) struct Connector {
    /// The host of the bucket. Other hosts only give out keys.
    pub(super) host: String,
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Watched { client, host: self.host.clone() }))
    }
}

#[derive(Debug)]
struct Watched {
    client: HttpClient,
    host: String,
}

#[async_trait::async_trait]
impl HttpService for Watched {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let gives_keys = host != self.host;
        // Its answer is short, and may be an error although the status is 200.
        let completes = request.method() == "POST";
        let response = match self.client.execute(request).await {
            Ok(response) => response,
            Err(error) => {
                note(Some(Failure::of_transport(&error, host, gives_keys)));
                return Err(error);
            }
        };
        let status = response.status();
        if gives_keys || !(completes || status.is_client_error() || status.is_server_error()) {
            note((!status.is_success()).then(|| Failure::of_answer(status.as_u16(), "", host, gives_keys)));
            return Ok(response);
        }
        let (mut parts, body) = response.into_parts();
        let body = match Limited::new(body, EXPLANATION_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            // The status says enough.
            Err(_) if !status.is_success() => Bytes::new(),
            Err(error) => return Err(HttpError::new_boxed(HttpErrorKind::Interrupted, error)),
        };
        let text = String::from_utf8_lossy(&body);
        let is_error = !status.is_success() || text.contains("<Error>");
        note(is_error.then(|| Failure::of_answer(status.as_u16(), &text, host, gives_keys)));
        let body = if status.is_success() { body } else { Bytes::new() };
        if status == StatusCode::NOT_IMPLEMENTED {
            // `object_store` would ask again and again for what the store does not have.
            parts.status = StatusCode::BAD_REQUEST;
        }
        Ok(HttpResponse::from_parts(parts, HttpResponseBody::new(Full::new(body).map_err(|never| match never {}))))
    }
}
