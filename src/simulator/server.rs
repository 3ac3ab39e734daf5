//! HTTP/1.1 on a socket: requests in, replies out, one task for each connection.
//!
//! `service` starts it, and it passes each request to `api`.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::CONTENT_LENGTH;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::api::Api;
use super::body::{Broken, ReplyBody, Transmission};
use super::request::ApiRequest;

/// The API behind a lock. It is held for microseconds, because pages are rendered outside of it.
#[derive(Debug, Clone)]
pub(super) struct SharedApi(Arc<Mutex<Api>>);

impl SharedApi {
    pub(super) fn new(api: Api) -> Self {
        Self(Arc::new(Mutex::new(api)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Api> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves until the future is dropped, which closes every connection.
pub(super) async fn serve(listener: TcpListener, api: SharedApi) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve_connection(stream, api.clone()));
                }
                Err(error) => {
                    // Most likely there are no file descriptors left; they come back as connections
                    // end.
                    tracing::warn!(%error, "the simulator could not accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

const ACCEPT_PAUSE: std::time::Duration = std::time::Duration::from_millis(10);

/// How long a connection stays open before it is closed without notice, so that the reply is sent
/// first.
const CLOSE_PAUSE: std::time::Duration = std::time::Duration::from_millis(20);

/// Whether a connection is about to be closed without notice.
#[derive(Default)]
struct Closing {
    notify: Notify,
    is_near: AtomicBool,
}

async fn serve_connection(stream: TcpStream, api: SharedApi) {
    // A reply is written at once, so waiting for more bytes would only add latency. An error here
    // means that the client has left, which the next read reports.
    let _ = stream.set_nodelay(true);
    let closing = Closing::default();
    let service = service_fn(|request| Box::pin(answer(&api, &closing, request)));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let closed = async {
        closing.notify.notified().await;
        tokio::time::sleep(CLOSE_PAUSE).await;
    };
    let served = tokio::select! {
        served = poll_fn(|context| connection.poll_without_shutdown(context)) => served,
        () = closed => Ok(()),
    };
    let stream = connection.into_parts().io.into_inner();
    if served.is_err_and(|error| is_reset(&error)) {
        // A socket that is dropped without lingering sends RST instead of FIN.
        let _ = stream.set_zero_linger();
    }
}

fn is_reset(error: &hyper::Error) -> bool {
    std::error::Error::source(error).and_then(|source| source.downcast_ref()) == Some(&Broken::Reset)
}

async fn answer(api: &SharedApi, closing: &Closing, request: Request<Incoming>) -> Result<Response<ReplyBody>, Broken> {
    if closing.is_near.load(Ordering::Relaxed) {
        // This request arrived while the connection was being closed. It is neither counted nor
        // answered.
        return Err(Broken::Closed);
    }
    let request = read(request).await.map_err(|_| Broken::Reset)?;
    let reply = api.lock().answer(&request);
    tokio::time::sleep(reply.delay).await;
    match reply.transmission {
        Transmission::Reset => return Err(Broken::Reset),
        Transmission::Closed => return Err(Broken::Closed),
        Transmission::ThenClosed => {
            closing.is_near.store(true, Ordering::Relaxed);
            closing.notify.notify_one();
        }
        _ => {}
    }
    Ok(reply.into_response())
}

/// The most bytes of a request's body. That of a real call has some hundred.
const BODY_LIMIT: usize = 65_536;

async fn read(request: Request<Incoming>) -> io::Result<ApiRequest> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, BODY_LIMIT).collect().await.map_err(io::Error::other)?;
    Ok(ApiRequest {
        path: head.uri.path().to_owned(),
        is_post: head.method == Method::POST,
        has_length: head.headers.contains_key(CONTENT_LENGTH),
        parameters: parse_query(head.uri.query().unwrap_or_default()),
        body: body.to_bytes(),
    })
}

fn parse_query(query: &str) -> HashMap<String, String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decode_percent(name), decode_percent(value))).collect()
}

/// Decodes a part of a query: `%41` is `A`, `+` is a space, and any other character stays.
fn decode_percent(text: &str) -> String {
    let mut bytes = Bytes::copy_from_slice(text.as_bytes());
    let mut decoded = Vec::with_capacity(bytes.len());
    while let Some(&byte) = bytes.first() {
        let digits = bytes.get(1..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.filter(|_| byte == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(escaped.unwrap_or(if byte == b'+' { b' ' } else { byte }));
        bytes = bytes.slice(if escaped.is_some() { 3 } else { 1 }..);
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded() {
        let parameters = parse_query("access_token=a%5Fb&next_openid=&secret=x+y%2B&odd=%zz%4");
        assert_eq!(parameters["access_token"], "a_b");
        assert_eq!(parameters["next_openid"], "");
        assert_eq!(parameters["secret"], "x y+");
        assert_eq!(parameters["odd"], "%zz%4");
    }
}
