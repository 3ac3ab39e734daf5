//! The tokens of an account, which all of its lists share: a classic token has one owner.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::keys::lock_holder;
use crate::config::{Account, Credential, Pipeline};
use crate::error::Error;
use crate::journal::TokenLock;
use crate::source::{Client, Tokens};

/// The tokens of one account of a run. They exist while a list of the account uses them.
#[derive(Debug, Default)]
pub(super) struct AccountTokens(Mutex<Weak<OwnedTokens>>);

/// Tokens that are in use, and the lock that goes with them.
#[derive(Debug)]
pub(super) struct OwnedTokens {
    pub(super) tokens: Arc<Tokens>,
    /// `None` where a second owner does no harm.
    _lock: Option<TokenLock>,
}

impl AccountTokens {
    /// Returns the account's tokens; no call is made yet. For a classic token the account's lock is taken: each call for
    /// one ends the token before it, so two processes would take it from each other.
    ///
    /// # Errors
    ///
    /// If another process owns the token, or the way to a token server cannot be set up.
    pub(super) fn shared(
        &self,
        pipeline: &Pipeline,
        account: &Account,
        client: &Client,
    ) -> Result<Arc<OwnedTokens>, Error> {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tokens) = shared.upgrade() {
            return Ok(tokens);
        }
        let lock = match account.credential {
            Credential::ClassicSecret(_) => {
                Some(TokenLock::take(&pipeline.journal.path, &account.app_id, &lock_holder(pipeline))?)
            }
            _ => None,
        };
        let tokens = Arc::new(Tokens::new(account, &pipeline.source, client)?);
        let tokens = Arc::new(OwnedTokens { tokens, _lock: lock });
        *shared = Arc::downgrade(&tokens);
        Ok(tokens)
    }
}
