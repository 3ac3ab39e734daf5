//! The sink itself: writes the encoder's lines to a staged file, or to stdout.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;

use fanout_sink::files::{FileOptions, StagedFiles, file_error};
use fanout_sink::{Batch, Output, Sink, SinkContext, SinkError, SinkReport, Snapshot, async_trait};

use crate::compressor::Compressor;
use crate::options::{Compression, Destination};
use crate::row::LineEncoder;

/// Writes one list as newline JSON.
pub struct NdjsonSink {
    encoder: LineEncoder,
    rows: u64,
    output: LineOutput,
}

enum LineOutput {
    File(Box<FileOutput>),
    Stream(Stream),
}

struct FileOutput {
    files: StagedFiles,
    /// The file of the list; `None` after `prepare`.
    part: Option<Compressor>,
}

/// Stdout, or a test's substitute.
struct Stream {
    writer: Box<dyn Write + Send>,
    bytes: u64,
}

impl NdjsonSink {
    pub(crate) fn open(destination: &Destination, context: &SinkContext) -> Result<Self, SinkError> {
        match destination {
            Destination::Stdout => {
                // A copy of the descriptor: `io::stdout` takes one that cannot be written for one
                // that swallows everything.
                let stdout = io::stdout().as_fd().try_clone_to_owned().map_err(stdout_error)?;
                Ok(Self::to_stream(Box::new(File::from(stdout)), context))
            }
            Destination::Files { files, compression } => {
                let output = FileOutput::open(files, *compression, context)?;
                Ok(Self::new(LineOutput::File(Box::new(output)), context))
            }
        }
    }

    /// Opens a sink for a stream, which cannot be staged.
    pub(crate) fn to_stream(writer: Box<dyn Write + Send>, context: &SinkContext) -> Self {
        Self::new(LineOutput::Stream(Stream { writer, bytes: 0 }), context)
    }

    fn new(output: LineOutput, context: &SinkContext) -> Self {
        Self { encoder: LineEncoder::new(context.schema.clone()), rows: 0, output }
    }
}

impl FileOutput {
    fn open(options: &FileOptions, compression: Compression, context: &SinkContext) -> Result<Self, SinkError> {
        let mut files = StagedFiles::open(options, context)?;
        let part = files.next_part()?;
        let path = part.path().to_owned();
        let part = Compressor::new(part, compression).map_err(|error| file_error("begin", &path, Box::new(error)))?;
        Ok(Self { files, part: Some(part) })
    }

    fn write(&mut self, lines: &[u8]) -> Result<(), SinkError> {
        let Some(part) = &mut self.part else {
            return Err(SinkError::permanent("the list is complete, and accepts no more rows"));
        };
        part.write_all(lines).map_err(|error| file_error("write", part.part().path(), Box::new(error)))
    }

    fn prepare(&mut self, rows: u64, snapshot: &Snapshot) -> Result<(), SinkError> {
        if let Some(part) = self.part.take() {
            let path = part.part().path().to_owned();
            let part = part.finish().map_err(|error| file_error("finish", &path, Box::new(error)))?;
            self.files.finish_part(part, rows)?;
        }
        self.files.prepare(snapshot)
    }

    fn abort(&mut self) -> Result<(), SinkError> {
        self.part = None;
        self.files.abort()
    }
}

impl Stream {
    fn write(&mut self, lines: &[u8]) -> Result<(), SinkError> {
        self.writer.write_all(lines).map_err(stdout_error)?;
        self.bytes += lines.len() as u64;
        Ok(())
    }

    fn report(&self, rows: u64) -> SinkReport {
        let output = Output { location: "stdout".to_owned(), rows, bytes: self.bytes };
        SinkReport { rows, bytes: self.bytes, outputs: vec![output], mount: None }
    }
}

/// An error of stdout is never temporary, because the sink does not know how much of a batch was
/// written.
fn stdout_error(error: io::Error) -> SinkError {
    let message = match error.kind() {
        io::ErrorKind::BrokenPipe => "stdout was closed by its reader before the list was written",
        _ => "cannot write to stdout",
    };
    SinkError::permanent(message)
        .with_source(error)
        .with_hint("run again: the whole list is sent again, from the journal and without any API call")
}

#[async_trait]
impl Sink for NdjsonSink {
    async fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        let Self { encoder, rows, output } = self;
        encoder.encode(batch.records(), |lines| match output {
            LineOutput::File(file) => file.write(lines),
            LineOutput::Stream(stream) => stream.write(lines),
        })?;
        *rows += batch.records().num_rows() as u64;
        Ok(())
    }

    async fn prepare(&mut self, snapshot: &Snapshot) -> Result<(), SinkError> {
        match &mut self.output {
            LineOutput::File(file) => file.prepare(self.rows, snapshot),
            LineOutput::Stream(stream) => stream.writer.flush().map_err(stdout_error),
        }
    }

    async fn commit(&mut self) -> Result<SinkReport, SinkError> {
        match &mut self.output {
            LineOutput::File(file) => file.files.commit(),
            LineOutput::Stream(stream) => Ok(stream.report(self.rows)),
        }
    }

    async fn abort(&mut self) -> Result<(), SinkError> {
        match &mut self.output {
            LineOutput::File(file) => file.abort(),
            LineOutput::Stream(_) => Ok(()),
        }
    }
}

impl fmt::Debug for NdjsonSink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("NdjsonSink").field("rows", &self.rows).finish_non_exhaustive()
    }
}
