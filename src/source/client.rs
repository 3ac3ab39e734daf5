//! HTTP: one call, its limits, and what came of it.

use std::fmt::Display;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Proxy, RequestBuilder, Response};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::error::{CallError, SourceError};
use crate::config::{BaseUrl, ProxyUrl, Source};

/// The HTTP client of a run, shared by its accounts.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base_url: BaseUrl,
    max_reply_bytes: u64,
}

impl Client {
    /// Makes a client with the limits of `[source]`.
    ///
    /// # Errors
    ///
    /// [`SourceError::CaFile`] if that cannot be used, [`SourceError::Setup`] for anything else.
    pub fn new(settings: &Source) -> Result<Self, SourceError> {
        // Two libraries may install a provider; the first one stays, and any will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("fanout/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .connect_timeout(settings.connect_timeout)
            .read_timeout(settings.idle_timeout)
            .timeout(settings.total_timeout);
        if !needs_authorities(settings) {
            builder = builder.tls_certs_only([]);
        } else if let Some(file) = &settings.ca_file {
            builder = builder.tls_certs_merge(authorities(file)?);
        }
        if let Some(proxy) = &settings.proxy {
            builder = builder.proxy(
                Proxy::all(proxy.url().clone()).map_err(|error| SourceError::Setup(error.without_url().into()))?,
            );
        } else if settings.base_url.is_loopback() {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| SourceError::Setup(error.without_url().into()))?;
        Ok(Self { http, base_url: settings.base_url.clone(), max_reply_bytes: settings.max_reply_bytes })
    }

    /// Makes one GET call and returns the body of its reply.
    pub(super) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Bytes, CallError> {
        self.send(self.http.get(self.base_url.join(path)).query(query)).await
    }

    /// Makes one POST call with a JSON body. Its length is sent with it: WeChat answers 412 to a chunked one.
    pub(super) async fn post(&self, path: &str, json: Vec<u8>) -> Result<Bytes, CallError> {
        self.send(self.http.post(self.base_url.join(path)).header(CONTENT_TYPE, "application/json").body(json)).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<Bytes, CallError> {
        let response = request.send().await.map_err(CallError::transport)?;
        let status = response.status();
        if status.is_redirection() {
            return Err(CallError::Redirect(status.as_u16()));
        }
        if status != 200 {
            return Err(CallError::Status { status: status.as_u16(), retry_after: retry_after(&response) });
        }
        self.body(response).await
    }

    /// Reads a body, and stops at the limit: what counts are the bytes after decompression.
    async fn body(&self, mut response: Response) -> Result<Bytes, CallError> {
        let announced = response.content_length().unwrap_or(0).min(self.max_reply_bytes);
        let mut body = Vec::with_capacity(announced as usize);
        while let Some(chunk) = response.chunk().await.map_err(CallError::transport)? {
            if (body.len() + chunk.len()) as u64 > self.max_reply_bytes {
                return Err(CallError::TooLarge { limit: self.max_reply_bytes });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.into())
    }
}

/// Returns whether there is anybody whose certificate must be checked. A simulated list must not fail for want of the
/// system's certificates, which small containers do not have.
fn needs_authorities(settings: &Source) -> bool {
    let proxy = settings.proxy.as_ref().map(ProxyUrl::url);
    [Some(settings.base_url.url()), proxy].into_iter().flatten().any(|url| url.scheme() == "https")
}

/// Reads `source.ca_file`. Each certificate is held against what TLS will ask of it, while the file is still known.
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

/// WeChat's own hosts, which serve the same accounts.
///
/// <https://developers.weixin.qq.com/doc/service/Basic_Information/Interface_field_description.html>
const OFFICIAL_HOSTS: [&str; 5] =
    ["api.weixin.qq.com", "api2.weixin.qq.com", "sh.api.weixin.qq.com", "sz.api.weixin.qq.com", "hk.api.weixin.qq.com"];

/// Returns the name under which the lists of a host are kept apart from those of others: WeChat's own count as one.
pub fn host_identity(base_url: &BaseUrl) -> &str {
    match base_url.host() {
        host if OFFICIAL_HOSTS.contains(&host) => "official",
        host => host,
    }
}

/// Returns what a `Retry-After` header asks for, in either of its forms (RFC 9110, 10.2.3).
fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}
