//! The sink itself: begins and ends the files of one list, and writes the facts of the list into
//! their footers.

use std::fmt;

use fanout_sink::arrow::record_batch::RecordBatch;
use fanout_sink::files::{PartWriter, StagedFiles, file_error};
use fanout_sink::{Batch, Sink, SinkContext, SinkError, SinkReport, Snapshot, async_trait};
use serde_json::Value;

use crate::options::ParquetOptions;
use crate::part::PartEncoder;
use crate::properties::writer_properties;

/// Writes one list as Parquet.
pub struct ParquetSink {
    files: StagedFiles,
    options: ParquetOptions,
    context: SinkContext,
    part: Option<PartEncoder<PartWriter>>,
}

impl ParquetSink {
    pub(crate) fn open(options: ParquetOptions, context: SinkContext) -> Result<Self, SinkError> {
        // Wrong options are found before anything is staged.
        writer_properties(&context.schema, &options)?;
        let files = StagedFiles::open(&options.files(), &context)?;
        Ok(Self { files, options, context, part: None })
    }

    /// Returns the open file; begins one if there is none.
    fn part(&mut self) -> Result<&mut PartEncoder<PartWriter>, SinkError> {
        if self.part.is_none() {
            let file = self.files.next_part()?;
            let path = file.path().to_owned();
            let part = PartEncoder::new(&self.context.schema, &self.options, file)
                .map_err(|error| file_error("begin", &path, Box::new(error)))?;
            self.part = Some(part);
        }
        Ok(self.part.as_mut().expect("begun above"))
    }

    /// Writes as many rows of `records` as the file has room for, and returns the rest.
    fn write_front(&mut self, records: &RecordBatch) -> Result<RecordBatch, SinkError> {
        let max_rows = self.options.max_file_rows.unwrap_or(u64::MAX);
        let max_bytes = self.options.max_file_bytes.map_or(u64::MAX, |size| size.0);
        // A full file ends when the next row comes, so that the last file is still open in
        // `prepare`, when the facts of the list are known.
        if self.part.as_ref().is_some_and(|part| part.rows() >= max_rows || part.bytes() >= max_bytes) {
            self.finish_part(Vec::new())?;
        }
        let part = self.part()?;
        let rows = records.num_rows().min(usize::try_from(max_rows - part.rows()).unwrap_or(usize::MAX));
        let written = part.write(&records.slice(0, rows));
        written.map_err(|error| file_error("write", part.out().path(), Box::new(error)))?;
        Ok(records.slice(rows, records.num_rows() - rows))
    }

    /// Ends the file with its footer.
    fn finish_part(&mut self, facts: Vec<(String, String)>) -> Result<(), SinkError> {
        let Some(part) = self.part.take() else { return Ok(()) };
        let (path, rows) = (part.out().path().to_owned(), part.rows());
        let file = part.finish(context_metadata(&self.context).into_iter().chain(facts));
        self.files.finish_part(file.map_err(|error| file_error("finish", &path, Box::new(error)))?, rows)
    }
}

#[async_trait]
impl Sink for ParquetSink {
    async fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        let mut records = batch.records().clone();
        while records.num_rows() > 0 {
            records = self.write_front(&records)?;
        }
        Ok(())
    }

    async fn prepare(&mut self, snapshot: &Snapshot) -> Result<(), SinkError> {
        // A list without followers is a file with a schema and no rows.
        self.part()?;
        self.finish_part(snapshot_metadata(snapshot))?;
        self.files.prepare(snapshot)
    }

    async fn commit(&mut self) -> Result<SinkReport, SinkError> {
        self.files.commit()
    }

    async fn abort(&mut self) -> Result<(), SinkError> {
        self.part = None;
        self.files.abort()
    }
}

impl fmt::Debug for ParquetSink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ParquetSink").field("files", &self.files).finish_non_exhaustive()
    }
}

/// Returns the facts that are known when a list begins; every file has them.
fn context_metadata(context: &SinkContext) -> Vec<(String, String)> {
    [
        ("version", env!("CARGO_PKG_VERSION")),
        ("pipeline", &context.pipeline),
        ("sink", &context.sink),
        ("account", &context.account),
        ("app_id", &context.app_id),
        ("list", &context.list),
        ("walk", &context.walk.to_string()),
        ("date", &context.date.to_string()),
    ]
    .map(|(key, value)| entry(key, value.to_owned()))
    .to_vec()
}

/// Returns the facts that are known when a list is complete. Only the last file has them: the
/// earlier ones are closed by then.
fn snapshot_metadata(snapshot: &Snapshot) -> Vec<(String, String)> {
    [
        ("verdict", "complete".to_owned()),
        ("rows", snapshot.rows.to_string()),
        ("digest", snapshot.digest.clone()),
        ("proof", Value::from(snapshot.proof.clone()).to_string()),
    ]
    .map(|(key, value)| entry(key, value))
    .to_vec()
}

fn entry(key: &str, value: String) -> (String, String) {
    (format!("fanout.{key}"), value)
}
