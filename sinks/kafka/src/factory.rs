//! `type = "kafka"` in a pipeline file: the factory of the sink.

use fanout_sink::arrow::datatypes::Field;
use fanout_sink::{
    Delivery, Found, Guarantee, Root, SinkContext, SinkError, SinkFactory, SinkReport, async_trait, files,
};

use crate::message;
use crate::options::{Destination, KafkaOptions, LARGEST_BATCH_BYTES};
use crate::sink::{self, KafkaSink};

/// The rows of a slice as text, and the compressors.
const MEMORY_BESIDE_BATCHES: u64 = 4 << 20;

/// The buffer in front of each file.
const MEMORY_OF_A_FILE: u64 = 128 << 10;

/// While a batch is sealed, several forms of it are in memory: open, as records, encoded,
/// compressed.
const COPIES_OF_A_SEALED_BATCH: u64 = 6;

/// librdkafka counts keys and values only. Measured, the process grew by three times the bytes of a
/// full queue.
const MEMORY_OF_A_QUEUED_BYTE: u64 = 3;
/// What the process grew by with an empty queue.
const MEMORY_OF_CLIENTS: u64 = 16 << 20;
/// Of the two clients, with up to five brokers: a thread and a connection for each broker, and two
/// threads and a few pipes for each client.
const THREADS_OF_CLIENTS: u64 = 16;
const FILES_OF_CLIENTS: u64 = 32;

/// Opens [`KafkaSink`]s.
#[derive(Debug, Default)]
pub struct KafkaFactory;

#[async_trait]
impl SinkFactory for KafkaFactory {
    type Options = KafkaOptions;
    type Sink = KafkaSink;

    fn name(&self) -> &'static str {
        "kafka"
    }

    fn summary(&self) -> &'static str {
        "Kafka record batches, one file a partition, published in one step; or a topic, in transactions: exactly once"
    }

    fn delivery(&self, options: &KafkaOptions) -> Delivery {
        if options.has_brokers() {
            Delivery::WhenComplete { guarantee: Guarantee::ExactlyOnce }
        } else {
            Delivery::Staged
        }
    }

    fn threads(&self, options: &KafkaOptions) -> u64 {
        if options.has_brokers() { THREADS_OF_CLIENTS } else { options.root.as_ref().map_or(0, Root::threads) }
    }

    fn open_files(&self, options: &KafkaOptions) -> u64 {
        if options.has_brokers() { FILES_OF_CLIENTS } else { 4 + u64::from(options.file_partitions()) }
    }

    fn memory(&self, options: &KafkaOptions) -> u64 {
        if options.has_brokers() {
            let queue = options.queue_bytes.0.saturating_mul(MEMORY_OF_A_QUEUED_BYTE);
            return queue.saturating_add(MEMORY_OF_CLIENTS + MEMORY_BESIDE_BATCHES);
        }
        // `check` refuses a larger batch.
        let batch = options.max_batch_bytes.0.min(LARGEST_BATCH_BYTES);
        // An open batch also holds an entry for each record. It takes less than half of the bytes
        // that are counted for the record.
        let open = (batch + batch / 2 + MEMORY_OF_A_FILE).saturating_mul(options.file_partitions().into());
        let beside = MEMORY_BESIDE_BATCHES + options.root.as_ref().map_or(0, Root::memory);
        open.saturating_add(COPIES_OF_A_SEALED_BATCH * batch + beside)
    }

    fn takes(&self, options: &KafkaOptions, field: &Field) -> bool {
        message::takes(options, field)
    }

    fn roots(&self, options: &KafkaOptions) -> Vec<Root> {
        options.place().into_iter().collect()
    }

    async fn check(&self, options: &KafkaOptions, context: &SinkContext) -> Result<(), SinkError> {
        let destination = options.destination()?;
        message::check(options, context)?;
        match destination {
            Destination::Files { files, .. } => files::check(&files, context),
            Destination::Topic => sink::check_topic(options, context).await,
        }
    }

    async fn open(&self, options: KafkaOptions, context: SinkContext) -> Result<KafkaSink, SinkError> {
        KafkaSink::open(&options, &context).await
    }

    async fn find(
        &self,
        options: &KafkaOptions,
        context: &SinkContext,
        report: &SinkReport,
    ) -> Result<Found, SinkError> {
        match options.destination()? {
            Destination::Files { files, .. } => files::find(&files, context, report),
            Destination::Topic => sink::find_in_topic(options, context),
        }
    }
}

#[cfg(test)]
mod tests {
    use fanout_sink::ByteSize;

    use super::*;

    #[test]
    fn the_memory_for_open_batches_is_declared() {
        let options = |partitions| KafkaOptions { partitions: Some(partitions), ..KafkaOptions::files("t", "out") };
        let memory = |partitions| KafkaFactory.memory(&options(partitions));
        let batch = options(1).max_batch_bytes.0;
        assert!(memory(11) - memory(1) >= 10 * batch);
        assert!(memory(u32::MAX) > u64::from(u32::MAX) * batch);
        let absurd = KafkaOptions { max_batch_bytes: ByteSize(u64::MAX), ..options(1) };
        assert!(KafkaFactory.memory(&absurd) >= memory(1));
        let topic = KafkaOptions::brokers("t", ["x:1".to_owned()]);
        assert!(KafkaFactory.memory(&topic) > topic.queue_bytes.0);
    }
}
