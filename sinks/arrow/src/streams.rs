//! The streams of a run, by their places: every list of the run goes into the same one, and it
//! knows whether a list was cut. The options have them; [`sink`](crate::sink) and
//! [`factory`](crate::factory) use them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fanout_sink::SinkError;
use fanout_sink::arrow::datatypes::{Schema, SchemaRef};
use fanout_sink::arrow::record_batch::RecordBatch;
use tokio::time::{sleep, timeout};

use crate::compression::Compression;
use crate::dated::dated_schema;
use crate::place::Place;
use crate::stream::Stream;

/// How long a pipe without a reader is left alone before the next look.
const PAUSE: Duration = Duration::from_millis(20);

/// How long the end of a run without a list waits for the reader of a pipe.
const READER_COMES_WITHIN: Duration = Duration::from_secs(5);

/// The streams of a run. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Streams(Arc<Mutex<HashMap<Place, SharedStream>>>);

/// The stream to one place, which all lists of a run share.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedStream(Arc<Mutex<State>>);

#[derive(Debug, Default)]
enum State {
    #[default]
    NotBegun,
    Open(Box<Stream>),
    /// A list was cut or is missing, or nothing more can be written. The text says why.
    Cut(String),
    Ended,
}

impl Streams {
    /// Returns the stream to `place`.
    pub(crate) fn to(&self, place: &Place) -> SharedStream {
        lock(&self.0).entry(place.clone()).or_default().clone()
    }
}

impl SharedStream {
    /// Begins the stream, unless another list has. Returns its columns for a list with `schema`.
    /// Waits until a pipe has a reader.
    ///
    /// # Errors
    ///
    /// If it cannot begin, or was cut.
    pub(crate) async fn begin(
        &self,
        place: &Place,
        schema: &Schema,
        compression: Compression,
    ) -> Result<SchemaRef, SinkError> {
        loop {
            if let Some(schema) = self.try_begin(place, schema, compression)? {
                return Ok(schema);
            }
            sleep(PAUSE).await;
        }
    }

    /// As [`begin`](Self::begin), but returns `None` for a pipe that has no reader yet.
    fn try_begin(
        &self,
        place: &Place,
        schema: &Schema,
        compression: Compression,
    ) -> Result<Option<SchemaRef>, SinkError> {
        let mut state = lock(&self.0);
        match &*state {
            State::Open(stream) => Ok(Some(stream.schema())),
            State::Cut(why) => Err(was_cut(why)),
            State::NotBegun | State::Ended => {
                let schema = dated_schema(schema);
                let begun = Stream::begin(place, Arc::clone(&schema), compression);
                let Some(stream) = begun.inspect_err(|error| state.cut(error))? else { return Ok(None) };
                *state = State::Open(Box::new(stream));
                Ok(Some(schema))
            }
        }
    }

    /// Writes a batch, and returns how many bytes it took.
    ///
    /// # Errors
    ///
    /// If the stream was cut; it is, if the batch cannot be written.
    pub(crate) fn write(&self, records: &RecordBatch) -> Result<u64, SinkError> {
        let mut state = lock(&self.0);
        match &mut *state {
            State::Open(stream) => stream.write(records).inspect_err(|error| state.cut(error)),
            State::Cut(why) => Err(was_cut(why)),
            State::NotBegun | State::Ended => Err(SinkError::permanent("the stream of the run has ended")),
        }
    }

    /// Cuts the stream: it gets no end, so no reader takes it for complete.
    pub(crate) fn cut(&self, why: &str) {
        let mut state = lock(&self.0);
        if let State::Open(_) = *state {
            *state = State::Cut(why.to_owned());
        }
    }

    /// Ends the stream if it `is_complete`; else cuts it. One that no list has begun begins here,
    /// because readers must not take what an earlier run has left in a file for this one.
    ///
    /// # Errors
    ///
    /// If it is complete and was cut, if no reader comes, or if it cannot be written.
    pub(crate) async fn end(
        &self,
        place: &Place,
        schema: &Schema,
        compression: Compression,
        is_complete: bool,
    ) -> Result<(), SinkError> {
        if matches!(*lock(&self.0), State::NotBegun) {
            // Without time, this is one try: a reader that waits is there already.
            let within = if is_complete { READER_COMES_WITHIN } else { Duration::ZERO };
            match timeout(within, self.begin(place, schema, compression)).await {
                Ok(begun) => drop(begun?),
                Err(_) if is_complete => return Err(SinkError::permanent(format!("{place} has no reader"))),
                Err(_) => return Ok(()),
            }
        }
        if !is_complete {
            self.cut("a list of the run is not in it");
            return Ok(());
        }
        let mut state = lock(&self.0);
        let ended = match std::mem::replace(&mut *state, State::Ended) {
            State::Open(stream) => (*stream).end(),
            State::Cut(why) => Err(was_cut(&why)),
            State::NotBegun | State::Ended => Ok(()),
        };
        ended.inspect_err(|error| state.cut(error))
    }
}

impl State {
    fn cut(&mut self, error: &SinkError) {
        *self = Self::Cut(error.to_string());
    }
}

fn was_cut(why: &str) -> SinkError {
    SinkError::permanent(format!("the stream of the run is not complete: {why}"))
        .with_hint("run again: all lists are sent again, from the journal and without any API call")
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
