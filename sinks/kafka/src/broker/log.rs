//! Passes librdkafka's log lines and errors on to `tracing`. It would print them otherwise.

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;

/// The context of clients that only log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Log;

impl ClientContext for Log {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        log_error(&error, reason);
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
