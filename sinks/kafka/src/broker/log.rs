//! Passes librdkafka's log lines and errors on to `tracing`. It would print them otherwise.

use std::sync::{Mutex, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// The context of clients that only log, and keep the reason why no broker can be used.
#[derive(Debug, Default)]
pub(super) struct Log {
    problem: Mutex<Option<(Problem, String)>>,
}

/// What is wrong with a connection. A later one is worse: it says more than that the connection has
/// ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Problem {
    /// The broker cannot be reached, or has ended the connection.
    Connection,
    /// A certificate is refused, or there is no encryption.
    Encryption,
    /// The broker refuses the credentials.
    Credentials,
}

impl Log {
    /// Returns why no broker can be used; `None` if nothing has failed.
    pub(super) fn problem(&self) -> Option<(Problem, String)> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientContext for Log {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    /// Logs at `debug`: the call that fails for this reason returns it.
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, "librdkafka: {reason}");
        let problem = match error.rdkafka_error_code() {
            // It follows the reason of the last broker.
            Some(RDKafkaErrorCode::AllBrokersDown) => return,
            Some(RDKafkaErrorCode::Authentication) => Problem::Credentials,
            Some(RDKafkaErrorCode::SSL) => Problem::Encryption,
            _ => Problem::Connection,
        };
        let mut worst = self.problem.lock().unwrap_or_else(PoisonError::into_inner);
        if worst.as_ref().is_none_or(|(worst, _)| problem >= *worst) {
            *worst = Some((problem, reason.to_owned()));
        }
    }
}

impl rdkafka::consumer::ConsumerContext for Log {}

/// Logs a line of librdkafka at `debug`, whatever its level: librdkafka retries what it calls an
/// error, and this crate reports the call that fails in the end.
pub(super) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    tracing::debug!(?level, facility, "librdkafka: {message}");
}

/// Logs an error of librdkafka that belongs to no call.
pub(super) fn log_error(error: &KafkaError, reason: &str) {
    tracing::info!(%error, "librdkafka: {reason}");
}
