//! The conformance suite for files of batches, with several codecs and numbers of partitions.

#![expect(clippy::unwrap_used, reason = "the subject of a test may panic, as its test functions may")]

mod any_columns;

use any_columns::AnyColumns;
use bytes::Bytes;
use fanout_sink::conformance::{ReadError, Row, Traces, file_subject, run};
use fanout_sink_kafka::KafkaFactory;
use kafka_protocol::records::RecordBatchDecoder;

fn read_rows(outputs: &Traces) -> Result<Vec<Row>, ReadError> {
    let mut rows = Vec::new();
    for (_, content) in outputs.iter().filter(|(name, _)| name.ends_with(".batches")) {
        rows.extend(rows_in(content)?);
    }
    rows.sort_by_key(|row: &Row| row.get("position").and_then(serde_json::Value::as_u64));
    Ok(rows)
}

fn rows_in(content: &[u8]) -> Result<Vec<Row>, ReadError> {
    let batches = RecordBatchDecoder::decode_all(&mut Bytes::copy_from_slice(content))?;
    let records = batches.into_iter().flat_map(|batch| batch.records);
    records.map(|record| Ok(serde_json::from_slice(&record.value.unwrap())?)).collect()
}

async fn assert_conforms(mut options: serde_json::Value) {
    options["topic"] = "followers".into();
    let summary = run(&file_subject(|| AnyColumns(KafkaFactory), options, read_rows)).await;
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
