//! A list on its way into a topic: its transactions, and the checkpoint in each of them.

use std::time::Duration;

use fanout_sink::chrono::{TimeDelta, Utc};
use fanout_sink::{Output, SinkContext, SinkError, SinkReport, Snapshot};
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::message::{Header, OwnedHeaders};

use super::checkpoint::{Checkpoint, DeliveryState};
use super::deadline::Deadline;
use super::producer::TransactionalProducer;
use super::{brokers, client, group, topic};
use crate::message::{Headers, Message};
use crate::options::KafkaOptions;
use crate::partitioner::partition_of;

/// A list on its way into a topic.
pub(crate) struct TopicOutput {
    topic: String,
    partitions: u32,
    producer: TransactionalProducer,
    group: ConsumerGroupMetadata,
    headers: OwnedHeaders,
    /// The most rows in a transaction.
    transaction_rows: u64,
    /// Rows of the whole list; `None` if they are not known.
    expected_rows: Option<u64>,
    timeout: Duration,
    /// What the topic has so far: the checkpoint without the rows of the open transaction.
    checkpoint: Checkpoint,
    /// The deadline of the open transaction; `None` if no transaction is open.
    deadline: Option<Deadline>,
    /// The digest of the list; `None` before `prepare`.
    digest: Option<String>,
    /// Rows of the list that `write` was given, including those that an earlier attempt delivered.
    rows: u64,
    /// Bytes of the keys and values of those rows.
    bytes: u64,
}

impl TopicOutput {
    pub(crate) async fn open(options: &KafkaOptions, context: &SinkContext) -> Result<Self, SinkError> {
        brokers::check_failures(options, context)?;
        let consumer = client::consumer(options, context)?;
        let partitions = topic::open(&consumer, options, context).await?;
        let timeout = Duration::from_secs(options.transaction_timeout_secs.into());
        let producer = TransactionalProducer::open(&client::producer_config(options, context)?, timeout)?;
        // After the fencing: no other producer can change the checkpoint any more.
        let found = group::read(&consumer, &options.topic, context)?;
        let headers = Headers::new(options, context)?;
        let mut checkpoint = Checkpoint::start(context, form(options, &headers));
        match state_of_list(&checkpoint, found.as_ref(), options, context) {
            DeliveryState::Absent => {}
            DeliveryState::Partial { rows, transactions } => {
                (checkpoint.rows, checkpoint.transactions) = (rows, transactions);
            }
            DeliveryState::Complete => checkpoint.clone_from(found.as_ref().expect("a checkpoint says so")),
            DeliveryState::Another(_) | DeliveryState::Unknown(_) if context.again => {}
            DeliveryState::Another(what) => return Err(another(options, &what)),
            DeliveryState::Unknown(why) => return Err(unknown(options, context, &why)),
        }
        let header =
            |headers: OwnedHeaders, (key, value): (&str, &str)| headers.insert(Header { key, value: Some(value) });
        Ok(Self {
            topic: options.topic.clone(),
            partitions,
            producer,
            group: group::metadata(&consumer)?,
            headers: headers.iter().fold(OwnedHeaders::new(), header),
            transaction_rows: options.transaction_rows.unwrap_or(u64::MAX),
            expected_rows: context.rows,
            timeout,
            checkpoint,
            deadline: None,
            digest: None,
            rows: 0,
            bytes: 0,
        })
    }

    pub(crate) fn write(&mut self, message: &Message<'_>) -> Result<(), SinkError> {
        self.rows = message.position + 1;
        self.bytes += (message.key.len() + message.value.map_or(0, <[u8]>::len)) as u64;
        if self.checkpoint.complete || message.position < self.checkpoint.rows {
            return Ok(());
        }
        if message.position - self.checkpoint.rows == self.transaction_rows {
            self.commit_rows(message.position, false)?;
        }
        self.begin()?;
        let partition = partition_of(message.key, self.partitions) as i32;
        self.producer.send(&self.topic, partition, message, self.headers.clone())
    }

    /// Fails as soon as it is clear that the open transaction will not end in time.
    pub(crate) fn check_deadline(&self) -> Result<(), SinkError> {
        let Some(deadline) = &self.deadline else { return Ok(()) };
        let sent = self.rows - self.checkpoint.rows;
        let acknowledged = sent.saturating_sub(self.producer.in_flight());
        let expected = self.expected_rows.map(|rows| (rows - self.checkpoint.rows).min(self.transaction_rows));
        deadline.check(acknowledged, expected)
    }

