//! Errors of the proxy: which of them stay, and the setting that names the proxy.
//!
//! `http` asks here when a request got no reply. A proxy that wants other credentials, or refuses
//! WeChat's host, does so again at the next try.

use std::error::Error;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::call_error::{CallError, ProxyError, TransportError};
use crate::config::ChosenProxy;

/// How long the proxy has for the status that it is asked for again.
const STATUS_TIMEOUT: Duration = Duration::from_secs(10);

/// What the HTTP client says if the proxy answers `CONNECT` with 407.
const UNAUTHORIZED: &str = "tunnel error: proxy authorization required";

/// What it says for every other status than 200; it does not say which one.
const REFUSED: &str = "tunnel error: unsuccessful";

/// What the system says of a name that it could not look up for now: glibc, then musl.
const TEMPORARY: [&str; 2] = ["Temporary failure in name resolution", "Try again"];

/// Makes the error of a connection that failed although there is a proxy; `None` if the proxy has
/// nothing to do with it.
pub(super) async fn of_connection(proxy: &ChosenProxy, target: &str, cause: &TransportError) -> Option<CallError> {
    if !cause.is_connect() {
        return None;
    }
    let causes: Vec<String> =
        std::iter::successors(Some(cause as &dyn Error), |&error| error.source()).map(ToString::to_string).collect();
    let has = |text: &str| causes.iter().any(|cause| cause.contains(text));
    if has(UNAUTHORIZED) {
        return Some(of_status(proxy, target, 407));
    }
    if has(REFUSED) {
        let status = timeout(STATUS_TIMEOUT, status(proxy, target)).await;
        return Some(match status.ok().flatten() {
            Some(status) if status != 200 => of_status(proxy, target, status),
            _ => CallError::Proxy(Box::new(describe(proxy, format!("does not connect to {target}"), false))),
        });
    }
    let is_name = has("failed to lookup address information");
    let is_permanent = is_name && !TEMPORARY.iter().any(|text| has(text));
    let last = causes.last().map(String::as_str).unwrap_or_default();
    Some(CallError::Proxy(Box::new(describe(proxy, format!("cannot be reached: {last}"), is_permanent))))
}

/// Makes the error of a proxy that answered with this status.
pub(super) fn of_status(proxy: &ChosenProxy, target: &str, status: u16) -> CallError {
    let is_permanent = (400..500).contains(&status) && !matches!(status, 408 | 429);
    let problem = match status {
        407 => "wants other credentials (HTTP status 407)".to_owned(),
        status => format!("does not connect to {target} (HTTP status {status})"),
    };
    let hint = match status {
        407 if proxy.is_of_key() => Some(
            "`source.proxy` takes no password: leave it out, and name the proxy with its user and password in \
             `HTTPS_PROXY`"
                .to_owned(),
        ),
        407 => Some(format!("check the user and the password in `{}`", proxy.setting())),
        _ => None,
    };
    let error = describe(proxy, problem, is_permanent);
    let error = ProxyError { hint: hint.unwrap_or(error.hint), ..error };
    CallError::Proxy(Box::new(error))
}

fn describe(proxy: &ChosenProxy, problem: String, is_permanent: bool) -> ProxyError {
    let setting = proxy.setting();
    let hint = if is_permanent {
        format!("check `{setting}`, and whether this proxy may connect there; `NO_PROXY` names hosts without a proxy")
    } else {
        format!("check `{setting}` and the proxy; the walk continues where it stopped")
    };
    ProxyError { proxy: proxy.to_string(), problem, hint, is_permanent }
}

/// Asks the proxy once more to connect to `target`, and returns the status of its answer; `None` if
/// there is none, or the proxy speaks TLS.
async fn status(proxy: &ChosenProxy, target: &str) -> Option<u16> {
    let url = proxy.expose();
    if url.scheme() != "http" {
        return None;
    }
    let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']');
    let mut stream = BufReader::new(TcpStream::connect((host, url.port_or_known_default()?)).await.ok()?);
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
    if let Some(authorization) = proxy.authorization() {
        request.extend([b"Proxy-Authorization: ", authorization.as_bytes(), b"\r\n"].concat());
    }
    request.extend(b"\r\n");
    stream.write_all(&request).await.ok()?;
    let mut line = String::new();
    stream.take(1_024).read_line(&mut line).await.ok()?;
    line.split_whitespace().nth(1)?.parse().ok()
}
