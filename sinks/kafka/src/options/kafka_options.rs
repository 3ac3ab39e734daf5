//! The table of options, with its defaults.

use std::collections::BTreeMap;

use fanout_sink::files::objects::StoreOptions;
use fanout_sink::schemars::{self, JsonSchema};
use fanout_sink::{ByteSize, Root};
use serde::Deserialize;

use super::columns::{KeyFormat, ValueFormat};
use super::compression::Compression;
use super::connection::{CreateTopic, Sasl, Tls};
use super::property::Property;

/// The options of a `kafka` sink: either `root` (files of record batches) or `brokers` (a topic).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{ "required": ["root"] }, { "required": ["brokers"] }]))]
pub struct KafkaOptions {
    /// The topic that the records are for.
    #[schemars(example = "wechat.followers")]
    pub topic: String,
    /// The key of a record: `app_id:openid`, `openid`, or a list of columns, which become a JSON
    /// object.
    #[serde(default)]
    pub key: KeyFormat,
    /// The value of a record: `json` (an object of all columns), a list of columns (an object of
    /// these), or `none`.
    #[serde(default)]
    pub value: ValueFormat,
    /// How batches are compressed: `zstd`, `lz4`, `snappy`, `gzip` or `none`.
    #[serde(default)]
    pub compression: Compression,
    /// The most bytes of a batch before compression; at most 1,048,576.
    #[serde(default = "default_max_batch_bytes")]
    pub max_batch_bytes: ByteSize,

    /// The folder for all files; relative to the pipeline file. Staging lies beside it, in
    /// `<root>.staging`. Or a prefix in an object store, for a topic of one partition:
    /// `s3://bucket/prefix`, `az://container/prefix`.
    #[serde(default)]
    #[schemars(example = "out/kafka")]
    pub root: Option<Root>,
    /// How the object store of `root` is reached. Without it the environment says it.
    #[serde(default)]
    pub store: Option<StoreOptions>,
    /// The path of a file below `root`, with `{date}`, `{account}`, `{app_id}`, `{list}`, `{part}`
    /// (the partition), `{pipeline}`, `{sink}`; by default
    /// `dt={date}/account={account}/partition-{part}.batches`. The last folder belongs to one list
    /// and is replaced as a whole. A layout without a folder makes a single file, for a topic of
    /// one partition.
    #[serde(default)]
    #[schemars(example = "dt={date}/account={account}/partition-{part}.batches")]
    pub layout: Option<String>,
    /// The partitions of the topic that the files are for: one file each. By default 1.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub partitions: Option<u32>,

    /// The brokers to ask first, as `host:port`. Needs a program built with the feature
    /// `kafka-broker`.
    #[serde(default)]
    #[schemars(example = ["broker.example.com:9092"])]
    pub brokers: Option<Vec<String>>,
    /// The prefix of the transactional id, and of the consumer group that holds the checkpoint of
    /// what was delivered. An ACL may name it.
    #[serde(default = "default_prefix")]
    pub prefix: String,
    /// The most rows in a transaction. Without it a list is one transaction: readers see all of it
    /// at once.
    #[serde(default)]
    #[schemars(range(min = 1), example = 1_000_000)]
    pub transaction_rows: Option<u64>,
    /// The time after which the brokers abort a transaction, in seconds; they allow 900 by default.
    #[serde(default = "default_transaction_timeout_secs")]
    #[schemars(range(min = 10))]
    pub transaction_timeout_secs: u32,
    /// How long the brokers keep the offsets of a group without members
    /// (`offsets.retention.minutes`). For that time the checkpoint says what was delivered, if the
    /// commit records are lost.
    #[serde(default = "default_retention_hours")]
    #[schemars(range(min = 1))]
    pub retention_hours: u32,
    /// The most bytes that wait in memory for the brokers to acknowledge them.
    #[serde(default = "default_queue_bytes")]
    pub queue_bytes: ByteSize,
    /// Creates the topic if it does not exist.
    #[serde(default)]
    pub create_topic: Option<CreateTopic>,
    /// The credentials for the brokers.
    #[serde(default)]
    pub sasl: Option<Sasl>,
    /// The certificates of an encrypted connection to the brokers.
    #[serde(default)]
    pub tls: Option<Tls>,
    /// Any other property of librdkafka, by its name.
    #[serde(default)]
    pub properties: BTreeMap<String, Property>,
}

fn default_max_batch_bytes() -> ByteSize {
    ByteSize(900 << 10)
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
    /// Makes options with every default, for files under `root` of records for `topic`.
    pub fn files(topic: impl Into<String>, root: impl Into<Root>) -> Self {
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
            store: None,
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

    /// Returns the root with its store.
    pub(crate) fn place(&self) -> Option<Root> {
        self.root.clone().map(|root| root.with_store(self.store.clone()))
    }

    /// Returns the number of files, one for each partition.
    pub(crate) fn file_partitions(&self) -> u32 {
        self.partitions.unwrap_or(1)
    }
}
