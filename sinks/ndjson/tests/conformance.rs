//! Runs the conformance suite over the ndjson sink, with every compression.

use std::io::Read;

use fanout_sink::conformance::{ReadError, Row, Traces, file_subject, run};
use fanout_sink_ndjson::NdjsonFactory;
use flate2::read::MultiGzDecoder;

fn read_rows(outputs: &Traces) -> Result<Vec<Row>, ReadError> {
    let mut rows = Vec::new();
    for (name, content) in outputs {
        rows.extend(rows_in(name, content)?);
    }
    Ok(rows)
}

/// Reads the rows of one output; a manifest and a marker have none.
fn rows_in(name: &str, content: &[u8]) -> Result<Vec<Row>, ReadError> {
    let mut text = String::new();
    match name.rsplit('.').next() {
        Some("ndjson") => text = String::from_utf8(content.to_vec())?,
        Some("zst") => drop(zstd::Decoder::new(content)?.read_to_string(&mut text)?),
        Some("gz") => drop(MultiGzDecoder::new(content).read_to_string(&mut text)?),
        _ => {}
    }
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

async fn assert_conforms(options: serde_json::Value) {
    let summary = run(&file_subject(|| NdjsonFactory, options, read_rows)).await;
    let skipped: Vec<&str> = summary.skipped.iter().map(|skip| skip.case).collect();
    // A disk has no temporary errors.
    assert_eq!(skipped, ["a_batch_refused_for_now_is_accepted_later"]);
}

#[tokio::test]
async fn plain_lines() {
    assert_conforms(serde_json::json!({})).await;
}

#[tokio::test]
async fn zstd_lines() {
    assert_conforms(serde_json::json!({ "compression": "zstd" })).await;
}

#[tokio::test]
async fn gzip_lines() {
    assert_conforms(serde_json::json!({ "compression": "gzip" })).await;
}

#[tokio::test]
async fn a_single_file() {
    assert_conforms(serde_json::json!({ "layout": "{date}-{account}.ndjson" })).await;
}
