//! The token of an account: asked for once, and renewed when WeChat refuses it.
//!
//! Before it: `fetch`, which takes the token for each call. Behind it: the providers.

use std::sync::atomic::{AtomicU64, Ordering};

use fanout_sink::Secret;
use tokio::sync::Mutex;

use super::endpoint::Endpoint;
use super::{classic, command, given, stable};
use crate::causes::error_chain;
use crate::config::{Account, Credential, SourceSection, TokenCommand, TokenSource};
use crate::source::client::Client;
use crate::source::error::SourceError;
use crate::source::retry::Retrier;
use crate::wechat::{ApiError, CredentialForm, Formed};

/// How often the owner of a refused token is asked for another one. With the pauses between, this
/// takes some seconds, as long as a token server may take to notice that its token has ended.
const QUESTIONS: u32 = 4;

/// Hands out the token of one account, to all of its lists.
#[derive(Debug)]
pub struct Tokens {
    app_id: String,
    provider: Provider,
    /// Held while a token is asked for, so that one of many callers asks (single flight).
    current: Mutex<Option<Secret>>,
    /// How many renewals have ended with an answer. A caller that has waited for one shares it.
    renewals: AtomicU64,
}

/// Where the token comes from.
#[derive(Debug)]
enum Provider {
    Stable(Secret),
    Classic(Secret),
    Given(TokenSource),
    Endpoint(Box<Endpoint>),
    Command(TokenCommand),
}

impl Tokens {
    /// Makes the tokens of `account`. They will be asked for through `client`, or from one of the
    /// account's other hosts; no call is made yet.
    pub fn new(account: &Account, settings: &SourceSection, client: &Client) -> Self {
        let provider = match &account.credential {
            Credential::Secret(secret) => Provider::Stable(secret.clone()),
            Credential::ClassicSecret(secret) => Provider::Classic(secret.clone()),
            Credential::Token(source) => Provider::Given(source.clone()),
            Credential::Endpoint(endpoint) => {
                Provider::Endpoint(Box::new(Endpoint::new(endpoint, &account.app_id, settings, client)))
            }
            Credential::Command(command) => Provider::Command(command.clone()),
            Credential::Simulated => Provider::Stable(Secret::new("simulated")),
        };
        Self { app_id: account.app_id.clone(), provider, current: Mutex::new(None), renewals: AtomicU64::new(0) }
    }

    /// Waits for `work`, calls that need this token or ask for it. All calls for an account go
    /// through here.
    ///
    /// # Errors
    ///
    /// [`SourceError::Platform`] if the token comes from a platform that has failed, for this or
    /// another account, or that fails meanwhile.
    pub(in crate::source) async fn guard<T>(
        &self,
        work: impl Future<Output = Result<T, SourceError>>,
    ) -> Result<T, SourceError> {
        let platform = match &self.provider {
            Provider::Endpoint(endpoint) => endpoint.platform(),
            _ => None,
        };
        match platform {
            Some(platform) => platform.guard(&self.app_id, work).await,
            None => work.await,
        }
    }

    /// Returns the token in use, or asks for the first one.
    pub(in crate::source) async fn current(&self, client: &Client, retrier: &Retrier) -> Result<Secret, SourceError> {
        let mut current = self.current.lock().await;
        // A file is read again before each call. That costs nothing beside a call, and a token that
        // was replaced in it must be used by the next call.
        let rereads = matches!(&self.provider, Provider::Given(source) if given::may_change(source));
        match &*current {
            Some(token) if !rereads => return Ok(token.clone()),
            _ => {}
        }
        match self.ask(client, retrier).await {
            Ok(token) => *current = Some(token),
            Err(error) if current.is_none() => return Err(error),
            // The file may be written at this moment, and the token that is in use may still be
            // good.
            Err(error) => tracing::debug!(error = %error_chain(&error), "the token cannot be read again"),
        }
        Ok(current.clone().expect("it was there, or has just been put there"))
    }

