//! The row schema of each list. [`registry`](crate::registry) checks the columns of sinks against
//! it.

use fanout_sink::arrow::datatypes::SchemaRef;

use super::changes::{DEFAULT_CHANGE_COLUMNS, change_schema};
use super::followers::{DEFAULT_COLUMNS, follower_schema};
use super::profiles::{DEFAULT_PROFILE_COLUMNS, profile_schema};
use super::tags::{DEFAULT_TAG_COLUMNS, DEFAULT_TAG_MEMBER_COLUMNS, tag_member_schema, tag_schema};
use crate::wechat::{List, Reading};

/// Returns the schema of a list's rows, before a sink's `columns` select from it.
pub fn row_schema(list: List) -> SchemaRef {
    match list.reading() {
        Reading::Pages { .. } => follower_schema(),
        Reading::PagesOfTags => tag_member_schema(),
        Reading::Batches if list == List::CHANGES => change_schema(),
        Reading::Batches => profile_schema(),
        Reading::Derived => tag_schema(),
    }
}

/// Returns how many columns of [`row_schema`] a sink receives without `columns`.
pub fn default_columns(list: List) -> usize {
    match list.reading() {
        Reading::Pages { .. } => DEFAULT_COLUMNS,
        Reading::PagesOfTags => DEFAULT_TAG_MEMBER_COLUMNS,
        Reading::Batches if list == List::CHANGES => DEFAULT_CHANGE_COLUMNS,
        Reading::Batches => DEFAULT_PROFILE_COLUMNS,
        Reading::Derived => DEFAULT_TAG_COLUMNS,
    }
}
