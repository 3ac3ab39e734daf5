//! Encodes one list as an Arrow IPC stream, piece by piece.
//!
//! <https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format>

use std::fmt;

use fanout_sink::SinkError;
use fanout_sink::arrow::datatypes::Schema;
use fanout_sink::arrow::error::ArrowError;
use fanout_sink::arrow::ipc::writer::StreamWriter;
use fanout_sink::arrow::record_batch::RecordBatch;

use crate::failure::Failure;

/// Encodes batches to bytes, which the caller takes.
pub(crate) struct Stream(StreamWriter<Vec<u8>>);

impl Stream {
    /// Begins a stream. Its first message is the schema.
    pub(crate) fn new(schema: &Schema) -> Result<Self, SinkError> {
        let writer = StreamWriter::try_new(Vec::new(), schema).map_err(|error| {
            SinkError::permanent("the columns of the list have no form in an Arrow stream").with_source(error)
        })?;
        Ok(Self(writer))
    }

    /// Adds a batch.
    pub(crate) fn write(&mut self, records: &RecordBatch) -> Result<(), Failure> {
        self.0.write(records).map_err(|error| unencodable(&error))
    }

    /// Adds the end-of-stream marker.
    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        self.0.finish().map_err(|error| unencodable(&error))
    }

    /// Takes the bytes that were added, and leaves `empty` in their place.
    pub(crate) fn take(&mut self, mut empty: Vec<u8>) -> Vec<u8> {
        empty.clear();
        std::mem::replace(self.0.get_mut(), empty)
    }
}

fn unencodable(error: &ArrowError) -> Failure {
    Failure::permanent(format!("a batch cannot be put into an Arrow stream ({error})"))
}

impl fmt::Debug for Stream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Stream").field("bytes", &self.0.get_ref().len()).finish_non_exhaustive()
    }
}
