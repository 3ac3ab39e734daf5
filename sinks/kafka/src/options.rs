//! What a pipeline file may say under `[sinks.<name>.options]`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use fanout_sink::files::FileOptions;
use fanout_sink::schemars::{self, JsonSchema};
use fanout_sink::{ByteSize, Secret, SinkError};
use serde::{Deserialize, Serialize};

mod columns;
mod property;

pub use columns::{KeyFormat, ValueFormat};
pub use property::Property;

/// The size of a batch that every broker takes by default: `message.max.bytes`, less the offset and the length in
/// front of a batch, which some clients leave out when they compare.
pub(crate) const LARGEST_BATCH_BYTES: u64 = 1_048_588 - 12;

/// Less would not hold a record of every list.
const SMALLEST_BATCH_BYTES: u64 = 1_000;

const DEFAULT_LAYOUT: &str = "dt={date}/account={account}/partition-{part}.batches";

/// The options of a `kafka` sink: either `root` (files of batches) or `brokers` (a topic), and what belongs to it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{ "required": ["root"] }, { "required": ["brokers"] }]))]
pub struct KafkaOptions {
    /// The topic that the records are for.
    #[schemars(example = "wechat.followers")]
    pub topic: String,
    /// What is the key of a record: `app_id:openid`, `openid`, or a list of columns, which become a JSON object.
    #[serde(default)]
    pub key: KeyFormat,
    /// What is the value of a record: `json` (an object of all columns), a list of columns (an object of these), or
    /// `none`.
    #[serde(default)]
    pub value: ValueFormat,
    /// How batches are compressed: `zstd`, `lz4`, `snappy`, `gzip` or `none`.
    #[serde(default)]
    pub compression: Compression,
    /// The most bytes of a batch, before compression; at most 1,048,576.
    #[serde(default = "default_max_batch_bytes")]
    pub max_batch_bytes: ByteSize,

    /// The folder that all files go to; relative to the pipeline file. Staging lies beside it, in `<root>.staging`.
    #[serde(default)]
    #[schemars(example = "out/kafka")]
    pub root: Option<PathBuf>,
    /// The path of a file below `root`, with `{date}`, `{account}`, `{app_id}`, `{part}` (the partition), `{pipeline}`,
    /// `{sink}`; by default `dt={date}/account={account}/partition-{part}.batches`. The last folder belongs to one list
    /// and is replaced as a whole. A plain file name makes a single file, for a topic of one partition.
    #[serde(default)]
    #[schemars(example = "dt={date}/account={account}/partition-{part}.batches")]
    pub layout: Option<String>,
    /// The partitions of the topic that files are made for: one file each. By default 1.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub partitions: Option<u32>,

    /// The brokers to ask first, as `host:port`. Needs a program built with the feature `kafka-broker`.
    #[serde(default)]
    #[schemars(example = ["broker.example.com:9092"])]
    pub brokers: Option<Vec<String>>,
    /// How the transactional id and the consumer group begin that carry the mark of what was delivered; an ACL may be
    /// about this prefix.
    #[serde(default = "default_prefix")]
    pub prefix: String,
    /// The most rows in a transaction. Without it a list is one transaction: readers see all of it at once.
    #[serde(default)]
    #[schemars(range(min = 1), example = 1_000_000)]
    pub transaction_rows: Option<u64>,
    /// After how long the brokers give a transaction up; they allow 900 by default.
    #[serde(default = "default_transaction_timeout_secs")]
    #[schemars(range(min = 10))]
    pub transaction_timeout_secs: u32,
    /// How long the brokers keep the offsets of a group without members (`offsets.retention.minutes`): so long is known
    /// what was delivered, should the commit records be lost.
    #[serde(default = "default_retention_hours")]
    #[schemars(range(min = 1))]
    pub retention_hours: u32,
    /// The most bytes that wait in memory for the brokers.
    #[serde(default = "default_queue_bytes")]
    pub queue_bytes: ByteSize,
    /// Creates the topic if there is none.
    #[serde(default)]
    pub create_topic: Option<CreateTopic>,
    /// Who to be for the brokers.
    #[serde(default)]
    pub sasl: Option<Sasl>,
    /// How to encrypt the way to the brokers.
    #[serde(default)]
    pub tls: Option<Tls>,
    /// Any other property of librdkafka, by its name.
    #[serde(default)]
    pub properties: BTreeMap<String, Property>,
}

