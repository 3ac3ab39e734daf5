//! Batches of followers as the engine passes them to a sink, the same in every run.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use fanout_sink::{CARDINALITY, LOW_CARDINALITY};

/// A full page of WeChat's API.
pub(crate) const PAGE: usize = 10_000;
/// An offset and not a zone: the name of a zone needs its data, which the rivals do without.
pub(crate) const UTC: &str = "+00:00";
pub(crate) const FETCHED_AT: i64 = 1_795_341_600_000_000;

/// The xorshift generator, with a fixed seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new() -> Self {
        Self(0x9E37_79B9_7F4A_7C15)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Returns an `OpenID`: the prefix of an account, and 22 random characters.
    pub(crate) fn openid(&mut self) -> String {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let tail = (0..22).map(|_| char::from(ALPHABET[(self.next() >> 58) as usize]));
        "o6_bmj".chars().chain(tail).collect()
    }
}

/// Returns page number `page` of a long list.
pub(crate) fn page(page: usize, random: &mut Random) -> RecordBatch {
    let first = (page * PAGE) as i64;
    let few = |field: Field| field.with_metadata(HashMap::from([(CARDINALITY.to_owned(), LOW_CARDINALITY.to_owned())]));
    let schema = Schema::new(vec![
        few(Field::new("app_id", DataType::Utf8, false)),
        Field::new("openid", DataType::Utf8, false),
        Field::new("position", DataType::Int64, false),
        few(Field::new("page", DataType::Int32, false)),
        few(Field::new("fetched_at", DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())), false)),
    ]);
    let fetched_at = FETCHED_AT + page as i64 * 50_123;
    let columns = vec![
        Arc::new(StringArray::from(vec!["wx5823bf96d3bd56c7"; PAGE])) as _,
        Arc::new(StringArray::from_iter_values((0..PAGE).map(|_| random.openid()))) as _,
        Arc::new(Int64Array::from_iter_values(first..first + PAGE as i64)) as _,
        Arc::new(Int32Array::from_value(page as i32, PAGE)) as _,
        Arc::new(TimestampMicrosecondArray::from_value(fetched_at, PAGE).with_timezone(UTC)) as _,
    ];
    RecordBatch::try_new(Arc::new(schema), columns).expect("columns of one length, as the schema says")
}
