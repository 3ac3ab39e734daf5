//! What the accounts of one token server share: the client that asks it, and the failure of the
//! platform behind it.
//!
//! Before it: `tokens` does the calls of an account under the guard of its [`Platform`]. Behind it:
//! the first failure that no account of the platform can escape ends the calls of all of them.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use crate::causes::error_chain;
use crate::config::TokenServer;
use crate::source::error::{Reach, SourceError};
use crate::source::http::Http;
use crate::wechat::Blame;

/// The platforms of a run, one for each token server. Clones share them.
#[derive(Clone, Default)]
pub(in crate::source) struct Platforms(Arc<Mutex<HashMap<TokenServer, Arc<Platform>>>>);

impl Platforms {
    /// Returns the platform behind `server`, which errors call `origin`.
    pub(in crate::source) fn behind(&self, server: TokenServer, origin: &str) -> Arc<Platform> {
        let mut platforms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(platforms.entry(server).or_insert_with(|| Arc::new(Platform::new(origin))))
    }
}

impl fmt::Debug for Platforms {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Platforms")
    }
}

/// The platform behind a token server.
#[derive(Debug)]
pub(in crate::source) struct Platform {
    /// The token server, in words.
    origin: String,
    /// Made with the first question: a client has certificates and connections of its own, and a
    /// run plans all of its accounts before the first one begins.
    pub(super) http: OnceCell<Http>,
    /// Whether an account has got a token.
    has_served: AtomicBool,
    /// The accounts that have met an error of [`Blame::Unclear`], with its number.
    suspicions: Mutex<HashMap<String, i64>>,
    failure: OnceLock<Arc<SourceError>>,
    /// Cancelled once there is a `failure`.
    down: CancellationToken,
}

impl Platform {
    fn new(origin: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            http: OnceCell::new(),
            has_served: AtomicBool::new(false),
            suspicions: Mutex::default(),
            failure: OnceLock::new(),
            down: CancellationToken::new(),
        }
    }

    /// Notes that an account has got a token.
    pub(super) fn has_served(&self) {
        self.has_served.store(true, Ordering::Relaxed);
    }

    /// Waits for `work`, calls for the account `app_id`.
    ///
    /// # Errors
    ///
    /// [`SourceError::Platform`] if the platform has failed, or fails meanwhile: then nothing more
    /// is sent.
    pub(super) async fn guard<T>(
        &self,
        app_id: &str,
        work: impl Future<Output = Result<T, SourceError>>,
    ) -> Result<T, SourceError> {
        let result = tokio::select! {
            biased;
            () = self.down.cancelled() => return Err(self.failed(Reach::NotTried)),
            result = work => result,
        };
        result.map_err(|error| self.judge(app_id, error))
    }

    /// Looks whether `error` is a failure of the platform, which it then becomes.
    fn judge(&self, app_id: &str, error: SourceError) -> SourceError {
        let (is_for_token, api) = (matches!(error, SourceError::TokenServer { .. }), error.api_error());
        let is_platforms = api.is_some_and(|api| match api.blame(is_for_token) {
            Blame::Account => false,
            Blame::Platform => true,
            Blame::Unclear => self.suspect(app_id, api.code),
        });
        if !is_platforms {
            return error;
        }
        let error = match error {
            // The token server is named by the error that this becomes.
            SourceError::TokenServer { error, .. } => *error,
            error => error,
        };
        let told = error_chain(&error);
        if self.failure.set(Arc::new(error)).is_err() {
            return self.failed(Reach::NotTried);
        }
        tracing::warn!(error = told, "the platform behind {} has failed; its accounts are stopped", self.origin);
        self.down.cancel();
        self.failed(Reach::Failed)
    }

    /// Returns whether a second account meets the error `code`, before any has got a token.
    fn suspect(&self, app_id: &str, code: i64) -> bool {
        let mut suspicions = self.suspicions.lock().unwrap_or_else(PoisonError::into_inner);
        suspicions.insert(app_id.to_owned(), code);
        let accounts = suspicions.values().filter(|other| **other == code).count();
        accounts > 1 && !self.has_served.load(Ordering::Relaxed)
    }

    fn failed(&self, reach: Reach) -> SourceError {
        let error = Arc::clone(self.failure.get().expect("it is set before it is told"));
        SourceError::Platform { origin: self.origin.clone(), reach, error }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::source::call_error::CallError;
    use crate::wechat::ApiError;

    fn of_data(code: i64) -> SourceError {
        let error = CallError::Api(ApiError::new(code, "no"));
        SourceError::Call { what: "the first page".to_owned(), tries: 1, calls: 1, elapsed: Duration::ZERO, error }
    }

    fn of_token(code: i64) -> SourceError {
        SourceError::TokenServer { origin: "the token server x".to_owned(), error: Box::new(of_data(code)) }
    }

    async fn meet(platform: &Platform, app_id: &str, error: SourceError) -> Option<Reach> {
        match platform.guard(app_id, std::future::ready(Err::<(), _>(error))).await.unwrap_err() {
            SourceError::Platform { reach, .. } => Some(reach),
            _ => None,
        }
    }

    #[tokio::test]
    async fn the_first_failure_of_a_platform_ends_all_calls() {
        let platform = Platform::new("the token server x");
        assert_eq!(meet(&platform, "wx1", of_data(61003)).await, None);
        let under_way = platform.guard("wx2", std::future::pending::<Result<(), SourceError>>());
        let (under_way, failed) = tokio::join!(under_way, meet(&platform, "wx1", of_data(61004)));
        assert_eq!(failed, Some(Reach::Failed));
        assert!(matches!(under_way, Err(SourceError::Platform { reach: Reach::NotTried, .. })));
        let never = async { panic!("this is not polled") };
        assert!(platform.guard::<()>("wx3", never).await.is_err());
    }

    #[tokio::test]
    async fn a_wrong_secret_is_the_platforms_at_the_second_account_if_none_has_a_token() {
        for code in [41004, 40125] {
            let platform = Platform::new("the token server x");
            assert_eq!(meet(&platform, "wx1", of_token(code)).await, None);
            assert_eq!(meet(&platform, "wx1", of_token(code)).await, None, "that is the same account");
            assert_eq!(meet(&platform, "wx2", of_token(code)).await, Some(Reach::Failed));
            let platform = Platform::new("the token server x");
            platform.has_served();
            assert_eq!(meet(&platform, "wx1", of_token(code)).await, None);
            assert_eq!(meet(&platform, "wx2", of_token(code)).await, None);
        }
    }
}
