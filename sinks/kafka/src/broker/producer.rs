//! librdkafka's transactional producer, with its errors sorted by what can be done about them.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use fanout_sink::SinkError;
use rdkafka::client::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, RDKafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, TopicPartitionList};

use super::log::{log, log_error};
use crate::message::Message;

/// How long one call of librdkafka may take. librdkafka retries within that time; `with_retries`
/// repeats the call after it.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// How long `init_transactions` may take; the engine retries it.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// The pause before a call is repeated, or a full queue is offered a record again. At 100 MB/s half
/// of the default queue has been sent by then.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// A producer and its transactions.
pub(super) struct TransactionalProducer {
    producer: ThreadedProducer<DeliveryReports>,
    /// How long calls about a transaction are retried: as long as the brokers keep it open.
    transaction_timeout: Duration,
}

/// Receives librdkafka's delivery reports, which are about failures only.
#[derive(Debug, Default)]
struct DeliveryReports {
    /// Why the first record that failed was not delivered.
    failure: Mutex<Option<RDKafkaErrorCode>>,
}

impl ClientContext for DeliveryReports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        log_error(&error, reason);
    }
}

impl ProducerContext for DeliveryReports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let Err((error, _)) = result else { return };
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
        // An abort empties the queue: a record that is dropped by it is no failure.
        if !matches!(code, RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight) {
            self.failure.lock().expect("no code panics under this lock").get_or_insert(code);
        }
    }
}

impl TransactionalProducer {
    /// Connects, and fences every earlier producer of the same transactional id. The brokers abort
    /// what that one had not committed.
    pub(super) fn open(config: &ClientConfig, transaction_timeout: Duration) -> Result<Self, SinkError> {
        let producer = ThreadedProducer::from_config_and_context(config, DeliveryReports::default())
            .map_err(|error| SinkError::permanent("cannot make a producer").with_source(error))?;
        let what = "begin as the only producer of its transactional id";
        match producer.init_transactions(INIT_TIMEOUT) {
            Ok(()) => Ok(Self { producer, transaction_timeout }),
            Err(KafkaError::Transaction(error)) if error.is_retriable() && !error.is_fatal() => {
                let error = SinkError::temporary(format!("cannot {what}")).with_source(Reason::of(&error));
                Err(error.with_hint("see that the brokers can be reached, and run again"))
            }
            Err(error) => Err(transaction_error(what, error)),
        }
    }

    pub(super) fn begin(&self) -> Result<(), SinkError> {
        self.producer.begin_transaction().map_err(|error| transaction_error("begin a transaction", error))
    }

    /// Puts a message into the queue, and waits while the queue is full.
    pub(super) fn send(
        &self,
        topic: &str,
        partition: i32,
        message: &Message<'_>,
        headers: OwnedHeaders,
    ) -> Result<(), SinkError> {
        let mut record =
            BaseRecord::to(topic).partition(partition).key(message.key).timestamp(message.timestamp).headers(headers);
        if let Some(value) = message.value {
            record = record.payload(value);
        }
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), refused)) => {
                    self.check()?;
                    std::thread::sleep(RETRY_PAUSE);
                    record = refused;
                }
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge), _)) => {
                    let position = message.position;
                    let message = format!("row {position} of the list makes a record that no batch can hold");
                    return Err(SinkError::permanent(message).with_hint("leave columns out with `value`"));
                }
                Err((error, _)) => {
                    self.check()?;
                    return Err(aborted("send a record", error));
                }
            }
        }
    }

    /// Returns the number of messages that the brokers have not acknowledged yet.
    pub(super) fn in_flight(&self) -> u64 {
        self.producer.in_flight_count() as u64
    }

    /// Waits until the brokers have acknowledged every message.
    pub(super) fn flush(&self) -> Result<(), SinkError> {
        let deadline = Instant::now() + self.transaction_timeout;
        loop {
            let flushed = self.producer.flush(Duration::from_secs(1));
            self.check()?;
            match flushed {
                Ok(()) => return Ok(()),
                Err(KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut)) if Instant::now() < deadline => {}
                Err(error) => return Err(aborted("deliver all records", error)),
            }
        }
    }

    /// Commits the transaction, with the checkpoint, an offset of `group`, in it.
    pub(super) fn commit(&self, offsets: &TopicPartitionList, group: &ConsumerGroupMetadata) -> Result<(), SinkError> {
        self.with_retries("put the checkpoint into the transaction", |producer| {
            producer.send_offsets_to_transaction(offsets, group, CALL_TIMEOUT)
        })?;
        self.with_retries("commit the transaction", |producer| producer.commit_transaction(CALL_TIMEOUT))
    }

    pub(super) fn abort(&self) -> Result<(), SinkError> {
        self.with_retries("abort the transaction", |producer| producer.abort_transaction(CALL_TIMEOUT))
    }

    /// Repeats a call while librdkafka calls its error retriable. After a commit that timed out,
    /// another commit is the only call that librdkafka accepts.
    fn with_retries(
        &self,
        what: &str,
        call: impl Fn(&ThreadedProducer<DeliveryReports>) -> Result<(), KafkaError>,
    ) -> Result<(), SinkError> {
        let deadline = Instant::now() + self.transaction_timeout;
        loop {
            match call(&self.producer) {
                Ok(()) => return Ok(()),
                Err(KafkaError::Transaction(error)) if error.is_retriable() && Instant::now() < deadline => {
                    tracing::info!(%error, "trying again to {what}");
                    std::thread::sleep(RETRY_PAUSE);
                }
                Err(error) => return Err(transaction_error(what, error)),
            }
        }
    }

    /// Fails if the producer has a fatal error, or a record was not delivered.
    fn check(&self) -> Result<(), SinkError> {
        if let Some((code, reason)) = self.producer.client().fatal_error() {
            return Err(fatal("go on", code, &reason));
        }
        match *self.producer.context().failure.lock().expect("no code panics under this lock") {
            Some(code) => Err(aborted("deliver a record", KafkaError::MessageProduction(code))),
            None => Ok(()),
        }
    }
}

