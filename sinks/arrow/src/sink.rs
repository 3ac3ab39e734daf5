//! The sink itself: one list on its way into the stream of the run. [`factory`](crate::factory)
//! opens it, [`streams`](crate::streams) has the stream.

use fanout_sink::arrow::datatypes::SchemaRef;
use fanout_sink::chrono::NaiveDate;
use fanout_sink::{Batch, Output, Sink, SinkContext, SinkError, SinkReport, Snapshot, async_trait};

use crate::dated::dated;
use crate::options::ArrowOptions;
use crate::place::Place;
use crate::streams::SharedStream;

/// Writes one list to the stream of the run.
#[derive(Debug)]
pub struct ArrowSink {
    stream: SharedStream,
    place: Place,
    /// The columns of the stream.
    schema: SchemaRef,
    list: String,
    date: NaiveDate,
    rows: u64,
    bytes: u64,
    is_complete: bool,
}

impl ArrowSink {
    pub(crate) async fn open(options: &ArrowOptions, context: &SinkContext) -> Result<Self, SinkError> {
        let place = Place::of(&options.path, context);
        let stream = options.streams.to(&place);
        let schema = stream.begin(&place, &context.schema, options.compression).await?;
        let list = format!("the list `{}` of `{}`", context.list, context.account);
        Ok(Self { stream, place, schema, list, date: context.date, rows: 0, bytes: 0, is_complete: false })
    }

    /// Cuts the stream if it has a part of the list, which no reader must take for the whole.
    fn give_up(&self) {
        if !self.is_complete && self.bytes > 0 {
            self.stream.cut(&format!("{} was cut after {} rows", self.list, self.rows));
        }
    }
}

#[async_trait]
impl Sink for ArrowSink {
    async fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        let records = dated(batch.records(), self.date, &self.schema)?;
        self.bytes += self.stream.write(&records)?;
        self.rows += records.num_rows() as u64;
        Ok(())
    }

    async fn prepare(&mut self, snapshot: &Snapshot) -> Result<(), SinkError> {
        if self.rows != snapshot.rows {
            let message = format!("{} rows of the list were received, expected {}", self.rows, snapshot.rows);
            return Err(SinkError::permanent(message));
        }
        Ok(())
    }

    async fn commit(&mut self) -> Result<SinkReport, SinkError> {
        self.is_complete = true;
        let location = match &self.place {
            Place::Stdout => "stdout".to_owned(),
            Place::File(path) => path.display().to_string(),
        };
        let (rows, bytes) = (self.rows, self.bytes);
        Ok(SinkReport { rows, bytes, outputs: vec![Output { location, rows, bytes }], mount: None })
    }

    async fn abort(&mut self) -> Result<(), SinkError> {
        self.give_up();
        Ok(())
    }
}

impl Drop for ArrowSink {
    fn drop(&mut self) {
        self.give_up();
    }
}
