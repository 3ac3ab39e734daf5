//! A sink from one asynchronous closure: the shortest implementation of the contract, with the
//! weakest guarantee.

use std::fmt;
use std::future::Future;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::batch::Batch;
use crate::context::SinkContext;
use crate::delivery::Delivery;
use crate::error::SinkError;
use crate::found::Found;
use crate::root::Root;
use crate::sink::{Sink, SinkFactory, SinkReport};
use crate::snapshot::Snapshot;

/// A [`SinkFactory`] whose sinks hand every batch to one closure.
///
/// A closure cannot take back what it has done, and remembers nothing. So it receives a list when
/// the list is complete, and the same list again in each run ([`Delivery::OneShot`]). The lists
/// come one after the other; the batch's `app_id` column tells the accounts apart.
///
/// ```
/// use fanout_sink::arrow::array::AsArray;
/// use fanout_sink::{Batch, ClosureFactory, SinkError};
///
/// let greet = ClosureFactory::new("greet", |batch: Batch| async move {
///     let openids = batch.records().column_by_name("openid");
///     let missing = || SinkError::option("columns", "the column `openid` is needed");
///     let openids = openids.ok_or_else(missing)?;
///     for openid in openids.as_string::<i32>() {
///         println!("hello, {}", openid.unwrap_or("stranger"));
///     }
///     Ok(())
/// });
/// # let _ = greet;
/// ```
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

/// The options of a sink without options.
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
        "a closure of this program, called with every batch, once a run"
    }

    fn delivery(&self, _options: &NoOptions) -> Delivery {
        Delivery::OneShot
    }

    fn memory(&self, _options: &NoOptions) -> u64 {
        0
    }

    fn roots(&self, _options: &NoOptions) -> Vec<Root> {
        Vec::new()
    }

    async fn check(&self, _options: &NoOptions, _context: &SinkContext) -> Result<(), SinkError> {
        Ok(())
    }

    async fn open(&self, _options: NoOptions, _context: SinkContext) -> Result<ClosureSink<F>, SinkError> {
        Ok(ClosureSink { write: self.write.clone(), rows: 0 })
    }

    /// Returns [`Found::Unknown`]: only the closure knows what it has done with its batches.
    async fn find(
        &self,
        _options: &NoOptions,
        _context: &SinkContext,
        _report: &SinkReport,
    ) -> Result<Found, SinkError> {
        Ok(Found::Unknown)
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

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::io;
    use std::sync::{Arc, Mutex};

    use chrono::DateTime;

    use super::*;
    use crate::arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
    use crate::arrow::datatypes::Int64Type;
    use crate::walk_id::WalkId;

    fn batch(sequence: u64, numbers: &[i64]) -> Batch {
        let numbers: ArrayRef = Arc::new(Int64Array::from(numbers.to_vec()));
        Batch::new(sequence, RecordBatch::try_from_iter([("number", numbers)]).unwrap())
    }

    fn context() -> SinkContext {
        SinkContext::new("north", "wx1", batch(0, &[]).records().schema())
    }

    fn snapshot(rows: u64) -> Snapshot {
        let begun_at = DateTime::UNIX_EPOCH;
        Snapshot {
            walk: WalkId::new(1, begun_at),
            date: begun_at.date_naive(),
            begun_at,
            rows,
            first_fetched_at: None,
            last_fetched_at: None,
            digest: String::new(),
            proof: serde_json::Map::new(),
        }
    }

    #[tokio::test]
    async fn the_closure_sees_every_batch_in_order_and_the_report_counts_the_rows() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let collected = Arc::clone(&seen);
        let factory = ClosureFactory::new("collect", move |batch: Batch| {
            let collected = Arc::clone(&collected);
            async move {
                let numbers = batch.records().column(0).as_primitive::<Int64Type>().values().to_vec();
                collected.lock().unwrap().push((batch.sequence(), numbers));
                Ok(())
            }
        });
        assert_eq!(factory.name(), "collect");
        let mut sink = factory.open(NoOptions {}, context()).await.unwrap();
        let batches = [vec![1, 2, 3], vec![], vec![4, 5]];
        for (sequence, numbers) in batches.iter().enumerate() {
            sink.write(&batch(sequence as u64, numbers)).await.unwrap();
        }
        let rows = batches.iter().flatten().count() as u64;
        sink.prepare(&snapshot(rows)).await.unwrap();
        let report = sink.commit().await.unwrap();

        assert_eq!(*seen.lock().unwrap(), (0..).zip(batches).collect::<Vec<_>>());
        assert_eq!(report, SinkReport { rows, ..SinkReport::default() });
        assert_eq!(sink.commit().await.unwrap(), report, "commit is safe to repeat");
    }

    #[tokio::test]
    async fn an_error_of_the_closure_passes_through_and_its_batch_is_not_counted() {
        let factory = ClosureFactory::new("refuse", |batch: Batch| async move {
            if batch.sequence() == 1 {
                let cause = io::Error::new(io::ErrorKind::TimedOut, "no answer");
                return Err(SinkError::temporary("`desk` is closed").with_hint("come again").with_source(cause));
            }
            Ok(())
        });
        let mut sink = factory.open(NoOptions {}, context()).await.unwrap();
        sink.write(&batch(0, &[1, 2])).await.unwrap();
        let error = sink.write(&batch(1, &[3])).await.unwrap_err();
        assert!(error.is_temporary());
        assert_eq!(error.to_string(), "`desk` is closed");
        assert_eq!(error.hint(), Some("come again"));
        assert_eq!(error.source().unwrap().to_string(), "no answer");
        assert_eq!(sink.commit().await.unwrap().rows, 2);
    }

    #[tokio::test]
    async fn two_lists_are_counted_apart() {
        let factory = ClosureFactory::new("drop", |_batch: Batch| async { Ok(()) });
        let mut one = factory.open(NoOptions {}, context()).await.unwrap();
        let mut other = factory.open(NoOptions {}, context()).await.unwrap();
        one.write(&batch(0, &[1, 2])).await.unwrap();
        other.write(&batch(0, &[3])).await.unwrap();
        assert_eq!(one.commit().await.unwrap().rows, 2);
        assert_eq!(other.commit().await.unwrap().rows, 1);
    }

    #[test]
    fn a_closure_promises_no_more_than_it_can_and_knows_no_option() {
        let factory = ClosureFactory::new("drop", |_batch: Batch| async { Ok(()) });
        assert_eq!(factory.delivery(&NoOptions {}), Delivery::OneShot);
        assert_eq!(factory.roots(&NoOptions {}), Vec::<Root>::new());
        let error = serde_json::from_str::<NoOptions>(r#"{"path":"out"}"#).unwrap_err();
        assert!(error.to_string().contains("unknown field `path`"), "{error}");
    }
}
