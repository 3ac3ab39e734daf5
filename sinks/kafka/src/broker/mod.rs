//! Messages into a topic: in transactions, each with the mark of what it brought.
//!
//! ```text
//! open     init_transactions: what an earlier attempt had not committed is gone, and it can commit no more
//!          then the mark is read: how much of the list is there?
//! write    a transaction begins; records go to librdkafka's queue, and a full queue waits
//! prepare  all records are acknowledged; `read_committed` readers see none of them
//! commit   the mark joins the transaction, and the transaction is committed: both are there, or neither
//! ```
//!
//! A crash before the commit leaves a transaction that the next `open` aborts; one after it leaves the mark, by which
//! the next attempt knows that there is nothing to do. Transactions:
//! <https://cwiki.apache.org/confluence/display/KAFKA/KIP-98+-+Exactly+Once+Delivery+and+Transactional+Messaging>.

mod client;
mod marker;
mod pace;
mod producer;
mod topic;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fanout_sink::{Output, SinkContext, SinkError, SinkReport, Snapshot};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerGroupMetadata};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::{Offset, TopicPartitionList};

use crate::message::{Headers, Message};
use crate::{KafkaOptions, partition_of};
use client::Log;
use marker::{Marker, Standing};
use pace::Pace;
use producer::TransactionalProducer;

/// How long the coordinator of a group has to answer.
const ANSWER: Duration = Duration::from_secs(30);

/// The mark is an offset of this partition.
const MARKED_PARTITION: i32 = 0;

/// A list on its way into a topic.
pub(crate) struct TopicOutput {
    topic: String,
    partitions: u32,
    producer: TransactionalProducer,
    group: ConsumerGroupMetadata,
    headers: OwnedHeaders,
    /// The most rows in a transaction.
    transaction_rows: u64,
    /// Rows of the whole list, if that is known.
    expected_rows: Option<u64>,
    timeout: Duration,
    /// The mark as it would be committed now, but for the rows of the open transaction.
    marker: Marker,
    /// The transaction that is open.
    open: Option<Pace>,
    /// Rows of the list that were seen, delivered before or not.
    rows: u64,
    /// Bytes of keys and values that were sent.
    bytes: u64,
}

/// Finds out, without changing anything, whether a list could be delivered.
pub(crate) async fn check(options: &KafkaOptions, context: &SinkContext) -> Result<(), SinkError> {
    client::producer(options, context)?;
    topic::check(&consumer(options, context)?, options, context).await
}

fn consumer(options: &KafkaOptions, context: &SinkContext) -> Result<BaseConsumer<Log>, SinkError> {
    BaseConsumer::from_config_and_context(&client::consumer(options, context)?, Log)
        .map_err(|error| SinkError::permanent("cannot make a client").with_source(error))
}

impl TopicOutput {
    pub(crate) async fn open(options: &KafkaOptions, context: &SinkContext) -> Result<Self, SinkError> {
        let consumer = consumer(options, context)?;
        let partitions = topic::open(&consumer, options, context).await?;
        let timeout = Duration::from_secs(options.transaction_timeout_secs.into());
        let producer = TransactionalProducer::open(&client::producer(options, context)?, timeout)?;
        // Only now can no other producer change it any more.
        let found = read_marker(&consumer, &options.topic)?;
        let headers = Headers::new(options, context)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as i64;
        let mut marker = Marker {
            walk: context.walk.to_string(),
            begun_at: context.begun_at.map_or(now, |begun_at| begun_at.timestamp_micros()),
            content: format!("{}/{}", options.key, headers.schema),
            rows: 0,
            transactions: 0,
            complete: false,
        };
        let retention = Duration::from_secs(u64::from(options.retention_hours) * 3_600);
        match marker.standing(found.as_ref(), now, retention) {
            Standing::Absent => {}
            Standing::Begun { rows, transactions } => (marker.rows, marker.transactions) = (rows, transactions),
            Standing::Delivered => marker.clone_from(found.as_ref().expect("it says that the list is delivered")),
            Standing::Doubtful(_) if context.again => {}
            Standing::Doubtful(why) => return Err(doubtful(options, context, &why)),
        }
        let Some(group) = consumer.group_metadata() else {
            return Err(SinkError::permanent("librdkafka has no consumer group, although one was named"));
        };
        let header =
            |headers: OwnedHeaders, (key, value): (&str, &str)| headers.insert(Header { key, value: Some(value) });
        Ok(Self {
            topic: options.topic.clone(),
            partitions,
            producer,
            group,
            headers: headers.iter().fold(OwnedHeaders::new(), header),
            transaction_rows: options.transaction_rows.unwrap_or(u64::MAX),
            expected_rows: context.rows,
            timeout,
            marker,
            open: None,
            rows: 0,
            bytes: 0,
        })
    }

