//! The provider
//! [`stable_token`](https://developers.weixin.qq.com/doc/subscription/api/base/api_getstableaccesstoken.html).
//!
//! The call is idempotent, and independent of the classic token: no other program loses its token.

use fanout_sink::Secret;

use super::reply;
use crate::source::client::Client;
use crate::source::error::SourceError;
use crate::source::retry::Retrier;

/// Asks for the current token.
pub(super) async fn ask(
    client: &Client,
    retrier: &Retrier,
    app_id: &str,
    secret: &Secret,
) -> Result<Secret, SourceError> {
    let request = serde_json::json!({
        "grant_type": "client_credential",
        "appid": app_id,
        "secret": secret.expose(),
        "force_refresh": false,
    });
    let attempt = || async {
        let body = client.post("/cgi-bin/stable_token", &[], &request).await?;
        reply::of_wechat(&body).map_err(|error| error.without(secret.expose()))
    };
    retrier.retrying("a token", attempt).await
}
