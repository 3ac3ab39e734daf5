//! HTTP: sends one request within its limits, and reads the reply.
//!
//! `client` (WeChat) and `token::endpoint` (a token server) send their requests through it. It
//! knows nothing of what a reply means.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::{DATE, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Proxy, RequestBuilder, Response, Url};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::sync::Semaphore;

use super::call_error::CallError;
use super::error::SourceError;
use super::hosts::Hosts;
use super::proxy_error;
use crate::config::{ChosenProxy, SourceSection};

/// A byte order mark in UTF-8. Some proxies put it in front of a body; it is no part of JSON.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// An HTTP client with the limits of `[source]`.
#[derive(Clone, Debug)]
pub(super) struct Http {
    pub(super) client: reqwest::Client,
    /// The proxy that all requests go through.
    proxy: Option<ChosenProxy>,
    /// Host and port of the target.
    authority: String,
    max_reply_bytes: u64,
    /// The seconds by which the server's clock was ahead at its last reply, or [`NO_DATE`].
    ahead: Arc<AtomicI64>,
    /// The limiter of the host that the client is made for.
    limiter: Arc<Semaphore>,
}

/// No reply has had a `Date` yet.
const NO_DATE: i64 = i64::MIN;

/// The proxy that requests go through.
#[derive(Clone, Debug)]
pub(super) enum ProxyMode {
    /// The one that the environment names, if it names one.
    Environment,
    /// None, even if the environment names one.
    Direct,
    /// This one.
    Proxy(ChosenProxy),
}

impl Http {
    /// Makes a client for requests to `target`, which is one of `hosts`.
    ///
    /// # Errors
    ///
    /// [`SourceError::CaFile`] if `source.ca_file` cannot be used, [`SourceError::Setup`] for any
    /// other reason.
    pub(super) fn new(
        settings: &SourceSection,
        target: &Url,
        proxy_mode: ProxyMode,
        hosts: &Hosts,
    ) -> Result<Self, SourceError> {
        // Another library may have installed a provider before; any will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let setup = |error: reqwest::Error| SourceError::Setup(error.without_url().into());
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("fanout/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .connect_timeout(settings.connect_timeout)
            .read_timeout(settings.idle_timeout)
            .timeout(settings.total_timeout);
        let proxy = match proxy_mode {
            ProxyMode::Direct => None,
            // `config` has refused a proxy that cannot be used, unless no call is made.
            ProxyMode::Environment => settings.environment_proxies.proxy_for(target).ok().flatten(),
            ProxyMode::Proxy(proxy) => Some(proxy),
        };
        if !needs_authorities(target, proxy.as_ref()) {
            builder = builder.tls_certs_only([]);
        } else if let Some(file) = &settings.ca_file {
            builder = builder.tls_certs_merge(authorities(file)?);
        }
        // Without this, reqwest would read the environment itself.
        builder = builder.no_proxy();
        if let Some(proxy) = &proxy {
            builder = builder.proxy(Proxy::all(proxy.expose().clone()).map_err(setup)?);
        }
        let client = builder.build().map_err(setup)?;
        let (limiter, ahead) = (hosts.limiter(target), Arc::new(AtomicI64::new(NO_DATE)));
        Ok(Self {
            client,
            proxy,
            authority: authority(target),
            max_reply_bytes: settings.max_reply_bytes,
            ahead,
            limiter,
        })
    }

    /// Returns by how much the server's clock was ahead of ours at its last reply, to the second.
    pub(super) fn clock_ahead(&self) -> Option<TimeDelta> {
        Some(self.ahead.load(Ordering::Relaxed)).filter(|ahead| *ahead != NO_DATE).and_then(TimeDelta::try_seconds)
    }

    /// Sends a request, once the limiter of its host lets it, and returns the body of the reply
    /// without a byte order mark.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Bytes, CallError> {
        let _turn = self.limiter.acquire().await.expect("a limiter is never closed");
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Err(self.unsent(error).await),
        };
        if let Some(date) = date(&response) {
            self.ahead.store((DateTime::<Utc>::from(date) - Utc::now()).num_seconds(), Ordering::Relaxed);
        }
        let status = response.status();
        if status.is_redirection() {
            return Err(CallError::Redirect(status.as_u16()));
        }
        if let Some(proxy) = self.proxy.as_ref().filter(|_| status == 407) {
            return Err(proxy_error::of_status(proxy, &self.authority, 407));
        }
        if status != 200 {
            return Err(CallError::Status { status: status.as_u16(), retry_after: retry_after(&response) });
        }
        let body = self.body(response).await?;
        Ok(if body.starts_with(BYTE_ORDER_MARK) { body.slice(BYTE_ORDER_MARK.len()..) } else { body })
    }

    /// Makes the error of a request that got no reply, perhaps because of the proxy.
    async fn unsent(&self, error: reqwest::Error) -> CallError {
        let error = CallError::transport(error);
        match (&self.proxy, &error) {
            (Some(proxy), CallError::Connection(cause)) => {
                proxy_error::of_connection(proxy, &self.authority, cause).await.unwrap_or(error)
            }
            _ => error,
        }
    }

    /// Reads a body, up to the limit, which counts the bytes after decompression.
    async fn body(&self, mut response: Response) -> Result<Bytes, CallError> {
        let too_large = || CallError::TooLarge { limit: self.max_reply_bytes };
        let announced = response.content_length().unwrap_or(0);
        if announced > self.max_reply_bytes {
            return Err(too_large());
        }
        let mut body = Vec::with_capacity(announced as usize);
        while let Some(chunk) = response.chunk().await.map_err(CallError::transport)? {
            if (body.len() + chunk.len()) as u64 > self.max_reply_bytes {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.into())
    }
}

/// Returns host and port of a URL, as a proxy is asked for them.
fn authority(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default())
}

/// Returns whether a certificate may have to be checked. If not, the system's certificates are not
/// loaded: a small container has none, and a simulated list must be readable there.
fn needs_authorities(target: &Url, proxy: Option<&ChosenProxy>) -> bool {
    [Some(target), proxy.map(ChosenProxy::expose)].into_iter().flatten().any(|url| url.scheme() == "https")
}

/// Reads `source.ca_file`. Each certificate is checked here as TLS will check it, so that the error
/// can name the file.
fn authorities(file: &Path) -> Result<Vec<Certificate>, SourceError> {
    let unusable = |problem: String| SourceError::CaFile { path: file.to_owned(), problem };
    let pem = std::fs::read(file).map_err(|error| unusable(format!("cannot be read ({error})")))?;
    let mut trusted = RootCertStore::empty();
    let mut certificates = Vec::new();
    for (number, der) in (1..).zip(CertificateDer::pem_slice_iter(&pem)) {
        let wrong = |error: &dyn Display| unusable(format!("holds a wrong certificate, number {number} ({error})"));
        let der = der.map_err(|error| wrong(&error))?;
        certificates.push(Certificate::from_der(&der).map_err(|error| wrong(&error))?);
        trusted.add(der).map_err(|error| wrong(&error))?;
    }
    if certificates.is_empty() {
        return Err(unusable("holds no certificate".to_owned()));
    }
    Ok(certificates)
}

/// Returns when the server says that it answered (RFC 9110, 6.6.1).
fn date(response: &Response) -> Option<SystemTime> {
    httpdate::parse_http_date(response.headers().get(DATE)?.to_str().ok()?).ok()
}

/// Returns the wait that a `Retry-After` header asks for, in either of its forms (RFC 9110,
/// 10.2.3).
fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}
