//! Runs the conformance suite over the parquet sink.

use bytes::Bytes;
use fanout_sink::conformance::{ReadError, Row, Summary, Traces, file_subject, rows_of, run};
use fanout_sink_parquet::ParquetFactory;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

fn read_rows(outputs: &Traces) -> Result<Vec<Row>, ReadError> {
    let mut rows = Vec::new();
    for (_, content) in outputs.iter().filter(|(name, _)| name.ends_with(".parquet")) {
        let content = Bytes::copy_from_slice(content);
        for records in ParquetRecordBatchReaderBuilder::try_new(content)?.build()? {
            rows.extend(rows_of(&records?)?);
        }
    }
    Ok(rows)
}

/// Runs the suite over a parquet sink with these options and a root.
async fn conform(options: serde_json::Value) -> Summary {
    run(&file_subject(|| ParquetFactory, options, read_rows)).await
}

/// Asserts that every case was run except the one for sinks with temporary errors, which a disk
/// does not have.
fn assert_whole(summary: &Summary) {
    let skipped: Vec<&str> = summary.skipped.iter().map(|skip| skip.case).collect();
    assert_eq!(skipped, ["a_batch_refused_for_now_is_accepted_later"]);
}

#[tokio::test]
async fn a_folder_with_one_file() {
    assert_whole(&conform(serde_json::json!({})).await);
}

#[tokio::test]
async fn a_folder_with_many_files() {
    let options = serde_json::json!({ "max_file_rows": 7_000, "row_group_rows": 1_000 });
    assert_whole(&conform(options).await);
}

#[tokio::test]
async fn a_single_file() {
    assert_whole(&conform(serde_json::json!({ "layout": "{date}-{account}.parquet" })).await);
}
