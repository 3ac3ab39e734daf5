//! The provider
//! [`token`](https://developers.weixin.qq.com/doc/oplatform/developers/dev/AccessToken.html), for
//! accounts that must not use `stable_token`.
//!
//! Each call makes a new token, and ends the one before it, which any program of the account may
//! use, five minutes later.

use fanout_sink::Secret;

use super::reply;
use crate::source::client::Client;
use crate::source::error::SourceError;
use crate::source::retry::Retrier;

/// Fetches a new token.
pub(super) async fn ask(
    client: &Client,
    retrier: &Retrier,
    app_id: &str,
    secret: &Secret,
) -> Result<Secret, SourceError> {
    tracing::warn!(
        app_id,
        "`classic_token` is set: the token that is fetched now ends the one that other programs of this account use; \
         without it fanout would ask for `stable_token`, which leaves theirs alone"
    );
    let query = [("grant_type", "client_credential"), ("appid", app_id), ("secret", secret.expose())];
    let attempt = || async {
        let body = client.get("/cgi-bin/token", &query).await?;
        reply::of_wechat(&body).map_err(|error| error.without(secret.expose()))
    };
    retrier.retrying("a token", attempt).await
}
