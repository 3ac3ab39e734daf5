//! Asks the brokers for the metadata of the topic, and returns their own reason if they refuse.
//!
//! A failure is remembered for half a minute: a run asks brokers that do not answer once, and not
//! once for each account.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fanout_sink::{SinkContext, SinkError};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::metadata::Metadata;

use super::client;
use super::log::{Log, Problem};
use crate::options::KafkaOptions;

/// How long the brokers may take to answer.
pub(super) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long they are waited for before their events are read. It doubles, for brokers that answer
/// late.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The pause before they are asked again, where a call fails at once.
const PAUSE: Duration = Duration::from_millis(50);

/// More events than a few connections that fail cause while the brokers are waited for.
const EVENTS: usize = 200;

/// How long a failure counts for everything that has the same connection settings. The calls of a
/// sink are retried for a shorter time.
const REMEMBERED: Duration = Duration::from_secs(30);

/// Why the brokers did not answer.
#[derive(Clone, Debug)]
struct Failure {
    at: Instant,
    reason: String,
    /// Whether they refuse this client: a person must act.
    is_refusal: bool,
}

/// The failures, by the connection settings.
static FAILURES: LazyLock<Mutex<HashMap<u64, Failure>>> = LazyLock::new(Mutex::default);

fn failures() -> MutexGuard<'static, HashMap<u64, Failure>> {
    FAILURES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the metadata of the topic.
///
/// # Errors
///
/// A permanent error if the brokers refuse the credentials or the certificate, or if theirs is
/// refused; a temporary one if they do not answer.
pub(super) fn metadata(
    consumer: &BaseConsumer<Log>,
    options: &KafkaOptions,
    context: &SinkContext,
) -> Result<Metadata, SinkError> {
    check_failures(options, context)?;
    match ask(consumer, &options.topic) {
        Ok(metadata) => {
            failures().remove(&settings(options, context)?);
            Ok(metadata)
        }
        Err(failure) => {
            let error = error(options, &failure);
            failures().insert(settings(options, context)?, failure);
            Err(error)
        }
    }
}

/// Returns the failure of brokers that have just been asked, before a client is made for them.
///
/// # Errors
///
/// As [`metadata`].
pub(super) fn check_failures(options: &KafkaOptions, context: &SinkContext) -> Result<(), SinkError> {
    let settings = settings(options, context)?;
    match failures().get(&settings).filter(|failure| failure.at.elapsed() < REMEMBERED) {
        Some(failure) => Err(error(options, failure)),
        None => Ok(()),
    }
}

/// Hashes everything that decides whether the brokers answer. It has secrets.
fn settings(options: &KafkaOptions, context: &SinkContext) -> Result<u64, SinkError> {
    let config = client::connection_config(options, context)?;
    let mut hasher = DefaultHasher::new();
    // The map itself has placeholders for secrets.
    for key in config.config_map().keys() {
        (key, config.get(key)).hash(&mut hasher);
    }
    Ok(hasher.finish())
}

fn ask(consumer: &BaseConsumer<Log>, topic: &str) -> Result<Metadata, Failure> {
    let began = Instant::now();
    let mut wait = FIRST_WAIT;
    loop {
        let left = RESPONSE_TIMEOUT.saturating_sub(began.elapsed());
        let error = match consumer.fetch_metadata(Some(topic), wait.min(left)) {
            Ok(metadata) => return Ok(metadata),
            Err(error) => error,
        };
        // The events say why. librdkafka passes them to `Log` here, one at each call. A line of its
        // log is one of them, and no call says whether there are more.
        for _ in 0..EVENTS {
            let _ = consumer.poll(Duration::ZERO);
        }
        let is_over = began.elapsed() + PAUSE >= RESPONSE_TIMEOUT;
        let failure = |reason, is_refusal| Failure { at: Instant::now(), reason, is_refusal };
        match consumer.context().problem() {
            // Another try with a wrong password may lock the user out.
            Some((Problem::Credentials, reason)) => return Err(failure(reason, true)),
            // A handshake also fails while a broker starts.
            Some((problem, reason)) if is_over => return Err(failure(reason, problem == Problem::Encryption)),
            None if is_over => return Err(failure(error.to_string(), false)),
            _ => std::thread::sleep(PAUSE),
        }
        wait *= 2;
    }
}

fn error(options: &KafkaOptions, failure: &Failure) -> SinkError {
    let brokers = options.brokers.as_deref().unwrap_or_default().join("`, `");
    let (topic, reason) = (&options.topic, failure.reason.clone());
    if failure.is_refusal {
        SinkError::permanent(format!("the connection to `{brokers}` is refused"))
            .with_source(reason)
            .with_hint("see that `sasl` and `tls` are right: user, password, mechanism, authorities and certificates")
    } else {
        // With the other kind the connection ends in the middle of a handshake, and librdkafka's
        // reason depends on which side was faster.
        let tls = match options.tls {
            Some(_) => "with `tls` they must speak TLS at this address",
            None => "without `tls` they must speak no TLS at this address",
        };
        SinkError::temporary(format!("no broker of `{brokers}` says anything about the topic `{topic}`"))
            .with_source(reason)
            .with_hint(format!("see that `brokers` and `sasl` are right, and that the brokers can be reached; {tls}"))
    }
}
