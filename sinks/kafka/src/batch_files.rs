//! Writes messages to files of record batches, one file for each partition of the topic.

use std::io::Write;
use std::mem;

use fanout_sink::files::{FileOptions, PartRows, PartWriter, StagedFiles, file_error};
use fanout_sink::{SinkContext, SinkError, SinkReport, Snapshot};
use serde::Serialize;
use serde_json::{Value, json};

use crate::batch::{BatchFormat, OpenBatch, SealedBatch};
use crate::message::{Headers, Message};
use crate::options::KafkaOptions;
use crate::partitioner::{self, partition_of};

/// The files of one list.
pub(crate) struct BatchFiles {
    files: StagedFiles,
    format: BatchFormat,
    /// By number; empty after `prepare` or `abort`.
    partitions: Vec<Partition>,
}

/// The file of one partition.
struct Partition {
    part: PartWriter,
    open: OpenBatch,
    batches: Vec<BatchEntry>,
    records: u64,
}

/// The manifest's entry of a batch.
#[derive(Clone, Copy, Debug, Serialize)]
struct BatchEntry {
    /// The byte of the file at which it begins.
    offset: u64,
    records: u64,
    /// The positions of its first and last row in the list. Rows of other partitions lie between.
    first_position: u64,
    last_position: u64,
}

impl BatchFiles {
    pub(crate) fn open(
        file_options: &FileOptions,
        partitions: u32,
        options: &KafkaOptions,
        context: &SinkContext,
    ) -> Result<Self, SinkError> {
        let headers = Headers::new(options, context)?;
        let mut files = StagedFiles::open(file_options, context)?;
        files.set_details(details(options, partitions, &headers));
        let format = BatchFormat::new(options.compression, &headers, options.max_batch_bytes.0);
        let partitions = (0..partitions).map(|_| files.next_part().map(Partition::new)).collect::<Result<_, _>>()?;
        Ok(Self { files, format, partitions })
    }

    pub(crate) fn write(&mut self, message: &Message<'_>) -> Result<(), SinkError> {
        let Ok(count @ 1..) = u32::try_from(self.partitions.len()) else {
            return Err(SinkError::permanent("the list is complete, and accepts no more rows"));
        };
        let bytes = self.format.bytes_of(message)?;
        let partition = &mut self.partitions[partition_of(message.key, count) as usize];
        if !partition.open.has_room(bytes, &self.format) {
            partition.seal(&self.format)?;
        }
        partition.open.push(message, bytes);
        Ok(())
    }

    pub(crate) fn prepare(&mut self, snapshot: &Snapshot) -> Result<(), SinkError> {
        for (number, mut partition) in mem::take(&mut self.partitions).into_iter().enumerate() {
            partition.seal(&self.format)?;
            let (rows, details) = (partition.rows(), json!({ "partition": number, "batches": partition.batches }));
            self.files.finish_part_of(partition.part, rows, Some(details))?;
        }
        self.files.prepare(snapshot)
    }

    pub(crate) fn commit(&mut self) -> Result<SinkReport, SinkError> {
        self.files.commit()
    }

    pub(crate) fn abort(&mut self) -> Result<(), SinkError> {
        self.partitions.clear();
        self.files.abort()
    }
}

impl Partition {
    fn new(part: PartWriter) -> Self {
        Self { part, open: OpenBatch::default(), batches: Vec::new(), records: 0 }
    }

    /// Seals the open batch and writes it, unless it is empty.
    fn seal(&mut self, format: &BatchFormat) -> Result<(), SinkError> {
        let Some(SealedBatch { bytes, records, first_position, last_position }) =
            format.seal(mem::take(&mut self.open), self.records)?
        else {
            return Ok(());
        };
        self.batches.push(BatchEntry { offset: self.part.bytes(), records, first_position, last_position });
        self.records += records;
        self.part.write_all(&bytes).map_err(|error| file_error("write", self.part.path(), Box::new(error)))
    }

    fn rows(&self) -> PartRows {
        let ends = self.batches.first().zip(self.batches.last());
        PartRows {
            count: self.records,
            positions: ends.map(|(first, last)| (first.first_position, last.last_position)),
        }
    }
}

/// Returns the manifest's `details` of all files.
fn details(options: &KafkaOptions, partitions: u32, headers: &Headers) -> Value {
    json!({
        "format": "record batches, magic 2",
        "topic": options.topic,
        "partitions": partitions,
        "partitioner": partitioner::NAME,
        "key": options.key.to_string(),
        "value": options.value.to_string(),
        "headers": headers.iter().map(|(name, value)| (name.to_owned(), value.into())).collect::<serde_json::Map<_, _>>(),
        "compression": options.compression,
        "max_batch_bytes": options.max_batch_bytes.0,
    })
}
