//! The access token of one account.
//!
//! [`stable_token`](https://developers.weixin.qq.com/doc/subscription/api/base/api_getstableaccesstoken.html) is
//! idempotent and apart from the classic token, so asking for it takes nobody else's token away. A token that was
//! given to us is never renewed: its owner is asked again.

use fanout_sink::{Secret, SecretReference};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::client::Client;
use super::errcode::ApiError;
use super::error::{CallError, SourceError};
use super::retry::retrying;
use crate::config::{Account, Credential, Retry};

/// Hands out the token of one account, from memory only; nothing of it is ever on disk.
#[derive(Debug)]
pub(super) struct Tokens {
    app_id: String,
    credential: Credential,
    /// Held while a token is asked for, so that of many callers one asks (single flight).
    current: Mutex<Option<Secret>>,
}

impl Tokens {
    pub(super) fn new(account: &Account) -> Self {
        Self { app_id: account.app_id.clone(), credential: account.credential.clone(), current: Mutex::new(None) }
    }

    /// Returns the token that is in use, or asks for the first one.
    pub(super) async fn current(&self, client: &Client, retry: &Retry) -> Result<Secret, SourceError> {
        let mut current = self.current.lock().await;
        if let Some(token) = &*current {
            return Ok(token.clone());
        }
        let token = self.ask(client, retry).await?;
        *current = Some(token.clone());
        Ok(token)
    }

    /// Replaces the token that `error` refused, unless another caller has already done so.
    pub(super) async fn renew(
        &self,
        refused: &Secret,
        error: &ApiError,
        client: &Client,
        retry: &Retry,
    ) -> Result<(), SourceError> {
        let mut current = self.current.lock().await;
        if current.as_ref().is_some_and(|token| token != refused) {
            return Ok(());
        }
        let token = self.ask(client, retry).await?;
        if token == *refused {
            if let Credential::Token(source) = &self.credential {
                return Err(SourceError::TokenRefused { origin: origin(source.reference()), error: error.clone() });
            }
            // `stable_token` may hand out the same token again, and WeChat at times refuses a good one: one more
            // try, a moment later, is right, and `force_refresh` is not (20 a day, and it hurts the account's others).
            tokio::time::sleep(retry.base).await;
        }
        *current = Some(token);
        Ok(())
    }

    async fn ask(&self, client: &Client, retry: &Retry) -> Result<Secret, SourceError> {
        match &self.credential {
            Credential::Token(source) => source.read().map_err(SourceError::TokenUnreadable),
            Credential::Secret(secret) => self.stable_token(client, retry, secret).await,
            Credential::Simulated => self.stable_token(client, retry, &Secret::new("simulated")).await,
        }
    }

    async fn stable_token(&self, client: &Client, retry: &Retry, secret: &Secret) -> Result<Secret, SourceError> {
        let request = serde_json::json!({
            "grant_type": "client_credential",
            "appid": self.app_id,
            "secret": secret.expose(),
            "force_refresh": false,
        });
        retrying(retry, "a token", |_| async {
            let body = client.post("/cgi-bin/stable_token", request.to_string().into_bytes()).await?;
            parse(&body).map_err(|error| error.without(secret.expose()))
        })
        .await
    }
}

fn origin(reference: &SecretReference) -> String {
    match reference {
        SecretReference::Env(name) => format!("the environment variable `{name}`"),
        SecretReference::File(path) => format!("the file {}", path.display()),
    }
}

/// Takes the token out of a reply. No error carries any of its text: it may hold the token.
fn parse(body: &[u8]) -> Result<Secret, CallError> {
    #[derive(Deserialize)]
    struct Reply {
        #[serde(default)]
        errcode: i64,
        #[serde(default)]
        errmsg: String,
        access_token: Option<String>,
    }
    let reply: Reply = serde_json::from_slice(body).map_err(|error| {
        CallError::Malformed(format!("no JSON token reply, line {} column {}", error.line(), error.column()))
    })?;
    match reply.access_token {
        _ if reply.errcode != 0 => Err(CallError::Api(ApiError::new(reply.errcode, &reply.errmsg))),
        Some(token) if !token.is_empty() => Ok(Secret::new(token)),
        _ => Err(CallError::Malformed("no `access_token` in it".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_taken_out_of_its_reply() {
        let token = parse(br#"{"access_token":"T","expires_in":7200}"#).unwrap();
        assert_eq!(token.expose(), "T");
    }

    #[test]
    fn an_error_of_the_token_call_shows_nothing_of_the_body() {
        for body in [r#"{"access_token":"CANARY""#, r#"{"access_token":["CANARY"]}"#, "CANARY"] {
            let error = parse(body.as_bytes()).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("CANARY"), "{error:?}");
        }
        assert!(
            matches!(parse(br#"{"errcode":40125,"errmsg":"x"}"#), Err(CallError::Api(error)) if error.code == 40125)
        );
        assert!(matches!(parse(b"{}"), Err(CallError::Malformed(_))));
    }
}
