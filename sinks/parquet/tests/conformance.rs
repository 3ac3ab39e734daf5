//! The parquet sink keeps every promise of the contract.

#![expect(clippy::unwrap_used, reason = "the subject of a test may panic, as its test functions may")]

use std::path::Path;

use fanout_sink::conformance::{Published, ReadError, Subject, Summary, files_under, rows_of, run};
use fanout_sink::{SinkContext, async_trait};
use fanout_sink_parquet::{ParquetFactory, ParquetOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// A parquet sink with these options besides its root.
struct Parquet(serde_json::Value);

impl Parquet {
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
impl Subject for Parquet {
    type Factory = ParquetFactory;

    fn factory(&self) -> ParquetFactory {
        ParquetFactory
    }

    fn options(&self, directory: &Path) -> ParquetOptions {
        let mut options = self.0.clone();
        options["root"] = directory.join("out").to_str().unwrap().into();
        serde_json::from_value(options).unwrap()
    }

    async fn read(&self, directory: &Path, context: &SinkContext) -> Result<Option<Published>, ReadError> {
        let root = context.output_path(&directory.join("out"));
        let mut outputs = files_under(&root)?;
        let place = self.place(context);
        outputs.retain(|name, _| name.contains(&place));
        if outputs.is_empty() {
            return Ok(None);
        }
        let mut rows = Vec::new();
        for name in outputs.keys().filter(|name| name.ends_with(".parquet")) {
            let file = std::fs::File::open(root.join(name))?;
            for records in ParquetRecordBatchReaderBuilder::try_new(file)?.build()? {
                rows.extend(rows_of(&records?)?);
            }
        }
        Ok(Some(Published { rows, outputs }))
    }
}

/// Asserts that every case was run, but the one that needs a sink with temporary errors: a disk has none.
fn assert_whole(summary: &Summary) {
    let skipped: Vec<&str> = summary.skipped.iter().map(|skip| skip.case).collect();
    assert_eq!(skipped, ["a_batch_refused_for_now_is_accepted_later"]);
}

#[tokio::test]
async fn a_folder_with_one_file() {
    assert_whole(&run(&Parquet(serde_json::json!({}))).await);
}

#[tokio::test]
async fn a_folder_with_many_files() {
    let options = serde_json::json!({ "max_file_rows": 7_000, "row_group_rows": 1_000 });
    assert_whole(&run(&Parquet(options)).await);
}

#[tokio::test]
async fn a_single_file() {
    assert_whole(&run(&Parquet(serde_json::json!({ "layout": "{date}-{account}.parquet" }))).await);
}
