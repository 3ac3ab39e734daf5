//! One Arrow IPC stream: the schema, the batches of every list, the end. Lists come from
//! [`sink`](crate::sink); the bytes go to a [`Place`].
//!
//! <https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format>

use std::fmt;
use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use fanout_sink::SinkError;
use fanout_sink::arrow::datatypes::SchemaRef;
use fanout_sink::arrow::error::ArrowError;
use fanout_sink::arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use fanout_sink::arrow::record_batch::RecordBatch;

use crate::compression::Compression;
use crate::place::Place;

/// The four bytes with which every message begins, and the end of the stream, too.
const CONTINUATION: [u8; 4] = [0xFF; 4];

/// A stream that has begun and not ended.
pub(crate) struct Stream {
    place: Place,
    file: File,
    schema: SchemaRef,
    encoder: StreamWriter<Vec<u8>>,
}

impl Stream {
    /// Begins a stream: writes the schema, and the first four bytes of the next message. Returns
    /// `None` if the place is a pipe that has no reader yet.
    ///
    /// # Errors
    ///
    /// If the place cannot be opened or written.
    pub(crate) fn begin(place: &Place, schema: SchemaRef, compression: Compression) -> Result<Option<Self>, SinkError> {
        let options = IpcWriteOptions::default().try_with_compression(compression.in_ipc());
        let encoder = options.and_then(|options| StreamWriter::try_new_with_options(Vec::new(), &schema, options));
        let encoder = encoder.map_err(unencodable)?;
        let Some(file) = place.open()? else { return Ok(None) };
        let mut stream = Self { place: place.clone(), file, schema, encoder };
        stream.file.write_all(&CONTINUATION).map_err(|error| stream.place.write_error(error))?;
        stream.pass_on(&CONTINUATION)?;
        Ok(Some(stream))
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Writes a batch, and returns how many bytes it took.
    ///
    /// # Errors
    ///
    /// If it cannot be written. The stream can then not go on.
    pub(crate) fn write(&mut self, records: &RecordBatch) -> Result<u64, SinkError> {
        self.encoder.write(records).map_err(unencodable)?;
        self.pass_on(&CONTINUATION)
    }

    /// Ends the stream, so that its readers know that it is complete.
    ///
    /// # Errors
    ///
    /// If the end cannot be written.
    pub(crate) fn end(mut self) -> Result<(), SinkError> {
        self.encoder.finish().map_err(unencodable)?;
        self.pass_on(&[]).map(drop)
    }

    /// Writes what was encoded. It begins with four bytes that are written already, and behind it
    /// come those of the next message.
    fn pass_on(&mut self, next: &[u8]) -> Result<u64, SinkError> {
        let bytes = self.encoder.get_mut();
        bytes.extend_from_slice(next);
        let rest = bytes.strip_prefix(&CONTINUATION).expect("every message begins with these bytes");
        let written = self.file.write_all(rest).map_err(|error| self.place.write_error(error));
        let count = rest.len() as u64;
        bytes.clear();
        written.map(|()| count)
    }
}

fn unencodable(error: ArrowError) -> SinkError {
    SinkError::permanent("the list has no form in an Arrow stream").with_source(error)
}

impl fmt::Debug for Stream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Stream").field("place", &self.place).finish_non_exhaustive()
    }
}