    pub(crate) fn write(&mut self, message: &Message<'_>) -> Result<(), SinkError> {
        self.rows = message.position + 1;
        self.bytes += (message.key.len() + message.value.map_or(0, <[u8]>::len)) as u64;
        if self.marker.complete || message.position < self.marker.rows {
            return Ok(());
        }
        if message.position - self.marker.rows == self.transaction_rows {
            self.commit_rows(message.position, false)?;
        }
        self.begin()?;
        let partition = partition_of(message.key, self.partitions) as i32;
        self.producer.send(&self.topic, partition, message, self.headers.clone())
    }

    /// Refuses a transaction that will not end in time, as soon as that can be told.
    pub(crate) fn check_pace(&self) -> Result<(), SinkError> {
        let Some(pace) = &self.open else { return Ok(()) };
        let sent = self.rows - self.marker.rows;
        let acknowledged = sent.saturating_sub(self.producer.in_flight());
        let expected = self.expected_rows.map(|rows| (rows - self.marker.rows).min(self.transaction_rows));
        pace.check(acknowledged, expected)
    }

    fn begin(&mut self) -> Result<(), SinkError> {
        if self.open.is_none() {
            self.producer.begin()?;
            self.open = Some(Pace::new(self.timeout));
        }
        Ok(())
    }

    pub(crate) fn prepare(&mut self, snapshot: &Snapshot) -> Result<(), SinkError> {
        if self.rows != snapshot.rows {
            let message = format!("{} rows were sent; the list has {}", self.rows, snapshot.rows);
            return Err(SinkError::permanent(message));
        }
        if self.marker.complete {
            return self.check_delivered();
        }
        // The mark of a list without rows needs a transaction, too.
        self.begin()?;
        self.producer.flush()
    }

    /// Holds a list that was delivered before against what is known of that.
    fn check_delivered(&self) -> Result<(), SinkError> {
        let (delivered, rows) = (self.marker.rows, self.rows);
        if delivered == rows {
            return Ok(());
        }
        Err(SinkError::permanent(format!(
            "the topic `{}` has {delivered} rows of the list, and it has {rows}",
            self.topic
        )))
    }

    pub(crate) fn commit(&mut self) -> Result<SinkReport, SinkError> {
        if !self.marker.complete {
            self.commit_rows(self.rows, true)?;
        }
        let (rows, bytes) = (self.rows, self.bytes);
        let location = format!("topic {}", self.topic);
        Ok(SinkReport { rows, bytes, outputs: vec![Output { location, rows, bytes }], mount: None })
    }

    /// Commits the open transaction, after which the topic has the list up to row number `rows`.
    fn commit_rows(&mut self, rows: u64, complete: bool) -> Result<(), SinkError> {
        let marker = Marker { rows, complete, transactions: self.marker.transactions + 1, ..self.marker.clone() };
        self.producer.commit(&offsets(&self.topic, &marker)?, &self.group)?;
        self.marker = marker;
        self.open = None;
        Ok(())
    }

    pub(crate) fn abort(&mut self) -> Result<(), SinkError> {
        if self.open.take().is_some() { self.producer.abort() } else { Ok(()) }
    }
}

fn read_marker(consumer: &BaseConsumer<Log>, topic: &str) -> Result<Option<Marker>, SinkError> {
    let mut asked = TopicPartitionList::new();
    asked.add_partition(topic, MARKED_PARTITION);
    let committed = consumer.committed_offsets(asked, ANSWER).map_err(|error| {
        SinkError::temporary("cannot read the mark of what was delivered").with_source(error).with_hint(
            "the brokers must answer, and allow `Read` on consumer groups that begin with `prefix`, and on the topic",
        )
    })?;
    let element = committed.find_partition(topic, MARKED_PARTITION);
    let Some(element) = element.filter(|element| matches!(element.offset(), Offset::Offset(_))) else {
        return Ok(None);
    };
    serde_json::from_str(element.metadata()).map(Some).map_err(|error| {
        SinkError::permanent("the offset that marks what was delivered was not committed by this program")
            .with_source(error)
            .with_hint("choose another `prefix`")
    })
}

fn offsets(topic: &str, marker: &Marker) -> Result<TopicPartitionList, SinkError> {
    let failed = |error: rdkafka::error::KafkaError| SinkError::permanent("cannot make the mark").with_source(error);
    let metadata = serde_json::to_string(marker).expect("texts and numbers are JSON");
    let mut offsets = TopicPartitionList::new();
    let mut element = offsets.add_partition(topic, MARKED_PARTITION);
    element.set_offset(Offset::Offset(marker.transactions.into())).map_err(failed)?;
    element.set_metadata(metadata);
    Ok(offsets)
}

fn doubtful(options: &KafkaOptions, context: &SinkContext, why: &str) -> SinkError {
    let (walk, topic) = (&context.walk, &options.topic);
    let message = format!("nobody can tell whether the topic `{topic}` has the walk `{walk}`: {why}");
    SinkError::permanent(message).with_hint(format!(
        "look for records with the header `walk` = `{walk}`; if there are none, or they may be there twice, run again \
         with `--again`"
    ))
}
