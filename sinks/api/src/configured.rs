//! A factory and its options without their types: what the registry makes of a sink in a pipeline
//! file, and what the engine opens.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::arrow::datatypes::{Field, Schema};
use crate::context::SinkContext;
use crate::delivery::Delivery;
use crate::error::SinkError;
use crate::found::Found;
use crate::root::Root;
use crate::sink::{Sink, SinkFactory, SinkReport};
use crate::warning::SinkWarning;

/// A [`SinkFactory`] and its options: describes, checks and opens the sink.
///
/// The options were read once, secrets included; each [`open`](Self::open) gets a copy. Cloning is
/// cheap.
///
/// ```
/// use fanout_sink::{Batch, ClosureFactory, ConfiguredSink, NoOptions, SinkError};
///
/// let factory = ClosureFactory::new("drop", |_: Batch| async { Ok::<(), SinkError>(()) });
/// let sink = ConfiguredSink::new(factory, NoOptions {});
/// assert_eq!(sink.name(), "drop");
/// ```
#[derive(Clone)]
pub struct ConfiguredSink(Arc<dyn Configured>);

impl ConfiguredSink {
    /// Makes a configured sink of a factory and its options.
    pub fn new<F: SinkFactory>(factory: F, options: F::Options) -> Self {
        Self::shared(Arc::new(factory), options)
    }

    /// Makes a configured sink of a factory that is used with other options, too.
    pub fn shared<F: SinkFactory>(factory: Arc<F>, options: F::Options) -> Self {
        Self(Arc::new(Pair { factory, options }))
    }

    /// Returns the `type` in the pipeline file; see [`SinkFactory::name`].
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// Returns one line on what the sink writes; see [`SinkFactory::summary`].
    pub fn summary(&self) -> &str {
        self.0.summary()
    }

    /// Returns when batches are delivered; see [`SinkFactory::delivery`].
    pub fn delivery(&self) -> Delivery {
        self.0.delivery()
    }

    /// Returns the bytes that each open sink may hold; see [`SinkFactory::memory`].
    pub fn memory(&self) -> u64 {
        self.0.memory()
    }

    /// Returns the threads and processes that each open sink starts; see [`SinkFactory::threads`].
    pub fn threads(&self) -> u64 {
        self.0.threads()
    }

    /// Returns the open files of each open sink; see [`SinkFactory::open_files`].
    pub fn open_files(&self) -> u64 {
        self.0.open_files()
    }

    /// Returns whether the sink writes to stdout; see [`SinkFactory::uses_stdout`].
    pub fn uses_stdout(&self) -> bool {
        self.0.uses_stdout()
    }

    /// Returns the folders and files that the sink writes to, as its options name them; empty if it
    /// writes no files. See [`SinkFactory::roots`].
    pub fn roots(&self) -> Vec<Root> {
        self.0.roots()
    }

    /// Returns an error for each column of `schema` whose type the sink cannot take; see
    /// [`SinkFactory::takes`].
    pub fn refusals(&self, schema: &Schema) -> Vec<SinkError> {
        let refused = schema.fields().iter().filter(|field| !self.0.takes(field));
        refused.map(|field| SinkError::column_type(field)).collect()
    }

    /// Checks whether the sink can be opened and can publish; changes nothing.
    ///
    /// # Errors
    ///
    /// The first of [`refusals`](Self::refusals); else as [`SinkFactory::check`].
    pub async fn check(&self, context: &SinkContext) -> Result<(), SinkError> {
        self.accept_columns(context)?;
        self.0.check(context).await
    }

    /// Returns what readers of the output may misunderstand; see [`SinkFactory::warnings`].
    pub fn warnings(&self, context: &SinkContext) -> Vec<SinkWarning> {
        self.0.warnings(context)
    }

    /// Opens the sink for one list.
    ///
    /// # Errors
    ///
    /// The first of [`refusals`](Self::refusals); else as [`SinkFactory::open`].
    pub async fn open(&self, context: SinkContext) -> Result<Box<dyn Sink>, SinkError> {
        self.accept_columns(&context)?;
        self.0.open(context).await
    }

