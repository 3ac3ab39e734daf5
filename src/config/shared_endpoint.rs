//! `[source.token_endpoint]`: one token server for all accounts that have no credential of their
//! own, as an agency or a third-party platform has it.
//!
//! Before it: `section` has the keys as a field, and `load` completes them. Behind it: `account`
//! gives each account the server with its own app id in the URL.

use super::context::{Api, Context};
use super::token::{EndpointKeys, TokenEndpoint};

/// The path of the table.
const PATH: [&str; 2] = ["source", "token_endpoint"];

/// How many accounts an error names.
const NAMED: usize = 3;

/// The shared token server. `None` inside it if a problem of its keys was reported: its accounts
/// are not reported again.
pub(super) struct SharedEndpoint(Option<TokenEndpoint>);

impl SharedEndpoint {
    /// Completes the table; `None` if there is none, or no token is needed.
    pub(super) fn complete(keys: Option<EndpointKeys>, context: &mut Context) -> Option<Self> {
        if context.api != Api::WeChat || !context.has(&PATH) {
            return None;
        }
        Some(Self(keys.and_then(|keys| keys.complete(&PATH, context))))
    }

    /// Returns the server of the account with this app id; `None` if a problem was reported.
    pub(super) fn for_account(&self, app_id: &str) -> Option<TokenEndpoint> {
        self.0.as_ref().map(|endpoint| endpoint.for_account(app_id))
    }

    /// Reports a URL that several accounts share although it names none of them: they would all get
    /// the same token. `used` are the names of accounts, each with the server that it asks.
    pub(super) fn check<'a>(&self, used: impl Iterator<Item = (&'a str, &'a TokenEndpoint)>, context: &mut Context) {
        let Some(endpoint) = self.0.as_ref().filter(|endpoint| !endpoint.url.names_account()) else { return };
        let server = endpoint.server();
        let names: Vec<&str> = used.filter(|(_, own)| own.server() == server).map(|(name, _)| name).collect();
        if names.len() > 1 {
            let (count, first) = (names.len(), names[..names.len().min(NAMED)].join("`, `"));
            let more = if count > NAMED { ", …" } else { "" };
            let message = format!(
                "found a URL without `{{app_id}}`, which {count} accounts share (`{first}`{more}): they would all get the same \
                 token; expected one such as `https://tokens.example/token?appid={{app_id}}`"
            );
            context.report(&[&PATH[..], &["url"]].concat(), message);
        }
    }
}
