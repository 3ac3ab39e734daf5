//! The kafka sink keeps every promise of the contract, whatever the compression and the number of partitions.

#![expect(clippy::unwrap_used, reason = "the subject of a test may panic, as its test functions may")]

use std::path::{Path, PathBuf};

use bytes::Bytes;
use fanout_sink::conformance::{Published, ReadError, Row, Subject, files_under, run};
use fanout_sink::{Delivery, SinkContext, SinkError, SinkFactory, async_trait};
use fanout_sink_kafka::{KafkaFactory, KafkaOptions, KafkaSink, KeyFormat};
use kafka_protocol::records::RecordBatchDecoder;

/// A kafka sink with these options besides its root.
struct Kafka(serde_json::Value);

/// Does what the author of a pipeline file does who leaves `openid` out of `columns`, or `position`: takes as the key
/// what there is, and one partition where readers could not put the rows of several in order.
struct Arranged(KafkaFactory);

fn arranged(mut options: KafkaOptions, context: &SinkContext) -> KafkaOptions {
    let columns = context.schema.fields().iter().filter(|field| !field.is_nullable());
    options.key = KeyFormat::Columns(columns.map(|field| field.name().clone()).collect());
    options.partitions = options.partitions.filter(|_| context.schema.column_with_name("position").is_some());
    options
}

#[async_trait]
impl SinkFactory for Arranged {
    type Options = KafkaOptions;
    type Sink = KafkaSink;

    fn name(&self) -> &str {
        self.0.name()
    }

    fn summary(&self) -> &str {
        self.0.summary()
    }

    fn delivery(&self, options: &KafkaOptions) -> Delivery {
        self.0.delivery(options)
    }

    fn memory(&self, options: &KafkaOptions) -> u64 {
        self.0.memory(options)
    }

    fn roots(&self, options: &KafkaOptions) -> Vec<PathBuf> {
        self.0.roots(options)
    }

    async fn check(&self, options: &KafkaOptions, context: &SinkContext) -> Result<(), SinkError> {
        self.0.check(&arranged(options.clone(), context), context).await
    }

    async fn open(&self, options: KafkaOptions, context: SinkContext) -> Result<KafkaSink, SinkError> {
        self.0.open(arranged(options, &context), context).await
    }
}

impl Kafka {
    /// Returns what the names of a list's outputs contain, below the root.
    fn place(&self, context: &SinkContext) -> String {
        let SinkContext { date, account, .. } = context;
        if self.0["layout"].is_string() {
            format!("{date}-{account}.")
        } else {
            format!("dt={date}/account={account}/")
        }
    }
}

#[async_trait]
impl Subject for Kafka {
    type Factory = Arranged;

    fn factory(&self) -> Arranged {
        Arranged(KafkaFactory)
    }

    fn options(&self, directory: &Path) -> KafkaOptions {
        let mut options = self.0.clone();
        options["topic"] = "followers".into();
        options["root"] = directory.join("out").to_str().unwrap().into();
        serde_json::from_value(options).unwrap()
    }

    async fn read(&self, directory: &Path, context: &SinkContext) -> Result<Option<Published>, ReadError> {
        let mut outputs = files_under(&context.output_path(&directory.join("out")))?;
        let place = self.place(context);
        outputs.retain(|name, _| name.contains(&place));
        if outputs.is_empty() {
            return Ok(None);
        }
        let mut rows = Vec::new();
        for (_, content) in outputs.iter().filter(|(name, _)| name.ends_with(".batches")) {
            rows.extend(rows_in(content)?);
        }
        rows.sort_by_key(|row: &Row| row.get("position").and_then(serde_json::Value::as_u64));
        Ok(Some(Published { rows, outputs }))
    }
}

fn rows_in(content: &[u8]) -> Result<Vec<Row>, ReadError> {
    let batches = RecordBatchDecoder::decode_all(&mut Bytes::copy_from_slice(content))?;
    let records = batches.into_iter().flat_map(|batch| batch.records);
    records.map(|record| Ok(serde_json::from_slice(&record.value.unwrap())?)).collect()
}

async fn assert_conforms(options: serde_json::Value) {
    let summary = run(&Kafka(options)).await;
    let skipped: Vec<&str> = summary.skipped.iter().map(|skip| skip.case).collect();
    // A disk has no temporary errors.
    assert_eq!(skipped, ["a_batch_refused_for_now_is_accepted_later"]);
}

#[tokio::test]
async fn one_partition_in_zstd() {
    assert_conforms(serde_json::json!({})).await;
}

#[tokio::test]
async fn seven_partitions_in_lz4_and_small_batches() {
    assert_conforms(serde_json::json!({ "partitions": 7, "compression": "lz4", "max_batch_bytes": 400_000 })).await;
}

#[tokio::test]
async fn two_partitions_uncompressed() {
    assert_conforms(serde_json::json!({ "partitions": 2, "compression": "none" })).await;
}

#[tokio::test]
async fn a_single_file_in_gzip() {
    assert_conforms(serde_json::json!({ "layout": "{date}-{account}.batches", "compression": "gzip" })).await;
}

#[tokio::test]
async fn one_partition_in_snappy() {
    assert_conforms(serde_json::json!({ "compression": "snappy" })).await;
}
