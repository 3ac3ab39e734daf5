//! The provider for a token that a central token server (中控) hands out over HTTP.
//!
//! WeChat itself advises teams that share an account to have such a server:
//! <https://developers.weixin.qq.com/doc/oplatform/developers/dev/AccessToken.html>

use fanout_sink::Secret;

use super::reply;
use crate::config::{SourceSection, TokenEndpoint};
use crate::source::call_error::CallError;
use crate::source::error::SourceError;
use crate::source::hosts::Hosts;
use crate::source::http::{Http, ProxyMode};
use crate::source::retry::Retrier;

/// The token server. It is not reached through `source.proxy`, which leads out of the network that
/// the server is in.
#[derive(Debug)]
pub(super) struct Endpoint {
    settings: TokenEndpoint,
    http: Http,
}

impl Endpoint {
    pub(super) fn new(settings: &TokenEndpoint, source: &SourceSection, hosts: &Hosts) -> Result<Self, SourceError> {
        let proxy_mode = if settings.url.is_loopback() { ProxyMode::Direct } else { ProxyMode::Environment };
        Ok(Self { http: Http::new(source, settings.url.expose(), proxy_mode, hosts)?, settings: settings.clone() })
    }

    pub(super) fn origin(&self) -> String {
        format!("the token server {}", self.settings.url)
    }

    /// Asks for the token that the server has now.
    pub(super) async fn ask(&self, retrier: &Retrier) -> Result<Secret, SourceError> {
        let attempt = || async {
            let mut request = self.http.client.get(self.settings.url.expose().clone());
            if let Some((name, value)) = &self.settings.header {
                request = request.header(name, value);
            }
            let body = self.http.send(request).await?;
            reply::point(&body, &self.settings.pointer).map_err(CallError::Malformed)
        };
        let asked = retrier.retrying("a token", attempt).await;
        asked.map_err(|error| SourceError::TokenServer { origin: self.origin(), error: Box::new(error) })
    }
}