/// How batches are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip.
    Gzip,
    /// Snappy, in the frames of its Java library.
    Snappy,
    /// LZ4, in its frame format.
    Lz4,
    /// Zstandard.
    #[default]
    Zstd,
}

/// `create_topic`: what a topic is made with.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTopic {
    /// Its partitions.
    #[schemars(range(min = 1))]
    pub partitions: u32,
    /// How many brokers have each of them.
    #[schemars(range(min = 1))]
    pub replication: u32,
    /// What is removed from it: `delete`, `compact` or `compact,delete`; without it, what the brokers have by default.
    #[serde(default)]
    pub cleanup_policy: Option<String>,
}

/// `sasl`: name and password.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sasl {
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub mechanism: String,
    /// The name.
    pub username: String,
    /// The password, as `{ env = "NAME" }` or `{ file = "path" }`.
    pub password: Secret,
}

/// `tls`: certificates. An empty table trusts what the system trusts.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificates to trust (PEM) instead of the system's; relative to the pipeline file.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The certificate of this client (PEM); relative to the pipeline file.
    #[serde(default)]
    pub certificate_file: Option<PathBuf>,
    /// Its key (PEM); relative to the pipeline file.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// The password of the key.
    #[serde(default)]
    pub key_password: Option<Secret>,
}

/// Where a list goes, after the options have been understood.
#[derive(Clone, Debug)]
pub(crate) enum Destination {
    Files { files: FileOptions, partitions: u32 },
    Topic,
}

fn default_max_batch_bytes() -> ByteSize {
    ByteSize(900_000)
}

fn default_prefix() -> String {
    "fanout".to_owned()
}

fn default_transaction_timeout_secs() -> u32 {
    900
}

fn default_retention_hours() -> u32 {
    168
}

fn default_queue_bytes() -> ByteSize {
    ByteSize(32 << 20)
}

impl KafkaOptions {
    /// Makes options with every default, for files of records for `topic`, under `root`.
    pub fn files(topic: impl Into<String>, root: impl Into<PathBuf>) -> Self {
        Self { root: Some(root.into()), ..Self::new(topic) }
    }

    /// Makes options with every default, for `topic` at `brokers`.
    pub fn brokers(topic: impl Into<String>, brokers: impl IntoIterator<Item = String>) -> Self {
        Self { brokers: Some(brokers.into_iter().collect()), ..Self::new(topic) }
    }

    fn new(topic: impl Into<String>) -> Self {
        Self {
            topic: topic.into(),
            key: KeyFormat::default(),
            value: ValueFormat::default(),
            compression: Compression::default(),
            max_batch_bytes: default_max_batch_bytes(),
            root: None,
            layout: None,
            partitions: None,
            brokers: None,
            prefix: default_prefix(),
            transaction_rows: None,
            transaction_timeout_secs: default_transaction_timeout_secs(),
            retention_hours: default_retention_hours(),
            queue_bytes: default_queue_bytes(),
            create_topic: None,
            sasl: None,
            tls: None,
            properties: BTreeMap::new(),
        }
    }

    pub(crate) fn has_brokers(&self) -> bool {
        self.brokers.is_some()
    }

    /// Returns the number of files.
    pub(crate) fn file_partitions(&self) -> u32 {
        self.partitions.unwrap_or(1)
    }

    /// Returns where the list goes, if the options agree with each other.
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
        let Some(root) = self.root.clone() else {
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

    /// As Kafka does: letters, digits, `.`, `_` and `-`, at most 249 of them, and neither `.` nor `..`.
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

fn refuse_given(keys: &[(&str, bool)], why: &str) -> Result<(), SinkError> {
    match keys.iter().find(|(_, is_given)| *is_given) {
        Some((key, _)) => Err(SinkError::option(*key, format!("`{key}` {why}")).with_hint("remove one of the two")),
        None => Ok(()),
    }
}