    fn begin(&mut self) -> Result<(), SinkError> {
        if self.deadline.is_none() {
            self.producer.begin()?;
            self.deadline = Some(Deadline::new(self.timeout));
        }
        Ok(())
    }

    pub(crate) fn prepare(&mut self, snapshot: &Snapshot) -> Result<(), SinkError> {
        if self.rows != snapshot.rows {
            let message = format!("{} rows were sent; the list has {}", self.rows, snapshot.rows);
            return Err(SinkError::permanent(message));
        }
        self.digest = Some(snapshot.digest.clone());
        if self.checkpoint.complete {
            return self.check_delivered();
        }
        // The checkpoint of a list without rows needs a transaction, too.
        self.begin()?;
        self.producer.flush()
    }

    /// Compares the list with the checkpoint of an earlier attempt that delivered all of it. A walk
    /// of a state that was restored, and then read to its end once more, is another list.
    fn check_delivered(&self) -> Result<(), SinkError> {
        let Checkpoint { rows, digest, walk, date, .. } = &self.checkpoint;
        if *rows == self.rows && *digest == self.digest {
            return Ok(());
        }
        let message = format!(
            "the topic `{}` has the walk `{walk}` of {date} already, with other rows: {rows} of them, and here are {}",
            self.topic, self.rows
        );
        Err(SinkError::permanent(message).with_hint("`--fresh --again` reads and adds another list of this date"))
    }

    pub(crate) fn commit(&mut self) -> Result<SinkReport, SinkError> {
        if !self.checkpoint.complete {
            self.commit_rows(self.rows, true)?;
        }
        let (rows, bytes) = (self.rows, self.bytes);
        let location = format!("topic {}", self.topic);
        Ok(SinkReport { rows, bytes, outputs: vec![Output { location, rows, bytes }], mount: None })
    }

    /// Commits the open transaction. The topic then has the first `rows` rows of the list.
    fn commit_rows(&mut self, rows: u64, complete: bool) -> Result<(), SinkError> {
        let transactions = self.checkpoint.transactions + 1;
        let digest = self.digest.clone().filter(|_| complete);
        let checkpoint = Checkpoint { rows, transactions, complete, digest, ..self.checkpoint.clone() };
        self.producer.commit(&group::offsets(&self.topic, &checkpoint)?, &self.group)?;
        self.checkpoint = checkpoint;
        self.deadline = None;
        Ok(())
    }

    pub(crate) fn abort(&mut self) -> Result<(), SinkError> {
        if self.deadline.take().is_some() { self.producer.abort() } else { Ok(()) }
    }
}

/// Returns the form of the records: their keys and their values.
pub(super) fn form(options: &KafkaOptions, headers: &Headers) -> String {
    format!("{}/{}", options.key, headers.schema)
}

/// Returns what the topic has of the list of `context`, according to `found`, the checkpoint in the
/// group. `list` is the checkpoint before any row of the list is delivered.
fn state_of_list(
    list: &Checkpoint,
    found: Option<&Checkpoint>,
    options: &KafkaOptions,
    context: &SinkContext,
) -> DeliveryState {
    let age = context.begun_at.map(|begun_at| Utc::now() - begun_at);
    list.state_of_list(found, age, TimeDelta::hours(options.retention_hours.into()))
}

/// Finds out, before the list is read, whether the topic has another one of its date. Changes
/// nothing.
pub(super) fn check_date(options: &KafkaOptions, context: &SinkContext) -> Result<(), SinkError> {
    if context.again {
        return Ok(());
    }
    let found = group::read(&client::observer(options, context)?, &options.topic, context)?;
    let list = Checkpoint::start(context, form(options, &Headers::new(options, context)?));
    match state_of_list(&list, found.as_ref(), options, context) {
        DeliveryState::Another(what) => Err(another(options, &what)),
        // `open` knows when the walk has begun.
        _ => Ok(()),
    }
}

fn another(options: &KafkaOptions, what: &str) -> SinkError {
    SinkError::permanent(format!("the topic `{}` {what}", options.topic)).with_hint(
        "`--again` adds another one: readers then find both, and tell them apart by the header `walk`; a sink that is to \
         know nothing of the other needs another `prefix`",
    )
}

fn unknown(options: &KafkaOptions, context: &SinkContext, why: &str) -> SinkError {
    let (walk, topic) = (&context.walk, &options.topic);
    let message = format!("it is not known whether the topic `{topic}` has the walk `{walk}`: {why}");
    SinkError::permanent(message).with_hint(format!(
        "look for records with the header `walk` = `{walk}`; if there are none, or they may be there twice, run again \
         with `--again`"
    ))
}
