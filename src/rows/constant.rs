//! What the columns of several lists share: one value in every row, few values, the time zone.
//!
//! Before it: nothing. Behind it: the lists make their columns with it.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringArray};
use arrow::datatypes::Field;
use fanout_sink::{CARDINALITY, LOW_CARDINALITY, arrow};

/// The time zone of every timestamp.
pub(super) const UTC: &str = "UTC";

/// Marks a column that has few different values in a list.
pub(super) fn few(field: Field) -> Field {
    field.with_metadata(HashMap::from([(CARDINALITY.to_owned(), LOW_CARDINALITY.to_owned())]))
}

/// A column with one value.
#[derive(Debug)]
pub(super) struct Constant {
    value: String,
    /// The value, repeated for the rows of the largest batch so far; other batches take a slice.
    values: StringArray,
}

impl Constant {
    pub(super) fn new(value: &str) -> Self {
        Self { value: value.to_owned(), values: StringArray::new_null(0) }
    }

    pub(super) fn rows(&mut self, rows: usize) -> ArrayRef {
        if self.values.len() < rows {
            self.values = StringArray::new_repeated(&self.value, rows);
        }
        Arc::new(self.values.slice(0, rows))
    }
}
