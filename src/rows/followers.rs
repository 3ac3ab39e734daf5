//! The schema of followers, and their rows: one batch for each page.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::RecordBatch;
use chrono::{DateTime, Utc};
use fanout_sink::arrow;

use super::constant::{Constant, UTC, few};

/// How many columns of a follower a sink receives if it chooses none. The others come last.
pub const DEFAULT_COLUMNS: usize = 5;

/// Returns the schema of a follower's row. A sink receives the last column, `account`, only if its
/// `columns` name it.
///
/// | column | type | meaning |
/// | --- | --- | --- |
/// | `app_id` | string | the account |
/// | `openid` | string | the follower, unique within the account |
/// | `position` | 64-bit integer | place in the list, from 0 without gaps |
/// | `page` | 32-bit integer | number of its page in the journal, from 1 |
/// | `fetched_at` | timestamp, µs, UTC | when that page was fetched |
/// | `account` | string | the account's name in the pipeline file |
pub fn follower_schema() -> SchemaRef {
    let fetched_at = DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()));
    Arc::new(Schema::new(vec![
        few(Field::new("app_id", DataType::Utf8, false)),
        Field::new("openid", DataType::Utf8, false),
        Field::new("position", DataType::Int64, false),
        few(Field::new("page", DataType::Int32, false)),
        few(Field::new("fetched_at", fetched_at, false)),
        few(Field::new("account", DataType::Utf8, false)),
    ]))
}

/// Makes the rows of one list, page by page.
#[derive(Debug)]
pub struct Rows {
    app_id: Constant,
    account: Constant,
    schema: SchemaRef,
    position: i64,
}

impl Rows {
    /// Begins the rows of a list of the account `app_id`, whose name is `account`.
    pub fn new(app_id: &str, account: &str) -> Self {
        Self { app_id: Constant::new(app_id), account: Constant::new(account), schema: follower_schema(), position: 0 }
    }

    /// Returns the number of rows so far.
    pub fn count(&self) -> u64 {
        self.position as u64
    }

    /// Returns the rows of page number `page`, fetched at `fetched_at`. They follow the rows of all
    /// earlier calls.
    ///
    /// # Panics
    ///
    /// Never: all columns are made here, with one length and the types of the schema.
    pub fn next(&mut self, page: u64, fetched_at: DateTime<Utc>, openids: StringArray) -> RecordBatch {
        let rows = openids.len();
        let end = self.position + rows as i64;
        let columns: Vec<ArrayRef> = vec![
            self.app_id.rows(rows),
            Arc::new(openids),
            Arc::new(Int64Array::from_iter_values(self.position..end)),
            Arc::new(Int32Array::from_value(page as i32, rows)),
            Arc::new(TimestampMicrosecondArray::from_value(fetched_at.timestamp_micros(), rows).with_timezone(UTC)),
            self.account.rows(rows),
        ];
        self.position = end;
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .expect("the columns have one length and the schema's types")
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::{Int32Type, Int64Type};

    use super::*;

    #[test]
    fn positions_are_dense_over_pages_of_any_size() {
        let mut rows = Rows::new("wx1", "品牌");
        let mut expected = 0;
        for (page, size) in (1..).zip([2_usize, 5, 0, 3]) {
            let openids = StringArray::from_iter_values((0..size).map(|i| format!("o{i}")));
            let batch = rows.next(page, DateTime::UNIX_EPOCH, openids.clone());
            assert_eq!(batch.column_by_name("openid").unwrap().as_string::<i32>(), &openids);
            assert!(batch["app_id"].as_string::<i32>().iter().all(|id| id == Some("wx1")));
            assert!(batch["account"].as_string::<i32>().iter().all(|name| name == Some("品牌")));
            assert!(batch["page"].as_primitive::<Int32Type>().values().iter().all(|&p| p as u64 == page));
            for &position in batch["position"].as_primitive::<Int64Type>().values() {
                assert_eq!(position, expected);
                expected += 1;
            }
            assert_eq!(batch["fetched_at"].len(), size);
        }
        assert_eq!(rows.count(), 10);
    }
}
