//! A sink of the pipeline file: its section, its columns, and the factory with its options.
//!
//! Before it: [`SinkRegistry`](super::SinkRegistry) makes it. Behind it: the engine opens it, and
//! selects its columns from each batch.

use fanout_sink::arrow::datatypes::SchemaRef;
use fanout_sink::{
    Batch, ConfiguredSink, Delivery, Found, Root, Sink, SinkContext, SinkError, SinkErrorKind, SinkReport, SinkWarning,
};

use super::columns::Projection;
use crate::config::{ConfigError, Deliver, SinkSection};

/// A valid sink that is not open. The engine opens it for each walk that it delivers: so once for
/// each account, and once more when a delivery is repeated. Each opening gives a [`Sink`] of its
/// own.
#[derive(Clone, Debug)]
pub struct BoundSink {
    section: SinkSection,
    projection: Projection,
    sink: ConfiguredSink,
}

impl BoundSink {
    pub(super) fn new(section: &SinkSection, projection: Projection, sink: ConfiguredSink) -> Self {
        Self { section: section.clone(), projection, sink }
    }

    /// Returns the name in `[sinks.<name>]`.
    pub fn name(&self) -> &str {
        &self.section.name
    }

    /// Returns the sink's section in the pipeline file.
    pub fn section(&self) -> &SinkSection {
        &self.section
    }

    /// Returns the factory with its options.
    pub fn sink(&self) -> &ConfiguredSink {
        &self.sink
    }

    /// Returns the schema that the sink receives, for [`SinkContext::schema`].
    pub fn schema(&self) -> &SchemaRef {
        &self.projection.schema
    }

    /// Returns the batch with only the columns that the sink receives.
    ///
    /// # Panics
    ///
    /// If the batch has another schema than the sink was bound to.
    pub fn select(&self, batch: &Batch) -> Batch {
        match &self.projection.places {
            None => batch.clone(),
            Some(columns) => {
                let records = batch.records().project(columns).expect("the projection was made for this schema");
                batch.with_records(records)
            }
        }
    }

    /// Returns when batches are delivered, and what a reader can rely on.
    pub fn delivery(&self) -> Delivery {
        self.sink.delivery()
    }

    /// Returns whether batches are delivered during the walk: to a sink that stages them, unless
    /// `deliver` is `when_complete`.
    pub fn streams(&self) -> bool {
        self.delivery() == Delivery::Staged && self.section.deliver != Some(Deliver::WhenComplete)
    }

    /// Returns whether the sink gets each list in each run, and nothing is recorded of it.
    pub fn is_one_shot(&self) -> bool {
        self.delivery() == Delivery::OneShot
    }

    /// Returns whether the sink writes to stdout.
    pub fn uses_stdout(&self) -> bool {
        self.sink.uses_stdout()
    }

    /// Returns the same sink as a required one: if it fails, the run fails.
    #[must_use]
    pub fn into_required(mut self) -> Self {
        self.section.required = true;
        self
    }

    /// Returns the bytes that each open sink may hold.
    pub fn memory(&self) -> u64 {
        self.sink.memory()
    }

    /// Returns the threads and processes that each open sink starts.
    pub fn threads(&self) -> u64 {
        self.sink.threads()
    }

    /// Returns the files, sockets and pipes that each open sink may hold.
    pub fn open_files(&self) -> u64 {
        self.sink.open_files()
    }

    /// Returns the places that the sink writes to, as its options name them; empty if it writes no
    /// files.
    pub fn roots(&self) -> Vec<Root> {
        self.sink.roots()
    }

    /// Returns an error for each column whose type the sink cannot take.
    pub(super) fn refusals(&self) -> Vec<SinkError> {
        self.sink.refusals(self.schema())
    }

    /// Checks whether the sink can be opened and can publish; changes nothing.
    ///
    /// # Errors
    ///
    /// As [`SinkFactory::check`](fanout_sink::SinkFactory::check);
    /// [`config_error`](Self::config_error) turns one about an option into an error of the pipeline
    /// file.
    pub async fn check(&self, context: &SinkContext) -> Result<(), SinkError> {
        self.sink.check(context).await
    }

    /// Returns what readers of the output may misunderstand; see
    /// [`SinkFactory::warnings`](fanout_sink::SinkFactory::warnings).
    pub fn warnings(&self, context: &SinkContext) -> Vec<SinkWarning> {
        self.sink.warnings(context)
    }

    /// Opens the sink for one list.
    ///
    /// # Errors
    ///
    /// As [`SinkFactory::open`](fanout_sink::SinkFactory::open).
    pub async fn open(&self, context: SinkContext) -> Result<Box<dyn Sink>, SinkError> {
        self.sink.open(context).await
    }

    /// Ends a run of a one-shot sink; `is_complete` says whether it has every list for it.
    ///
    /// # Errors
    ///
    /// As [`SinkFactory::end`](fanout_sink::SinkFactory::end).
    pub async fn end(&self, context: &SinkContext, is_complete: bool) -> Result<(), SinkError> {
        self.sink.end(context, is_complete).await
    }

    /// Looks for a list that was committed; changes nothing. `context` is the list's, with its
    /// facts and its digest.
    ///
    /// # Errors
    ///
    /// As [`SinkFactory::find`](fanout_sink::SinkFactory::find).
    pub async fn find(&self, context: &SinkContext, report: &SinkReport) -> Result<Found, SinkError> {
        self.sink.find(context, report).await
    }

    /// Returns an error about an option as one of the pipeline file, with its full key; `None` for
    /// other errors.
    pub fn config_error(&self, error: &SinkError) -> Option<ConfigError> {
        if error.kind() != SinkErrorKind::Option {
            return None;
        }
        let key = error.key().map_or_else(|| "options".to_owned(), |key| format!("options.{key}"));
        Some(self.section.problem(&key, with_hint(error)))
    }
}

/// Returns the text of an error of the pipeline file.
pub(super) fn with_hint(error: &SinkError) -> String {
    let hint = error.hint().map_or_else(String::new, |hint| format!("; {hint}"));
    format!("{error}{hint}")
}
