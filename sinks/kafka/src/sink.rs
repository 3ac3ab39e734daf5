//! The sink: encodes rows as messages and passes them to the files or to the topic.

use std::fmt;

use fanout_sink::{Batch, Found, Sink, SinkContext, SinkError, SinkReport, Snapshot, async_trait};

use crate::batch_files::BatchFiles;
#[cfg(feature = "broker")]
use crate::broker::{self, TopicOutput};
use crate::message::MessageEncoder;
use crate::options::{Destination, KafkaOptions};

/// Writes one list as Kafka records.
pub struct KafkaSink {
    encoder: MessageEncoder,
    output: MessageOutput,
}

enum MessageOutput {
    Files(Box<BatchFiles>),
    #[cfg(feature = "broker")]
    Topic(Box<TopicOutput>),
}

impl KafkaSink {
    pub(crate) async fn open(options: &KafkaOptions, context: &SinkContext) -> Result<Self, SinkError> {
        let encoder = MessageEncoder::new(options, context)?;
        let output = match options.destination()? {
            Destination::Files { files, partitions } => {
                MessageOutput::Files(Box::new(BatchFiles::open(&files, partitions, options, context)?))
            }
            Destination::Topic => open_topic(options, context).await?,
        };
        Ok(Self { encoder, output })
    }
}

/// Checks whether a list could be delivered to the topic.
#[cfg(feature = "broker")]
pub(crate) async fn check_topic(options: &KafkaOptions, context: &SinkContext) -> Result<(), SinkError> {
    broker::check(options, context).await
}

/// Looks whether a committed list is still in the topic.
#[cfg(feature = "broker")]
pub(crate) fn find_in_topic(options: &KafkaOptions, context: &SinkContext) -> Result<Found, SinkError> {
    broker::find(options, context)
}

#[cfg(feature = "broker")]
async fn open_topic(options: &KafkaOptions, context: &SinkContext) -> Result<MessageOutput, SinkError> {
    Ok(MessageOutput::Topic(Box::new(TopicOutput::open(options, context).await?)))
}

/// Returns the error of a program that was built without the feature `broker`.
#[cfg(not(feature = "broker"))]
fn without_broker() -> SinkError {
    SinkError::option("brokers", "this program was built without the feature `kafka-broker`, which `brokers` needs")
        .with_hint("build it with `cargo install --path . --features kafka-broker`, or write files with `root`")
}

#[cfg(not(feature = "broker"))]
#[expect(clippy::unused_async, reason = "with the feature it asks the brokers")]
pub(crate) async fn check_topic(_options: &KafkaOptions, _context: &SinkContext) -> Result<(), SinkError> {
    Err(without_broker())
}

#[cfg(not(feature = "broker"))]
pub(crate) fn find_in_topic(_options: &KafkaOptions, _context: &SinkContext) -> Result<Found, SinkError> {
    Err(without_broker())
}

#[cfg(not(feature = "broker"))]
#[expect(clippy::unused_async, reason = "with the feature it asks the brokers")]
async fn open_topic(_options: &KafkaOptions, _context: &SinkContext) -> Result<MessageOutput, SinkError> {
    Err(without_broker())
}

#[async_trait]
impl Sink for KafkaSink {
    async fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        let Self { encoder, output } = self;
        match output {
            MessageOutput::Files(files) => encoder.encode(batch.records(), |message| files.write(&message)),
            #[cfg(feature = "broker")]
            MessageOutput::Topic(topic) => {
                encoder.encode(batch.records(), |message| topic.write(&message))?;
                topic.check_deadline()
            }
        }
    }

    async fn prepare(&mut self, snapshot: &Snapshot) -> Result<(), SinkError> {
        match &mut self.output {
            MessageOutput::Files(files) => files.prepare(snapshot),
            #[cfg(feature = "broker")]
            MessageOutput::Topic(topic) => topic.prepare(snapshot),
        }
    }

    async fn commit(&mut self) -> Result<SinkReport, SinkError> {
        match &mut self.output {
            MessageOutput::Files(files) => files.commit(),
            #[cfg(feature = "broker")]
            MessageOutput::Topic(topic) => topic.commit(),
        }
    }

    async fn abort(&mut self) -> Result<(), SinkError> {
        match &mut self.output {
            MessageOutput::Files(files) => files.abort(),
            #[cfg(feature = "broker")]
            MessageOutput::Topic(topic) => topic.abort(),
        }
    }
}

impl fmt::Debug for KafkaSink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KafkaSink").field("rows", &self.encoder.rows()).finish_non_exhaustive()
    }
}