/// Sorts an error of a call about a transaction. No such error is temporary: the engine cannot
/// offer the accepted rows again.
fn transaction_error(what: &str, error: KafkaError) -> SinkError {
    match error {
        KafkaError::Transaction(error) if error.is_fatal() => fatal(what, error.code(), &error.string()),
        KafkaError::Transaction(error) if error.is_retriable() || error.txn_requires_abort() => {
            let aborted = SinkError::aborted(format!("cannot {what}")).with_source(Reason::of(&error));
            aborted.with_hint(AFTER_AN_ABORT)
        }
        KafkaError::Transaction(error) => {
            SinkError::permanent(format!("cannot {what}")).with_source(Reason::of(&error))
        }
        error => aborted(what, error),
    }
}

const AFTER_AN_ABORT: &str =
    "see that the brokers can be reached, and run again; what `read_committed` readers do not see yet, they see then";

fn aborted(what: &str, error: KafkaError) -> SinkError {
    SinkError::aborted(format!("cannot {what}")).with_source(error).with_hint(AFTER_AN_ABORT)
}

/// librdkafka's description of an error: more than the name of its code.
#[derive(Debug)]
struct Reason(String);

impl Reason {
    fn of(error: &RDKafkaError) -> Self {
        Self(format!("{} ({})", error.string(), error.name()))
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Reason {}

/// Makes the error of a producer that can do nothing more.
fn fatal(what: &str, code: RDKafkaErrorCode, reason: &str) -> SinkError {
    use RDKafkaErrorCode::{
        Fenced, InvalidProducerEpoch, InvalidTransactionTimeout, ProducerFenced, TransactionalIdAuthorizationFailed,
    };
    let error = match code {
        InvalidTransactionTimeout => {
            let message = "the brokers allow no transaction as long as `transaction_timeout_secs` says";
            return SinkError::option("transaction_timeout_secs", message)
                .with_hint("their `transaction.max.timeout.ms` is the bound, 900 seconds by default");
        }
        Fenced | ProducerFenced | InvalidProducerEpoch => SinkError::permanent(format!(
            "cannot {what}: another producer with the same transactional id has taken over"
        ))
        .with_hint("let one run at a time deliver this pipeline; elsewhere, choose another `prefix`"),
        TransactionalIdAuthorizationFailed => {
            SinkError::permanent(format!("cannot {what}: the brokers do not allow this transactional id"))
                .with_hint("allow `Write` and `Describe` on transactional ids that begin with `prefix`")
        }
        _ => SinkError::permanent(format!("cannot {what}: the producer has failed for good")),
    };
    error.with_source(Reason(format!("{reason} ({code})")))
}
