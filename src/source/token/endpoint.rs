//! The provider for a token that a central token server (中控) hands out over HTTP.
//!
//! WeChat itself advises teams that share an account to have such a server:
//! <https://developers.weixin.qq.com/doc/oplatform/developers/dev/AccessToken.html>

use std::sync::Arc;

use fanout_sink::Secret;

use super::platform::Platform;
use super::{own_error, reply};
use crate::config::{SourceSection, TokenEndpoint};
use crate::source::call_error::CallError;
use crate::source::client::Client;
use crate::source::error::SourceError;
use crate::source::hosts::Hosts;
use crate::source::http::{Http, ProxyMode};
use crate::source::retry::Retrier;

/// The token server. It is not reached through `source.proxy`, which leads out of the network that
/// the server is in.
#[derive(Debug)]
pub(super) struct Endpoint {
    settings: TokenEndpoint,
    /// The account that is asked for.
    app_id: String,
    source: SourceSection,
    hosts: Hosts,
    platform: Arc<Platform>,
}

impl Endpoint {
    pub(super) fn new(settings: &TokenEndpoint, app_id: &str, source: &SourceSection, client: &Client) -> Self {
        let platform = client.platforms().behind(settings.server(), &origin(settings));
        let (source, hosts) = (source.clone(), client.hosts().clone());
        Self { settings: settings.clone(), app_id: app_id.to_owned(), source, hosts, platform }
    }

    pub(super) fn origin(&self) -> String {
        origin(&self.settings)
    }

    /// Returns the platform whose failure concerns other accounts as well; `None` if the token
    /// server is asked for this account alone.
    pub(super) fn platform(&self) -> Option<&Platform> {
        self.settings.url.names_account().then_some(&*self.platform)
    }

    /// Asks for the token that the server has now.
    pub(super) async fn ask(&self, retrier: &Retrier) -> Result<Secret, SourceError> {
        let url = &self.settings.url;
        let proxy_mode = if url.is_loopback() { ProxyMode::Direct } else { ProxyMode::Environment };
        let client = async || Http::new(&self.source, url.expose(), proxy_mode, &self.hosts);
        let http = self.platform.http.get_or_try_init(client).await?;
        let attempt = || async {
            let mut request = http.client.get(url.expose().clone());
            if let Some((name, value)) = &self.settings.header {
                request = request.header(name, value);
            }
            let body = http.send(request).await?;
            let own_error = self.settings.error_pointer.as_ref().and_then(|pointer| own_error::find(&body, pointer));
            if let Some(error) = own_error {
                return Err(self.conceal(error));
            }
            let token = reply::of_server(&body, &self.settings.pointer);
            token.map_err(|error| self.conceal(CallError::from(error)))
        };
        let asked = retrier.retrying("a token", attempt).await;
        if asked.is_ok() {
            self.platform.has_served();
        }
        asked.map_err(|error| SourceError::TokenServer { origin: self.origin(), error: Box::new(error) })
    }

    /// Removes from the server's text what the request carried, any part of which may be a secret.
    fn conceal(&self, error: CallError) -> CallError {
        let url = self.settings.url.expose();
        let header = self.settings.header.as_ref().and_then(|(_, value)| value.to_str().ok());
        let query = url.query_pairs().map(|(_, value)| value.into_owned());
        let path = url.path_segments().into_iter().flatten().map(str::to_owned);
        let carried = header.map(str::to_owned).into_iter().chain(query).chain(path);
        // The app id is no secret, and says which account the server means.
        carried.filter(|part| *part != self.app_id).fold(error, |error, secret| error.without(&secret))
    }
}

/// Returns the token server in words, without what may be secret in its URL.
fn origin(settings: &TokenEndpoint) -> String {
    format!("the token server {}", settings.url)
}
