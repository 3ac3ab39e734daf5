//! `protocol = "plain"`: the program reads the list to the end of its input; its end is the commit.

use std::process::Stdio;

use fanout_sink::{Batch, SinkContext, SinkError, SinkReport};
use fanout_sink_ndjson::LineEncoder;
use tokio::time::{Instant, timeout, timeout_at};

use crate::failure::Failure;
use crate::options::{CommandOptions, Format, seconds};
use crate::phase::Phase;
use crate::process::{End, Process, Progress};
use crate::stream::Stream;

/// A plain program, and the list that it reads.
#[derive(Debug)]
pub(crate) struct Plain {
    process: Process,
    encoder: Encoder,
    options: CommandOptions,
    encoded: Vec<u8>,
    rows: u64,
    bytes: u64,
}

#[derive(Debug)]
enum Encoder {
    Lines(LineEncoder),
    Arrow(Box<Stream>),
}

impl Plain {
    /// Starts the program. Its stdout is dropped, because it may be the list.
    pub(crate) fn start(options: CommandOptions, context: &SinkContext) -> Result<Self, SinkError> {
        let encoder = match options.format.unwrap_or_default() {
            Format::Ndjson => Encoder::Lines(LineEncoder::new(context.schema.clone())),
            Format::Arrow => Encoder::Arrow(Box::new(Stream::new(&context.schema)?)),
        };
        let process = Process::start(&options, context, Stdio::null())?;
        Ok(Self { process, encoder, options, encoded: Vec::new(), rows: 0, bytes: 0 })
    }

    /// Sends a batch.
    pub(crate) async fn write(&mut self, batch: &Batch) -> Result<(), Failure> {
        match &mut self.encoder {
            Encoder::Lines(lines) => {
                let encoded = lines.encode(batch.records(), |lines| {
                    self.encoded.extend_from_slice(lines);
                    Ok(())
                });
                encoded.map_err(|error| Failure::permanent(error.to_string()))?;
            }
            Encoder::Arrow(stream) => stream.write(batch.records())?,
        }
        self.rows += batch.records().num_rows() as u64;
        self.send().await
    }

    /// Sends the end of an Arrow stream; lines have no end.
    pub(crate) async fn prepare(&mut self) -> Result<(), Failure> {
        if let Encoder::Arrow(stream) = &mut self.encoder {
            stream.finish()?;
        }
        self.send().await
    }

    /// Closes the input, and waits for the program to end with status 0.
    pub(crate) async fn commit(&mut self) -> Result<SinkReport, Failure> {
        self.process.close_input();
        let (key, limit) = Phase::Ending.limit(&self.options);
        match timeout(seconds(limit), self.process.ended()).await {
            Ok(Ok(status)) if status.success() => {
                Ok(SinkReport { rows: self.rows, bytes: self.bytes, ..SinkReport::default() })
            }
            Ok(Ok(status)) => Err(self.process.unexpected_end(status, Phase::Ending)),
            Ok(Err(error)) => {
                let name = &self.process.name;
                Err(Failure::permanent(format!("it is not known how `{name}` has ended ({error})")))
            }
            Err(_) => {
                let name = &self.process.name;
                Err(Failure::permanent(format!(
                    "`{name}` did not end within `{key}` = {limit} of the end of its input"
                )))
            }
        }
    }

    /// Ends the program by a signal, before it sees the end of its input.
    pub(crate) async fn abort(&mut self) {
        self.process.end(End::BySignal).await;
    }

    /// Ends the program after `failure`, and returns the failure with the last lines of its stderr.
    pub(crate) async fn fail(&mut self, failure: Failure) -> Failure {
        self.process.fail(failure, End::BySignal).await
    }

    async fn send(&mut self) -> Result<(), Failure> {
        if let Encoder::Arrow(stream) = &mut self.encoder {
            self.encoded = stream.take(std::mem::take(&mut self.encoded));
        }
        let (key, limit) = Phase::Receiving.limit(&self.options);
        let deadline = Instant::now() + seconds(limit);
        let mut rest = self.encoded.as_slice();
        while !rest.is_empty() {
            match timeout_at(deadline, self.process.give(rest)).await {
                Ok(Progress::Took(bytes)) => rest = &rest[bytes..],
                Ok(Progress::Closed | Progress::Ended) => {
                    return Err(self.process.closed("stdin", Phase::Receiving).await);
                }
                Err(_) => {
                    let message = format!("`{}` did not read a batch within `{key}` = {limit}", self.process.name);
                    return Err(Failure::permanent(message));
                }
            }
        }
        self.bytes += self.encoded.len() as u64;
        self.encoded.clear();
        Ok(())
    }
}
