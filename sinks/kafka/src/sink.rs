//! A list on its way into files of batches, or into a topic.

use std::fmt;

use fanout_sink::{Batch, Sink, SinkContext, SinkError, SinkReport, Snapshot, async_trait};

use crate::KafkaOptions;
use crate::batch_files::BatchFiles;
use crate::message::MessageEncoder;
use crate::options::Destination;

/// Writes one list as Kafka records.
pub struct KafkaSink {
    encoder: MessageEncoder,
    output: Box<BatchFiles>,
}

impl KafkaSink {
    pub(crate) fn open(options: &KafkaOptions, context: &SinkContext) -> Result<Self, SinkError> {
        let encoder = MessageEncoder::new(options, context)?;
        let output = match options.destination()? {
            Destination::Files { files, partitions } => BatchFiles::open(&files, partitions, options, context)?,
            Destination::Topic => return Err(needs_feature()),
        };
        Ok(Self { encoder, output: Box::new(output) })
    }
}

/// The error about `brokers` in a program that cannot reach any.
pub(crate) fn needs_feature() -> SinkError {
    SinkError::option("brokers", "this program was built without the feature `kafka-broker`, which `brokers` needs")
        .with_hint("build it with `cargo install --path . --features kafka-broker`, or write files with `root`")
}

#[async_trait]
impl Sink for KafkaSink {
    async fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        let Self { encoder, output } = self;
        encoder.encode(batch.records(), |message| output.write(&message))
    }

    async fn prepare(&mut self, snapshot: &Snapshot) -> Result<(), SinkError> {
        self.output.prepare(snapshot)
    }

    async fn commit(&mut self) -> Result<SinkReport, SinkError> {
        self.output.commit()
    }

    async fn abort(&mut self) -> Result<(), SinkError> {
        self.output.abort()
    }
}

impl fmt::Debug for KafkaSink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KafkaSink").field("rows", &self.encoder.rows()).finish_non_exhaustive()
    }
}
