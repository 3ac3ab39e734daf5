//! Serves `/metrics` over HTTP while a run lasts.
//!
//! `exposition` starts it, and `families` writes the text of each answer.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::families::Families;

/// The path that a Prometheus server asks for, unless it is configured otherwise.
pub(super) const PATH: &str = "/metrics";

/// A Prometheus server has one connection. Connections beyond this number wait.
const MOST_CONNECTIONS: usize = 16;

/// How long a connection may be silent: longer than most servers wait between two scrapes, because
/// they keep their connection.
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);

/// The pause after an error of `accept`. Most likely there are no file descriptors left; they come
/// back as connections end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until the future is dropped, which closes every connection.
pub(super) async fn serve(listener: TcpListener, families: Arc<Families>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < MOST_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve_connection(stream, Arc::clone(&families)));
                }
                Err(error) => {
                    tracing::debug!(%error, "a scrape was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve_connection(stream: TcpStream, families: Arc<Families>) {
    let service = service_fn(|request| answer(Arc::clone(&families), request));
    let mut connection = http1::Builder::new();
    connection.timer(TokioTimer::new()).header_read_timeout(IDLE_TIMEOUT);
    if let Err(error) = connection.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a scrape was broken off");
    }
}

async fn answer(families: Arc<Families>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let plain = |status, text: String| {
        let mut response = Response::new(Full::from(text));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, "text/plain; charset=utf-8".parse().expect("a constant"));
        response
    };
    if request.uri().path() != PATH {
        return Ok(plain(StatusCode::NOT_FOUND, format!("the metrics are at {PATH}\n")));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "expected GET\n".to_owned());
        response.headers_mut().insert(ALLOW, "GET, HEAD".parse().expect("a constant"));
        return Ok(response);
    }
    // For thousands of accounts this takes milliseconds.
    let Ok(text) = tokio::task::spawn_blocking(move || families.render(None)).await else {
        return Ok(plain(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written\n".to_owned()));
    };
    let mut response = plain(StatusCode::OK, text);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8".parse().expect("a constant"));
    Ok(response)
}
