//! The client of WeChat's API: its address, and the two kinds of calls.
//!
//! `fetch`, `quota` and `token` call it; `http` sends the request and reads the reply.

use bytes::Bytes;
use chrono::TimeDelta;
use reqwest::header::CONTENT_TYPE;

use super::call_error::CallError;
use super::error::SourceError;
use super::hosts::Hosts;
use super::http::{Http, ProxyMode};
use super::token::Platforms;
use crate::config::{BaseUrl, ChosenProxy, LimitsSection, SourceSection};

/// The client of WeChat's API, shared by the accounts of a run.
#[derive(Clone, Debug)]
pub struct Client {
    http: Http,
    base_url: BaseUrl,
    hosts: Hosts,
    platforms: Platforms,
}

impl Client {
    /// Makes a client with the timeouts of `[source]` and the `[limits]` of a run.
    ///
    /// # Errors
    ///
    /// [`SourceError::CaFile`] if `source.ca_file` cannot be used, [`SourceError::Setup`] for any
    /// other reason.
    pub fn new(settings: &SourceSection, limits: &LimitsSection) -> Result<Self, SourceError> {
        let hosts = Hosts::new(limits.calls_per_host);
        let base_url = settings.base_url.clone();
        let proxy_mode = match &settings.proxy {
            Some(proxy) => ProxyMode::Proxy(ChosenProxy::of_key(proxy)),
            None if base_url.is_loopback() => ProxyMode::Direct,
            None => ProxyMode::Environment,
        };
        Ok(Self {
            http: Http::new(settings, base_url.url(), proxy_mode, &hosts)?,
            base_url,
            hosts,
            platforms: Platforms::default(),
        })
    }

    /// Returns the hosts of the run, which all accounts share.
    pub(super) fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// Returns the platforms of the run, which all of their accounts share.
    pub(super) fn platforms(&self) -> &Platforms {
        &self.platforms
    }

    /// Returns by how much the API's clock was ahead of this machine's at the last reply; `None` if
    /// no reply has had a `Date` yet.
    pub fn clock_ahead(&self) -> Option<TimeDelta> {
        self.http.clock_ahead()
    }

    /// Makes one GET call and returns the body of its reply.
    pub(super) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Bytes, CallError> {
        self.http.send(self.http.client.get(self.base_url.join(path)).query(query)).await
    }

    /// Makes one POST call with a JSON body and returns the body of its reply. The length is sent
    /// with it: WeChat answers a chunked body with 412.
    pub(super) async fn post(
        &self,
        path: &str,
        query: &[(&str, &str)],
        json: &serde_json::Value,
    ) -> Result<Bytes, CallError> {
        let request = self.http.client.post(self.base_url.join(path)).query(query);
        self.http.send(request.header(CONTENT_TYPE, "application/json").body(json.to_string())).await
    }
}
