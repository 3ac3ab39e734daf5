//! Where a list goes: files or a topic. The options are checked against each other here.

use fanout_sink::SinkError;
use fanout_sink::files::FileOptions;

use super::kafka_options::KafkaOptions;

/// The largest batch that every broker takes by default: `message.max.bytes`, less the offset and
/// the length in front of a batch, which some clients do not count.
pub(crate) const LARGEST_BATCH_BYTES: u64 = 1_048_588 - 12;

/// A smaller batch could not hold every record of a list.
const SMALLEST_BATCH_BYTES: u64 = 1_000;

const DEFAULT_LAYOUT: &str = "dt={date}/account={account}/partition-{part}.batches";

/// Where a list goes.
#[derive(Clone, Debug)]
pub(crate) enum Destination {
    Files { files: FileOptions, partitions: u32 },
    Topic,
}

impl KafkaOptions {
    /// Returns where the list goes.
    ///
    /// # Errors
    ///
    /// If options contradict each other, or a value is out of its range.
    pub(crate) fn destination(&self) -> Result<Destination, SinkError> {
        self.check_topic()?;
        if !(SMALLEST_BATCH_BYTES..=LARGEST_BATCH_BYTES).contains(&self.max_batch_bytes.0) {
            let message = format!(
                "`max_batch_bytes` is {}; {SMALLEST_BATCH_BYTES} to {LARGEST_BATCH_BYTES} bytes are expected, for \
                 brokers take no larger batch by default",
                self.max_batch_bytes
            );
            return Err(SinkError::option("max_batch_bytes", message));
        }
        if self.has_brokers() { self.check_brokers().map(|()| Destination::Topic) } else { self.file_destination() }
    }

    fn file_destination(&self) -> Result<Destination, SinkError> {
        let Some(root) = self.place() else {
            let message = "`root` is missing: the folder for all files, unless `brokers` names where the topic is";
            return Err(SinkError::option("root", message));
        };
        let topic_only = [
            ("transaction_rows", self.transaction_rows.is_some()),
            ("create_topic", self.create_topic.is_some()),
            ("sasl", self.sasl.is_some()),
            ("tls", self.tls.is_some()),
            ("properties", !self.properties.is_empty()),
        ];
        refuse_given(&topic_only, "is for a topic, and without `brokers` the records go to files")?;
        let partitions = self.file_partitions();
        if partitions == 0 {
            return Err(SinkError::option("partitions", "`partitions` is 0; at least 1 is expected"));
        }
        let layout = self.layout.clone().unwrap_or_else(|| DEFAULT_LAYOUT.to_owned());
        Ok(Destination::Files { files: FileOptions { root, layout, rolling: partitions > 1 }, partitions })
    }

    fn check_brokers(&self) -> Result<(), SinkError> {
        let files_only = [
            ("root", self.root.is_some()),
            ("store", self.store.is_some()),
            ("layout", self.layout.is_some()),
            ("partitions", self.partitions.is_some()),
        ];
        refuse_given(&files_only, "is for files, and with `brokers` the records go to a topic")?;
        let numbers = [
            ("transaction_rows", self.transaction_rows == Some(0)),
            ("retention_hours", self.retention_hours == 0),
            ("transaction_timeout_secs", self.transaction_timeout_secs < 10),
            ("queue_bytes", self.queue_bytes.0 < 2 * LARGEST_BATCH_BYTES),
            ("prefix", self.prefix.is_empty()),
        ];
        let expected = ["at least 1", "at least 1", "at least 10", "at least 2 MiB (two batches)", "some text"];
        if let Some(((key, _), expected)) = numbers.iter().zip(expected).find(|((_, is_wrong), _)| *is_wrong) {
            return Err(SinkError::option(*key, format!("`{key}` is too small; {expected} is expected")));
        }
        if self.brokers.as_ref().is_none_or(|brokers| brokers.is_empty() || brokers.iter().any(String::is_empty)) {
            return Err(SinkError::option(
                "brokers",
                "`brokers` is empty; `host:port` is expected, once or more often",
            ));
        }
        Ok(())
    }

    /// Checks the topic's name by Kafka's own rule: at most 249 letters, digits, `.`, `_` and `-`,
    /// but neither `.` nor `..`.
    fn check_topic(&self) -> Result<(), SinkError> {
        const LONGEST: usize = 249;
        let topic = &self.topic;
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if (1..=LONGEST).contains(&topic.len()) && topic.bytes().all(fits) && topic != "." && topic != ".." {
            return Ok(());
        }
        let message =
            format!("`{topic}` is no name for a topic; up to {LONGEST} letters, digits, `.`, `_` and `-` are expected");
        Err(SinkError::option("topic", message))
    }
}

/// Returns an error about the first of `keys` that is given.
fn refuse_given(keys: &[(&str, bool)], why: &str) -> Result<(), SinkError> {
    match keys.iter().find(|(_, is_given)| *is_given) {
        Some((key, _)) => Err(SinkError::option(*key, format!("`{key}` {why}")).with_hint("remove one of the two")),
        None => Ok(()),
    }
}
