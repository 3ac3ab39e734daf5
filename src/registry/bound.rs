//! A sink of the pipeline file, together with its factory: everything that can be known before it is opened.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use fanout_sink::arrow::datatypes::SchemaRef;
use fanout_sink::{Batch, Delivery, Sink, SinkContext, SinkError, SinkErrorKind, SinkFactory};

use super::columns::Selection;
use crate::config::{ConfigError, Deliver, SinkOptions, SinkSection};

/// A sink that is valid and not open yet. It is opened once for each account; cloning is cheap enough for that.
#[derive(Clone)]
pub struct BoundSink {
    section: SinkSection,
    selection: Selection,
    erased: Arc<dyn Erased>,
}

impl BoundSink {
    pub(super) fn new(section: &SinkSection, selection: Selection, erased: Arc<dyn Erased>) -> Self {
        Self { section: section.clone(), selection, erased }
    }

    /// Returns the name in `[sinks.<name>]`.
    pub fn name(&self) -> &str {
        &self.section.name
    }

    /// Returns the engine's keys of the sink.
    pub fn section(&self) -> &SinkSection {
        &self.section
    }

    /// Returns the columns that the sink receives: what [`SinkContext::schema`] must be.
    pub fn schema(&self) -> &SchemaRef {
        &self.selection.schema
    }

    /// Returns the columns of a batch that the sink receives.
    ///
    /// # Panics
    ///
    /// If the batch has not the schema that the sink was bound to.
    pub fn select(&self, batch: &Batch) -> Batch {
        match &self.selection.projection {
            None => batch.clone(),
            Some(columns) => {
                let records = batch.records().project(columns).expect("the selection was made for this schema");
                batch.with_records(records)
            }
        }
    }

    /// Returns when the kind of sink wants its batches, and what that guarantees.
    pub fn delivery(&self) -> Delivery {
        self.erased.delivery()
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
        self.erased.memory()
    }

    /// Returns where the sink writes, as it stands in its options; empty if it writes no files.
    pub fn roots(&self) -> Vec<PathBuf> {
        self.erased.roots()
    }

    /// Finds out whether the sink could be opened; changes nothing.
    ///
    /// # Errors
    ///
    /// As [`SinkFactory::check`]; [`config_error`](Self::config_error) tells those that are about the pipeline file.
    pub async fn check(&self, context: &SinkContext) -> Result<(), SinkError> {
        self.erased.check(context).await
    }

    /// Opens the sink for one list.
    ///
    /// # Errors
    ///
    /// As [`SinkFactory::open`].
    pub async fn open(&self, context: SinkContext) -> Result<Box<dyn Sink>, SinkError> {
        self.erased.open(context).await
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

impl fmt::Debug for BoundSink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("BoundSink")
            .field("section", &self.section)
            .field("selection", &self.selection)
            .finish_non_exhaustive()
    }
}

/// A factory with the options of one sink, without the types of either.
#[async_trait]
pub(super) trait Erased: Send + Sync {
    fn delivery(&self) -> Delivery;
    fn memory(&self) -> u64;
    fn roots(&self) -> Vec<PathBuf>;
    async fn check(&self, context: &SinkContext) -> Result<(), SinkError>;
    async fn open(&self, context: SinkContext) -> Result<Box<dyn Sink>, SinkError>;
}

pub(super) struct Binding<F: SinkFactory> {
    pub(super) factory: Arc<F>,
    pub(super) options: F::Options,
    /// What `options` was read from, to read it again: a factory takes its options by value, and they need not be
    /// `Clone`.
    pub(super) source: SinkOptions,
}

#[async_trait]
impl<F: SinkFactory> Erased for Binding<F> {
    fn delivery(&self) -> Delivery {
        self.factory.delivery(&self.options)
    }

    fn memory(&self) -> u64 {
        self.factory.memory(&self.options)
    }

    fn roots(&self) -> Vec<PathBuf> {
        self.factory.roots(&self.options)
    }

    async fn check(&self, context: &SinkContext) -> Result<(), SinkError> {
        self.factory.check(&self.options, context).await
    }

    async fn open(&self, context: SinkContext) -> Result<Box<dyn Sink>, SinkError> {
        let options = self
            .source
            .extract()
            .map_err(|errors| SinkError::permanent("the sink's options can no longer be read").with_source(errors))?;
        Ok(Box::new(self.factory.open(options, context).await?))
    }
}
