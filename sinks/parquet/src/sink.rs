//! Rows into row groups, row groups into files.

use std::fmt;

use fanout_sink::arrow::array::RecordBatchOptions;
use fanout_sink::arrow::datatypes::SchemaRef;
use fanout_sink::arrow::record_batch::RecordBatch;
use fanout_sink::files::{PartWriter, StagedFiles, file_error};
use fanout_sink::{Batch, Sink, SinkContext, SinkError, SinkReport, Snapshot, async_trait};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use serde_json::Value;

use crate::ParquetOptions;
use crate::properties::{writer_properties, written_schema};

/// Writes one list as Parquet.
pub struct ParquetSink {
    files: StagedFiles,
    schema: SchemaRef,
    properties: WriterProperties,
    max_file_rows: u64,
    max_file_bytes: u64,
    /// What every file says about the list, known from the start.
    metadata: Vec<KeyValue>,
    part: Option<Part>,
}

/// The file that is being written.
struct Part {
    writer: ArrowWriter<PartWriter>,
    rows: u64,
}

impl ParquetSink {
    pub(crate) fn open(options: &ParquetOptions, context: &SinkContext) -> Result<Self, SinkError> {
        let properties = writer_properties(&context.schema, options)?;
        Ok(Self {
            files: StagedFiles::open(&options.files(), context)?,
            schema: written_schema(&context.schema),
            properties,
            max_file_rows: options.max_file_rows.unwrap_or(u64::MAX),
            max_file_bytes: options.max_file_bytes.map_or(u64::MAX, |size| size.0),
            metadata: context_metadata(context),
            part: None,
        })
    }

    /// Returns the file to write to, begun now if there is none.
    fn part(&mut self) -> Result<&mut Part, SinkError> {
        if self.part.is_none() {
            let file = self.files.next_part()?;
            let path = file.path().to_owned();
            let writer = ArrowWriter::try_new(file, self.schema.clone(), Some(self.properties.clone()))
                .map_err(|error| file_error("begin", &path, Box::new(error)))?;
            self.part = Some(Part { writer, rows: 0 });
        }
        Ok(self.part.as_mut().expect("begun above"))
    }

    /// Writes rows from the front of `records`, and returns those that have no room in the file.
    fn write_front(&mut self, records: &RecordBatch) -> Result<RecordBatch, SinkError> {
        let (max_rows, max_bytes) = (self.max_file_rows, self.max_file_bytes);
        // A full file ends when the next row comes, so that the last one is still open for the verdict.
        if self.part.as_ref().is_some_and(|part| part.rows >= max_rows || part.bytes() >= max_bytes) {
            self.finish_part(&[])?;
        }
        let part = self.part()?;
        let rows = records.num_rows().min(usize::try_from(max_rows - part.rows).unwrap_or(usize::MAX));
        let written = part.writer.write(&records.slice(0, rows));
        written.map_err(|error| file_error("write", part.writer.inner().path(), Box::new(error)))?;
        part.rows += rows as u64;
        Ok(records.slice(rows, records.num_rows() - rows))
    }

    /// Ends the file with its footer.
    fn finish_part(&mut self, more: &[KeyValue]) -> Result<(), SinkError> {
        let Some(mut part) = self.part.take() else { return Ok(()) };
        for entry in self.metadata.iter().chain(more) {
            part.writer.append_key_value_metadata(entry.clone());
        }
        let path = part.writer.inner().path().to_owned();
        let file = part.writer.into_inner().map_err(|error| file_error("finish", &path, Box::new(error)))?;
        self.files.finish_part(file, part.rows)
    }
}

impl Part {
    /// Returns the size that the file has reached, what is still in memory included.
    fn bytes(&self) -> u64 {
        (self.writer.bytes_written() + self.writer.in_progress_size()) as u64
    }
}

#[async_trait]
impl Sink for ParquetSink {
    async fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        let mut records = with_schema(batch.records(), &self.schema)?;
        while records.num_rows() > 0 {
            records = self.write_front(&records)?;
        }
        Ok(())
    }

    async fn prepare(&mut self, snapshot: &Snapshot) -> Result<(), SinkError> {
        // A list without followers is a file with a schema and no rows.
        self.part()?;
        self.finish_part(&snapshot_metadata(snapshot))?;
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

/// Returns the same columns under the schema that is written.
fn with_schema(records: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, SinkError> {
    let options = RecordBatchOptions::new().with_row_count(Some(records.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), records.columns().to_vec(), &options)
        .map_err(|error| SinkError::permanent("a batch does not have the columns of its list").with_source(error))
}

/// Returns what is known when a list begins; every file carries it.
fn context_metadata(context: &SinkContext) -> Vec<KeyValue> {
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

/// Returns what is known when a list is complete. Only its last file can carry it: earlier ones are closed by then.
fn snapshot_metadata(snapshot: &Snapshot) -> Vec<KeyValue> {
    [
        ("verdict", "complete".to_owned()),
        ("rows", snapshot.rows.to_string()),
        ("digest", snapshot.digest.clone()),
        ("proof", Value::from(snapshot.proof.clone()).to_string()),
    ]
    .map(|(key, value)| entry(key, value))
    .to_vec()
}

fn entry(key: &str, value: String) -> KeyValue {
    KeyValue::new(format!("fanout.{key}"), value)
}
