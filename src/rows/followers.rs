//! A page becomes a batch: the follower schema, and the rows of one page in it.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::RecordBatch;
use chrono::{DateTime, Utc};
use fanout_sink::{CARDINALITY, LOW_CARDINALITY, arrow};

/// The time zone of every timestamp.
const UTC: &str = "UTC";

/// Returns the columns of a follower, in their order.
///
/// | column | type | meaning |
/// | --- | --- | --- |
/// | `app_id` | string | the account |
/// | `openid` | string | the follower, within this account |
/// | `position` | 64-bit integer | place in the list, from 0 without gaps |
/// | `page` | 32-bit integer | page of the journal that it came in, from 1 |
/// | `fetched_at` | timestamp, µs, UTC | when that page arrived |
pub fn follower_schema() -> SchemaRef {
    let few = |field: Field| field.with_metadata(HashMap::from([(CARDINALITY.to_owned(), LOW_CARDINALITY.to_owned())]));
    let fetched_at = DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()));
    Arc::new(Schema::new(vec![
        few(Field::new("app_id", DataType::Utf8, false)),
        Field::new("openid", DataType::Utf8, false),
        Field::new("position", DataType::Int64, false),
        few(Field::new("page", DataType::Int32, false)),
        few(Field::new("fetched_at", fetched_at, false)),
    ]))
}

/// Makes the rows of one list, page by page.
#[derive(Debug)]
pub struct Rows {
    app_id: String,
    schema: SchemaRef,
    /// The app id, as often as the largest page so far needed it; smaller pages take a slice.
    app_ids: StringArray,
    position: i64,
}

impl Rows {
    /// Starts a list of the account `app_id`.
    pub fn new(app_id: &str) -> Self {
        Self { app_id: app_id.to_owned(), schema: follower_schema(), app_ids: StringArray::new_null(0), position: 0 }
    }

    /// Returns how many rows the list has so far.
    pub fn count(&self) -> u64 {
        self.position as u64
    }

    /// Makes the rows of page number `page`, fetched at `fetched_at`, which follow all
    /// earlier ones.
    ///
    /// # Panics
    ///
    /// Never: the columns are made here, of one length and as the schema says.
    pub fn next(&mut self, page: u64, fetched_at: DateTime<Utc>, openids: StringArray) -> RecordBatch {
        use arrow::array::Array;
        let rows = openids.len();
        if self.app_ids.len() < rows {
            self.app_ids = StringArray::from_iter_values(std::iter::repeat_n(&self.app_id, rows));
        }
        let end = self.position + rows as i64;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.app_ids.slice(0, rows)),
            Arc::new(openids),
            Arc::new(Int64Array::from_iter_values(self.position..end)),
            Arc::new(Int32Array::from_value(page as i32, rows)),
            Arc::new(TimestampMicrosecondArray::from_value(fetched_at.timestamp_micros(), rows).with_timezone(UTC)),
        ];
        self.position = end;
        RecordBatch::try_new(Arc::clone(&self.schema), columns).expect("columns of one length, as the schema says")
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::{Int32Type, Int64Type};

    use super::*;

    #[test]
    fn positions_are_dense_over_pages_of_any_size() {
        let mut rows = Rows::new("wx1");
        let mut expected = 0;
        for (page, size) in (1..).zip([2_usize, 5, 0, 3]) {
            let openids = StringArray::from_iter_values((0..size).map(|i| format!("o{i}")));
            let batch = rows.next(page, DateTime::UNIX_EPOCH, openids.clone());
            assert_eq!(batch.column_by_name("openid").unwrap().as_string::<i32>(), &openids);
            assert!(batch["app_id"].as_string::<i32>().iter().all(|id| id == Some("wx1")));
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
