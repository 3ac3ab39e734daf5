//! The ndjson sink keeps every promise of the contract, whatever the compression.

#![expect(clippy::unwrap_used, reason = "the subject of a test may panic, as its test functions may")]

use std::io::Read;
use std::path::Path;

use fanout_sink::conformance::{Published, ReadError, Row, Subject, files_under, run};
use fanout_sink::{SinkContext, async_trait};
use fanout_sink_ndjson::{NdjsonFactory, NdjsonOptions};
use flate2::read::MultiGzDecoder;

/// An ndjson sink with these options besides its root.
struct Ndjson(serde_json::Value);

impl Ndjson {
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
impl Subject for Ndjson {
    type Factory = NdjsonFactory;

    fn factory(&self) -> NdjsonFactory {
        NdjsonFactory
    }

    fn options(&self, directory: &Path) -> NdjsonOptions {
        let mut options = self.0.clone();
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
        for (name, content) in &outputs {
            rows.extend(rows_in(name, content)?);
        }
        Ok(Some(Published { rows, outputs }))
    }
}

/// Reads the rows of one output; manifest and marker have none.
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
    let summary = run(&Ndjson(options)).await;
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