    /// Replaces the token that WeChat refused, unless another caller has already done so. Returns
    /// `false` if its owner has no other.
    pub(in crate::source) async fn renew(
        &self,
        refused: &Secret,
        client: &Client,
        retrier: &Retrier,
    ) -> Result<bool, SourceError> {
        let before = self.renewals.load(Ordering::Acquire);
        let mut current = self.current.lock().await;
        if current.as_ref().is_some_and(|token| token != refused) {
            return Ok(true);
        }
        let owner = self.owner();
        if self.renewals.load(Ordering::Acquire) != before {
            // Another caller has asked while this one waited, and got the same token again.
            return Ok(owner.is_none());
        }
        if let Some(owner) = owner {
            let token = self.ask_owner(&owner, refused, client, retrier).await?;
            self.renewals.fetch_add(1, Ordering::AcqRel);
            let Some(token) = token else { return Ok(false) };
            *current = Some(token);
            return Ok(true);
        }
        let token = self.ask(client, retrier).await?;
        if token == *refused {
            // `stable_token` may hand out the same token again, and WeChat sometimes refuses a good
            // one, so one more try follows a moment later. `force_refresh` would be wrong: it is
            // limited to 20 a day, and ends the token of the account's other programs.
            tokio::time::sleep(retrier.backoff(1)).await;
        }
        self.renewals.fetch_add(1, Ordering::AcqRel);
        *current = Some(token);
        Ok(true)
    }

    /// Returns the error for a token that was refused at `call` and that fanout may not renew, or
    /// `None` if it may. `is_same` says whether the token's owner has no other.
    pub(in crate::source) fn refusal(&self, call: &str, error: &ApiError, is_same: bool) -> Option<SourceError> {
        let again = if is_same && self.may_change() { QUESTIONS } else { 0 };
        Some(SourceError::TokenRefused { origin: self.owner()?, call: call.to_owned(), again, error: error.clone() })
    }

    /// Returns whether another token may come from the same place.
    fn may_change(&self) -> bool {
        !matches!(&self.provider, Provider::Given(source) if !given::may_change(source))
    }

    /// Returns the owner of the token, in words, or `None` if fanout fetches it itself.
    fn owner(&self) -> Option<String> {
        match &self.provider {
            Provider::Stable(_) | Provider::Classic(_) => None,
            Provider::Given(source) => Some(given::origin(source)),
            Provider::Endpoint(endpoint) => Some(endpoint.origin()),
            Provider::Command(command) => Some(command::origin(command)),
        }
    }

    /// Asks the owner of a refused token until it gives another one; `None` if it does not.
    async fn ask_owner(
        &self,
        owner: &str,
        refused: &Secret,
        client: &Client,
        retrier: &Retrier,
    ) -> Result<Option<Secret>, SourceError> {
        let questions = if self.may_change() { QUESTIONS } else { 1 };
        for question in 1..=questions {
            let token = self.ask(client, retrier).await?;
            if token != *refused {
                return Ok(Some(token));
            }
            if question < questions {
                tracing::info!("{owner} still gives the refused token; asking again");
                tokio::time::sleep(retrier.backoff(question)).await;
            }
        }
        Ok(None)
    }

    async fn ask(&self, client: &Client, retrier: &Retrier) -> Result<Secret, SourceError> {
        let token = match &self.provider {
            Provider::Stable(secret) => stable::ask(client, retrier, &self.app_id, secret).await,
            Provider::Classic(secret) => classic::ask(client, retrier, &self.app_id, secret).await,
            Provider::Given(source) => source.read().map_err(SourceError::TokenUnreadable),
            Provider::Endpoint(endpoint) => endpoint.ask(retrier).await,
            Provider::Command(command) => command::ask(command).await,
        }?;
        // `config` has warned of a token in a variable or a file.
        if let (Provider::Endpoint(_) | Provider::Command(_), Some(owner)) = (&self.provider, self.owner())
            && let Ok(Formed { unusual: Some(unusual), .. }) = CredentialForm::Token.check(token.expose())
        {
            tracing::warn!(app_id = self.app_id, "the token from {owner} {unusual}");
        }
        Ok(token)
    }
}
