//! The API of WeChat: where a call goes, and how.

use bytes::Bytes;
use chrono::TimeDelta;
use reqwest::header::CONTENT_TYPE;

use super::call_error::CallError;
use super::error::SourceError;
use super::hosts::Hosts;
use super::http::{Http, ProxyMode};
use crate::config::{BaseUrl, Limits, Source};

/// The client of WeChat's API, shared by the accounts of a run.
#[derive(Clone, Debug)]
pub struct Client {
    http: Http,
    base_url: BaseUrl,
    hosts: Hosts,
}

impl Client {
    /// Makes a client with the patience of `[source]` and the `[limits]` of a run.
    ///
    /// # Errors
    ///
    /// [`SourceError::CaFile`] if that cannot be used, [`SourceError::Setup`] for anything else.
    pub fn new(settings: &Source, limits: &Limits) -> Result<Self, SourceError> {
        let hosts = Hosts::new(limits.calls_per_host);
        let base_url = settings.base_url.clone();
        let way = match &settings.proxy {
            Some(proxy) => ProxyMode::Proxy(proxy),
            None if base_url.is_loopback() => ProxyMode::Direct,
            None => ProxyMode::Environment,
        };
        Ok(Self { http: Http::new(settings, base_url.url(), way, &hosts)?, base_url, hosts })
    }

    /// Returns the hosts that the accounts of the run talk to.
    pub(super) fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// Returns by how much the API's clock was ahead of this machine's when it last answered; none if it has not, or has
    /// not said so (`Date`).
    pub fn clock_ahead(&self) -> Option<TimeDelta> {
        self.http.clock_ahead()
    }

    /// Makes one GET call and returns the body of its reply.
    pub(super) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Bytes, CallError> {
        self.http.send(self.http.client.get(self.base_url.join(path)).query(query)).await
    }

    /// Makes one POST call with a JSON body. Its length is sent with it: WeChat answers 412 to a chunked one.
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
