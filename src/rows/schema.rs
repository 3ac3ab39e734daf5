//! The row schema of each list. [`registry`](crate::registry) checks the columns of sinks against
//! it.

use fanout_sink::arrow::datatypes::SchemaRef;

use super::followers::{DEFAULT_COLUMNS, follower_schema};
use crate::wechat::List;

/// Returns the schema of a list's rows, before a sink's `columns` select from it. So far every list
/// has the columns of a follower.
pub fn row_schema(_list: List) -> SchemaRef {
    follower_schema()
}

/// Returns how many columns of [`row_schema`] a sink receives without `columns`.
pub fn default_columns(_list: List) -> usize {
    DEFAULT_COLUMNS
}
