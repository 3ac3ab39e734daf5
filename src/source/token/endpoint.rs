//! The provider for a token that a central token server (中控) hands out over HTTP.
//!
//! WeChat itself advises teams that share an account to have such a server:
//! <https://developers.weixin.qq.com/doc/oplatform/developers/dev/AccessToken.html>

use fanout_sink::Secret;
use tokio::sync::OnceCell;

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
    source: SourceSection,
    hosts: Hosts,
    /// Made with the first question: a client has certificates and connections of its own, and a
    /// run plans all of its accounts before the first one begins.
    http: OnceCell<Http>,
}

impl Endpoint {
    pub(super) fn new(settings: &TokenEndpoint, source: &SourceSection, hosts: &Hosts) -> Self {
        let (settings, source, hosts) = (settings.clone(), source.clone(), hosts.clone());
        Self { settings, source, hosts, http: OnceCell::new() }
    }

    pub(super) fn origin(&self) -> String {
        format!("the token server {}", self.settings.url)
    }

    /// Asks for the token that the server has now.
    pub(super) async fn ask(&self, retrier: &Retrier) -> Result<Secret, SourceError> {
        let url = &self.settings.url;
        let proxy_mode = if url.is_loopback() { ProxyMode::Direct } else { ProxyMode::Environment };
        let client = async || Http::new(&self.source, url.expose(), proxy_mode, &self.hosts);
        let http = self.http.get_or_try_init(client).await?;
        let attempt = || async {
            let mut request = http.client.get(url.expose().clone());
            if let Some((name, value)) = &self.settings.header {
                request = request.header(name, value);
            }
            let body = http.send(request).await?;
            let token = reply::of_server(&body, &self.settings.pointer);
            token.map_err(|error| self.conceal(CallError::from(error)))
        };
        let asked = retrier.retrying("a token", attempt).await;
        asked.map_err(|error| SourceError::TokenServer { origin: self.origin(), error: Box::new(error) })
    }

    /// Removes from the server's text what the request carried, any part of which may be a secret.
    fn conceal(&self, error: CallError) -> CallError {
        let url = self.settings.url.expose();
        let header = self.settings.header.as_ref().and_then(|(_, value)| value.to_str().ok());
        let query = url.query_pairs().map(|(_, value)| value.into_owned());
        let path = url.path_segments().into_iter().flatten().map(str::to_owned);
        let carried = header.map(str::to_owned).into_iter().chain(query).chain(path);
        carried.fold(error, |error, secret| error.without(&secret))
    }
}