    /// Ends a run of a one-shot sink; `is_complete` as for [`SinkFactory::end`].
    ///
    /// # Errors
    ///
    /// The first of [`refusals`](Self::refusals); else as [`SinkFactory::end`].
    pub async fn end(&self, context: &SinkContext, is_complete: bool) -> Result<(), SinkError> {
        self.accept_columns(context)?;
        self.0.end(context, is_complete).await
    }

    fn accept_columns(&self, context: &SinkContext) -> Result<(), SinkError> {
        self.refusals(&context.schema).into_iter().next().map_or(Ok(()), Err)
    }

    /// Looks for a list that was committed; changes nothing.
    ///
    /// # Errors
    ///
    /// As [`SinkFactory::find`].
    pub async fn find(&self, context: &SinkContext, report: &SinkReport) -> Result<Found, SinkError> {
        self.0.find(context, report).await
    }
}

impl fmt::Debug for ConfiguredSink {
    /// Leaves the options out: they may hold secrets, and may not be `Debug`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ConfiguredSink").field("name", &self.name()).finish_non_exhaustive()
    }
}

struct Pair<F: SinkFactory> {
    factory: Arc<F>,
    options: F::Options,
}

#[async_trait]
trait Configured: Send + Sync {
    fn name(&self) -> &str;
    fn summary(&self) -> &str;
    fn delivery(&self) -> Delivery;
    fn memory(&self) -> u64;
    fn threads(&self) -> u64;
    fn open_files(&self) -> u64;
    fn takes(&self, field: &Field) -> bool;
    fn uses_stdout(&self) -> bool;
    fn roots(&self) -> Vec<Root>;
    async fn check(&self, context: &SinkContext) -> Result<(), SinkError>;
    fn warnings(&self, context: &SinkContext) -> Vec<SinkWarning>;
    async fn open(&self, context: SinkContext) -> Result<Box<dyn Sink>, SinkError>;
    async fn end(&self, context: &SinkContext, is_complete: bool) -> Result<(), SinkError>;
    async fn find(&self, context: &SinkContext, report: &SinkReport) -> Result<Found, SinkError>;
}

#[async_trait]
impl<F: SinkFactory> Configured for Pair<F> {
    fn name(&self) -> &str {
        self.factory.name()
    }

    fn summary(&self) -> &str {
        self.factory.summary()
    }

    fn delivery(&self) -> Delivery {
        self.factory.delivery(&self.options)
    }

    fn memory(&self) -> u64 {
        self.factory.memory(&self.options)
    }

    fn threads(&self) -> u64 {
        self.factory.threads(&self.options)
    }

    fn open_files(&self) -> u64 {
        self.factory.open_files(&self.options)
    }

    fn takes(&self, field: &Field) -> bool {
        self.factory.takes(&self.options, field)
    }

    fn uses_stdout(&self) -> bool {
        self.factory.uses_stdout(&self.options)
    }

    fn roots(&self) -> Vec<Root> {
        self.factory.roots(&self.options)
    }

    async fn check(&self, context: &SinkContext) -> Result<(), SinkError> {
        self.factory.check(&self.options, context).await
    }

    fn warnings(&self, context: &SinkContext) -> Vec<SinkWarning> {
        self.factory.warnings(&self.options, context)
    }

    async fn open(&self, context: SinkContext) -> Result<Box<dyn Sink>, SinkError> {
        Ok(Box::new(self.factory.open(self.options.clone(), context).await?))
    }

    async fn end(&self, context: &SinkContext, is_complete: bool) -> Result<(), SinkError> {
        self.factory.end(&self.options, context, is_complete).await
    }

    async fn find(&self, context: &SinkContext, report: &SinkReport) -> Result<Found, SinkError> {
        self.factory.find(&self.options, context, report).await
    }
}
