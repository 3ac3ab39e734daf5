//! Trying again: how often, how long, and how patiently.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;

use super::error::{CallError, SourceError};
use crate::config::Retry;

/// Repeats a call until it succeeds, fails for good, or has used up its tries or its time.
///
/// `what` completes the sentence "the call for … failed". `attempt` gets the number of the try, from 1.
pub(super) async fn retrying<T, Attempt>(
    settings: &Retry,
    what: &str,
    mut attempt: impl FnMut(u32) -> Attempt,
) -> Result<T, SourceError>
where
    Attempt: Future<Output = Result<T, CallError>>,
{
    let started = Instant::now();
    let mut tries = 0;
    loop {
        tries += 1;
        let error = match attempt(tries).await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let elapsed = started.elapsed();
        let wait = error.retry_after().map(|least| backoff(settings, tries).max(least));
        match wait {
            Some(wait) if tries < settings.attempts && elapsed + wait <= settings.budget => {
                tracing::warn!(what, tries, error = %chain(&error), "a call failed; trying again in {wait:.1?}");
                tokio::time::sleep(wait).await;
            }
            _ => return Err(SourceError::Call { what: what.to_owned(), tries, elapsed, error }),
        }
    }
}

/// Returns the pause after try number `tries`: it doubles, and is spread over its upper half, so that many accounts
/// which failed together do not come back together.
fn backoff(settings: &Retry, tries: u32) -> Duration {
    let full = settings.base.saturating_mul(1 << (tries - 1).min(20)).min(settings.max);
    let random = RandomState::new().hash_one(tries) as f64 / u64::MAX as f64;
    full.mul_f64(0.5 + random / 2.0)
}

/// Writes an error and its causes on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::ApiError;

    fn settings(attempts: u32) -> Retry {
        Retry {
            attempts,
            budget: Duration::from_secs(100),
            base: Duration::from_millis(500),
            max: Duration::from_secs(30),
        }
    }

    fn busy() -> CallError {
        CallError::Api(ApiError::new(-1, "system error"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_temporary_error_is_tried_as_often_as_the_settings_say() {
        let mut made = 0;
        let result: Result<(), _> = retrying(&settings(4), "a token", |_| {
            made += 1;
            async { Err(busy()) }
        })
        .await;
        assert_eq!(made, 4);
        let error = result.unwrap_err();
        assert!(matches!(error, SourceError::Call { tries: 4, .. }), "{error:?}");
        assert!(error.is_temporary());
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_for_retries_is_bounded() {
        let started = tokio::time::Instant::now();
        let result: Result<(), _> = retrying(&settings(u32::MAX), "a token", |_| async { Err(busy()) }).await;
        assert!(result.is_err());
        assert!(started.elapsed() <= Duration::from_secs(100), "{:?}", started.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_that_stays_is_not_repeated() {
        let result: Result<(), _> =
            retrying(&settings(9), "a token", |_| async { Err(CallError::Api(ApiError::new(48001, ""))) }).await;
        let error = result.unwrap_err();
        assert!(matches!(error, SourceError::Call { tries: 1, .. }));
        assert!(!error.is_temporary());
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_names_its_time_gets_it() {
        let started = tokio::time::Instant::now();
        let asked = Duration::from_secs(40);
        retrying(&settings(2), "a page", |tries| async move {
            if tries == 1 { Err(CallError::Status { status: 429, retry_after: Some(asked) }) } else { Ok(()) }
        })
        .await
        .unwrap();
        assert!(started.elapsed() >= asked);
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        for (tries, full) in [(1, 500), (2, 1000), (5, 8000), (7, 30_000), (40, 30_000)] {
            let pause = backoff(&settings(1), tries).as_millis();
            assert!((full / 2..=full).contains(&pause), "{pause} ms after try {tries}");
        }
    }
}
