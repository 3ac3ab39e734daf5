//! The tokens of an account, which all its lists share: a classic token has one owner.
//!
//! `run_context` has one [`AccountTokens`] for each account; a unit hands the tokens to its
//! [`Source`](crate::source::Source).

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::keys::lock_holder;
use crate::config::{Account, Credential, Pipeline};
use crate::error::Error;
use crate::journal::TokenLock;
use crate::source::{Client, Tokens};

/// The tokens of one account of a run. They exist while a list of the account uses them.
#[derive(Debug, Default)]
pub(super) struct AccountTokens(Mutex<Weak<OwnedTokens>>);

/// Tokens that are in use, and their lock.
#[derive(Debug)]
pub(super) struct OwnedTokens {
    pub(super) tokens: Arc<Tokens>,
    /// `None` if a second owner does no harm.
    _lock: Option<TokenLock>,
}

impl AccountTokens {
    /// Returns the account's tokens; no API call is made yet.
    ///
    /// For a classic token it takes the account's token lock: each request for one ends the token
    /// before it, so two processes would end each other's.
    ///
    /// # Errors
    ///
    /// If another process holds the lock.
    pub(super) fn get(
        &self,
        pipeline: &Pipeline,
        account: &Account,
        client: &Client,
    ) -> Result<Arc<OwnedTokens>, Error> {
        let mut in_use = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tokens) = in_use.upgrade() {
            return Ok(tokens);
        }
        let lock = match account.credential {
            Credential::ClassicSecret(_) => {
                Some(TokenLock::take(&pipeline.journal.path, &account.app_id, &lock_holder(pipeline))?)
            }
            _ => None,
        };
        let tokens = Arc::new(Tokens::new(account, &pipeline.source, client));
        let tokens = Arc::new(OwnedTokens { tokens, _lock: lock });
        *in_use = Arc::downgrade(&tokens);
        Ok(tokens)
    }
}
