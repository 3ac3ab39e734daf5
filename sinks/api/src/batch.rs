//! A batch: the unit in which a list travels to the sinks.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::arrow::record_batch::RecordBatch;

/// Rows of one list, with their place in the sequence of batches.
///
/// Cloning is cheap: the columns are shared, and so is the lease on the memory budget, which is given back when the
/// last clone is dropped. A sink that keeps batches therefore slows the walk down instead of growing the process.
#[derive(Clone)]
pub struct Batch {
    sequence: u64,
    records: RecordBatch,
    lease: Option<Arc<dyn Any + Send + Sync>>,
}

impl Batch {
    /// Makes batch number `sequence` (the first is 0) of a list.
    pub fn new(sequence: u64, records: RecordBatch) -> Self {
        Self { sequence, records, lease: None }
    }

    /// Ties something to the lifetime of the batch and its clones; the engine hangs the reserved bytes here.
    #[must_use]
    pub fn with_lease(self, lease: Arc<dyn Any + Send + Sync>) -> Self {
        Self { lease: Some(lease), ..self }
    }

    /// Returns the same batch (sequence and lease) with other columns.
    #[must_use]
    pub fn with_records(&self, records: RecordBatch) -> Self {
        Self { sequence: self.sequence, records, lease: self.lease.clone() }
    }

    /// Returns the place in the sequence: 0, 1, 2 … without gaps.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Returns the rows, in the schema of [`SinkContext::schema`](crate::SinkContext).
    pub fn records(&self) -> &RecordBatch {
        &self.records
    }
}

impl fmt::Debug for Batch {
    /// Shows the shape only: the rows are personal data and do not belong in a log.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Batch")
            .field("sequence", &self.sequence)
            .field("rows", &self.records.num_rows())
            .finish_non_exhaustive()
    }
}
