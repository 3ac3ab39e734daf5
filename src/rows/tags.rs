//! The schemas of tags and of their members, and their rows.
//!
//! Before it: the engine has read the tags of an account, and the people of each tag. Behind it:
//! the engine hands the batches to the sinks.

use std::sync::Arc;

use arrow::array::builder::{Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder};
use arrow::array::{ArrayRef, Int32Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::RecordBatch;
use chrono::{DateTime, Utc};
use fanout_sink::arrow;

use super::constant::{Constant, UTC, few};
use super::followers::Rows;

/// How many columns of a tag a sink receives if it chooses none. The others come last.
pub const DEFAULT_TAG_COLUMNS: usize = 7;

/// How many columns of a member of a tag a sink receives if it chooses none. The others come last.
pub const DEFAULT_TAG_MEMBER_COLUMNS: usize = 6;

fn fetched_at() -> Field {
    few(Field::new("fetched_at", DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())), false))
}

/// Returns the schema of a tag's row. A sink receives the last column, `account`, only if its
/// `columns` name it.
///
/// | column | type | meaning |
/// | --- | --- | --- |
/// | `app_id` | string | the account |
/// | `tag_id` | 32-bit integer | the tag, unique within the account |
/// | `name` | string | its name, which the operator may change |
/// | `count` | 64-bit integer | the people that WeChat counts; it may lag behind |
/// | `members` | 64-bit integer, null | the people in `tag_members`; null if they could not be read |
/// | `outcome` | string | `complete`, `lagging`, `deleted` or `failed` |
/// | `fetched_at` | timestamp, µs, UTC | when the reply was fetched that the row is from |
/// | `account` | string | the account's name in the pipeline file |
pub fn tag_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        few(Field::new("app_id", DataType::Utf8, false)),
        Field::new("tag_id", DataType::Int32, false),
        Field::new("name", DataType::Utf8, false),
        Field::new("count", DataType::Int64, false),
        Field::new("members", DataType::Int64, true),
        few(Field::new("outcome", DataType::Utf8, false)),
        fetched_at(),
        few(Field::new("account", DataType::Utf8, false)),
    ]))
}

/// Returns the schema of the row of a tag's member. A sink receives the last column, `account`,
/// only if its `columns` name it.
///
/// | column | type | meaning |
/// | --- | --- | --- |
/// | `app_id` | string | the account |
/// | `tag_id` | 32-bit integer | the tag |
/// | `openid` | string | the person, once in each tag |
/// | `position` | 64-bit integer | place in the list of the tag, from 0 without gaps |
/// | `page` | 32-bit integer | number of its page in the journal of the tag, from 1 |
/// | `fetched_at` | timestamp, µs, UTC | when that page was fetched |
/// | `account` | string | the account's name in the pipeline file |
pub fn tag_member_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        few(Field::new("app_id", DataType::Utf8, false)),
        few(Field::new("tag_id", DataType::Int32, false)),
        Field::new("openid", DataType::Utf8, false),
        Field::new("position", DataType::Int64, false),
        few(Field::new("page", DataType::Int32, false)),
        fetched_at(),
        few(Field::new("account", DataType::Utf8, false)),
    ]))
}

/// A tag, as its row tells it.
#[derive(Clone, Copy, Debug)]
pub struct TagRow<'a> {
    /// The tag.
    pub tag_id: i32,
    /// Its name.
    pub name: &'a str,
    /// The people that WeChat counts.
    pub count: u64,
    /// The people in `tag_members`; `None` if they could not be read.
    pub members: Option<u64>,
    /// The value of the column `outcome`.
    pub outcome: &'a str,
    /// When the reply was fetched that the row is from.
    pub fetched_at: DateTime<Utc>,
}

/// Returns the rows of all tags of the account `app_id`, whose name is `account`.
///
/// # Panics
///
/// Never: all columns are made here, with one length and the types of the schema.
pub fn tag_rows(app_id: &str, account: &str, tags: &[TagRow<'_>]) -> RecordBatch {
    let (mut ids, mut counts, mut members) = (Int32Builder::new(), Int64Builder::new(), Int64Builder::new());
    let (mut names, mut outcomes) = (StringBuilder::new(), StringBuilder::new());
    let mut times = TimestampMicrosecondBuilder::new().with_timezone(UTC);
    for tag in tags {
        ids.append_value(tag.tag_id);
        names.append_value(tag.name);
        counts.append_value(tag.count as i64);
        members.append_option(tag.members.map(|members| members as i64));
        outcomes.append_value(tag.outcome);
        times.append_value(tag.fetched_at.timestamp_micros());
    }
    let columns: Vec<ArrayRef> = vec![
        Constant::new(app_id).rows(tags.len()),
        Arc::new(ids.finish()),
        Arc::new(names.finish()),
        Arc::new(counts.finish()),
        Arc::new(members.finish()),
        Arc::new(outcomes.finish()),
        Arc::new(times.finish()),
        Constant::new(account).rows(tags.len()),
    ];
    RecordBatch::try_new(tag_schema(), columns).expect("the columns have one length and the schema's types")
}

/// Makes the rows of the members of one tag, page by page: those of followers, with the tag.
#[derive(Debug)]
pub struct TagMemberRows {
    rows: Rows,
    tag_id: i32,
    schema: SchemaRef,
}

impl TagMemberRows {
    /// Begins the rows of the tag `tag_id` of the account `app_id`, whose name is `account`.
    pub fn new(app_id: &str, account: &str, tag_id: i32) -> Self {
        Self { rows: Rows::new(app_id, account), tag_id, schema: tag_member_schema() }
    }

    /// Returns the number of rows so far.
    pub fn count(&self) -> u64 {
        self.rows.count()
    }

    /// Returns the rows of page number `page`, fetched at `fetched_at`. They follow the rows of all
    /// earlier calls.
    ///
    /// # Panics
    ///
    /// Never: all columns are made here, with one length and the types of the schema.
    pub fn next(&mut self, page: u64, fetched_at: DateTime<Utc>, openids: StringArray) -> RecordBatch {
        let rows = self.rows.next(page, fetched_at, openids);
        let mut columns = rows.columns().to_vec();
        columns.insert(1, Arc::new(Int32Array::from_value(self.tag_id, rows.num_rows())));
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .expect("the columns have one length and the schema's types")
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::{Int32Type, Int64Type};

    use super::*;

    #[test]
    fn positions_are_dense_within_a_tag() {
        let mut rows = TagMemberRows::new("wx1", "a", 134);
        let page = |openids: &[&str]| StringArray::from_iter_values(openids);
        rows.next(1, DateTime::UNIX_EPOCH, page(&["o1", "o2"]));
        let second = rows.next(2, DateTime::UNIX_EPOCH, page(&["o3"]));
        assert_eq!(second["position"].as_primitive::<Int64Type>().values()[..], [2]);
        assert_eq!(second["tag_id"].as_primitive::<Int32Type>().values()[..], [134]);
        assert_eq!(rows.count(), 3);
    }

    #[test]
    fn a_tag_without_members_has_a_row_of_its_own() {
        let tag = TagRow {
            tag_id: 134,
            name: "老客户\u{1f600}",
            count: 5,
            members: None,
            outcome: "failed",
            fetched_at: DateTime::UNIX_EPOCH,
        };
        let batch = tag_rows("wx1", "a", &[tag]);
        assert_eq!((batch.num_rows(), batch["members"].null_count()), (1, 1));
        assert_eq!(batch["name"].as_string::<i32>().value(0), tag.name);
    }
}
