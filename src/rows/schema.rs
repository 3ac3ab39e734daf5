//! The row schema of each list.

use fanout_sink::arrow::datatypes::SchemaRef;

use super::followers::follower_schema;
use crate::wechat::List;

/// Returns the columns of a list's rows, before a sink's `columns`: those of a follower, for every page list that there
/// is so far.
pub fn row_schema(_list: List) -> SchemaRef {
    follower_schema()
}
