//! A sink from one asynchronous closure.

use std::fmt;
use std::future::Future;
use std::path::PathBuf;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Batch, Delivery, Guarantee, Sink, SinkContext, SinkError, SinkFactory, SinkReport, Snapshot};

/// A [`SinkFactory`] whose sinks hand every batch to one closure.
///
/// A closure can take nothing back, so it is delivered when the list is complete, at least once: after a crash it may
/// see the same batches again. It may be called for several accounts at the same time; the batch's `app_id` column
/// tells them apart.
#[derive(Clone)]
pub struct ClosureFactory<F> {
    name: String,
    write: F,
}

impl<F> ClosureFactory<F> {
    /// Makes the sink type `name` (one lower-case word, the `type` in a pipeline file).
    pub fn new<Written>(name: impl Into<String>, write: F) -> Self
    where
        F: Fn(Batch) -> Written + Clone + Send + Sync + 'static,
        Written: Future<Output = Result<(), SinkError>> + Send + 'static,
    {
        Self { name: name.into(), write }
    }
}

impl<F> fmt::Debug for ClosureFactory<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ClosureFactory").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The options of a sink that has none.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoOptions {}

/// The sink of a [`ClosureFactory`].
pub struct ClosureSink<F> {
    write: F,
    rows: u64,
}

impl<F> fmt::Debug for ClosureSink<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ClosureSink").field("rows", &self.rows).finish_non_exhaustive()
    }
}

#[async_trait]
impl<F, Written> SinkFactory for ClosureFactory<F>
where
    F: Fn(Batch) -> Written + Clone + Send + Sync + 'static,
    Written: Future<Output = Result<(), SinkError>> + Send + 'static,
{
    type Options = NoOptions;
    type Sink = ClosureSink<F>;

    fn name(&self) -> &str {
        &self.name
    }

    fn summary(&self) -> &'static str {
        "a closure of this program, called with every batch"
    }

    fn delivery(&self, _options: &NoOptions) -> Delivery {
        Delivery::WhenComplete { guarantee: Guarantee::AtLeastOnce }
    }

    fn memory(&self, _options: &NoOptions) -> u64 {
        0
    }

    fn roots(&self, _options: &NoOptions) -> Vec<PathBuf> {
        Vec::new()
    }

    async fn check(&self, _options: &NoOptions, _context: &SinkContext) -> Result<(), SinkError> {
        Ok(())
    }

    async fn open(&self, _options: NoOptions, _context: SinkContext) -> Result<ClosureSink<F>, SinkError> {
        Ok(ClosureSink { write: self.write.clone(), rows: 0 })
    }
}

#[async_trait]
impl<F, Written> Sink for ClosureSink<F>
where
    F: Fn(Batch) -> Written + Clone + Send + Sync + 'static,
    Written: Future<Output = Result<(), SinkError>> + Send + 'static,
{
    async fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        (self.write)(batch.clone()).await?;
        self.rows += batch.records().num_rows() as u64;
        Ok(())
    }

    async fn prepare(&mut self, _snapshot: &Snapshot) -> Result<(), SinkError> {
        Ok(())
    }

    async fn commit(&mut self) -> Result<SinkReport, SinkError> {
        Ok(SinkReport { rows: self.rows, ..SinkReport::default() })
    }

    async fn abort(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}
