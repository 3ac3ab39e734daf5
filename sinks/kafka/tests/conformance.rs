//! The kafka sink keeps every promise of the contract, whatever the compression and the number of partitions.

#![expect(clippy::unwrap_used, reason = "the subject of a test may panic, as its test functions may")]

mod arranged;

use std::path::Path;

use arranged::Arranged;
use bytes::Bytes;
use fanout_sink::conformance::{Published, ReadError, Row, Subject, files_under, run};
use fanout_sink::{SinkContext, async_trait};
use fanout_sink_kafka::{KafkaFactory, KafkaOptions};
use kafka_protocol::records::RecordBatchDecoder;

/// A kafka sink with these options besides its root.
struct Kafka(serde_json::Value);

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
async fn a_single_file_in_gzip() {
    assert_conforms(serde_json::json!({ "layout": "{date}-{account}.batches", "compression": "gzip" })).await;
}
