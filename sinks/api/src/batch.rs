//! A batch: some rows of a list. The engine makes it from one page, and offers it to every sink.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::arrow::record_batch::RecordBatch;

/// Rows of one list, with their place in the sequence of batches.
///
/// Cloning is cheap: the columns are shared, and so is the lease on the memory budget, which is
/// given back when the last clone is dropped. So a sink that keeps batches slows the walk down; the
/// process does not grow.
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

    /// Attaches a value that lives as long as the batch and its clones: the engine's lease on the
    /// memory budget.
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

    /// Returns the rows; their schema is [`SinkContext::schema`](crate::SinkContext).
    pub fn records(&self) -> &RecordBatch {
        &self.records
    }
}

impl fmt::Debug for Batch {
    /// Shows the shape only: the rows are personal data, which do not belong in a log.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Batch")
            .field("sequence", &self.sequence)
            .field("rows", &self.records.num_rows())
            .finish_non_exhaustive()
    }
}
