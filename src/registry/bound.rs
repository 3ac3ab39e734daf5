//! A sink of the pipeline file: its section, its columns, and the factory with the options that were read from it.

use std::path::PathBuf;

use fanout_sink::arrow::datatypes::SchemaRef;
use fanout_sink::{Batch, ConfiguredSink, Delivery, Sink, SinkContext, SinkError, SinkErrorKind};

use super::columns::Projection;
use crate::config::{ConfigError, Deliver, SinkSection};

/// A sink that is valid and not open yet. It is opened once for each account; cloning is cheap enough for that.
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

    /// Returns the engine's keys of the sink.
    pub fn section(&self) -> &SinkSection {
        &self.section
    }

    /// Returns the factory with its options.
    pub fn sink(&self) -> &ConfiguredSink {
        &self.sink
    }

    /// Returns the columns that the sink receives: what [`SinkContext::schema`] must be.
    pub fn schema(&self) -> &SchemaRef {
        &self.projection.schema
    }

    /// Returns the columns of a batch that the sink receives.
    ///
    /// # Panics
    ///
    /// If the batch has not the schema that the sink was bound to.
    pub fn select(&self, batch: &Batch) -> Batch {
        match &self.projection.places {
            None => batch.clone(),
            Some(columns) => {
                let records = batch.records().project(columns).expect("the projection was made for this schema");
                batch.with_records(records)
            }
        }
    }

    /// Returns when the kind of sink wants its batches, and what that guarantees.
    pub fn delivery(&self) -> Delivery {
        self.sink.delivery()
    }

    /// Returns whether batches are delivered while the walk goes on: to a sink that stages them, unless `deliver` says
    /// otherwise.
    pub fn streams(&self) -> bool {
        self.delivery() == Delivery::Staged && self.section.deliver != Some(Deliver::WhenComplete)
    }

    /// Returns the same sink, with which the run fails if the sink does.
    #[must_use]
    pub fn into_required(mut self) -> Self {
        self.section.required = true;
        self
    }

    /// Returns the bytes that each open sink may hold on its own.
    pub fn memory(&self) -> u64 {
        self.sink.memory()
    }

    /// Returns where the sink writes, as it stands in its options; empty if it writes no files.
    pub fn roots(&self) -> Vec<PathBuf> {
        self.sink.roots()
    }

    /// Finds out whether the sink could be opened; changes nothing.
    ///
    /// # Errors
    ///
    /// As [`SinkFactory::check`](fanout_sink::SinkFactory::check); [`config_error`](Self::config_error) tells those that are about the pipeline file.
    pub async fn check(&self, context: &SinkContext) -> Result<(), SinkError> {
        self.sink.check(context).await
    }

    /// Opens the sink for one list.
    ///
    /// # Errors
    ///
    /// As [`SinkFactory::open`](fanout_sink::SinkFactory::open).
    pub async fn open(&self, context: SinkContext) -> Result<Box<dyn Sink>, SinkError> {
        self.sink.open(context).await
    }

    /// Returns the error as one about the pipeline file, with its full key, if it is one about an option.
    pub fn config_error(&self, error: &SinkError) -> Option<ConfigError> {
        if error.kind() != SinkErrorKind::Option {
            return None;
        }
        let key = error.key().map_or_else(|| "options".to_owned(), |key| format!("options.{key}"));
        let hint = error.hint().map_or_else(String::new, |hint| format!("; {hint}"));
        Some(self.section.problem(&key, format!("{error}{hint}")))
    }
}
