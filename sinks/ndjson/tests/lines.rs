//! Property test: batches of every type and shape become the lines that `serde_json` writes, byte
//! for byte.

#![expect(clippy::unwrap_used, reason = "the functions beside a test may panic, as the test itself may")]

use std::fmt::Debug;
use std::sync::Arc;

use arrow::compute::{cast, concat_batches};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use fanout_sink::arrow::array::{
    Array, ArrayRef, BooleanArray, Float32Array, Float64Array, Int8Array, Int32Array, Int64Array, LargeStringArray,
    ListArray, NullArray, RecordBatchOptions, StringArray, StringViewArray, TimestampMicrosecondArray,
    TimestampNanosecondArray, UInt16Array, UInt64Array,
};
use fanout_sink::arrow::datatypes::{DataType, Field, Int32Type, Schema};
use fanout_sink::arrow::record_batch::RecordBatch;
use fanout_sink_ndjson::LineEncoder;
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use serde::Serialize;

/// A column, and the JSON of each of its values.
type Column = (ArrayRef, Vec<String>);

/// The values of a column: all different, all equal, or a few values in runs; with some nulls,
/// none, or only nulls.
fn values<T: Clone + Debug + 'static>(
    rows: usize,
    value: impl Strategy<Value = T> + Clone + 'static,
) -> impl Strategy<Value = Vec<Option<T>>> {
    let few = vec(value.clone(), 1..4).prop_flat_map(move |few| vec(proptest::sample::select(few), rows));
    let varied = prop_oneof![
        vec(value.clone(), rows),
        value.prop_map(move |value| vec![value; rows]),
        few.prop_map(|mut few| {
            few.sort_by_key(|value| format!("{value:?}"));
            few
        }),
    ];
    let present = prop_oneof![Just(vec![true; rows]), Just(vec![false; rows]), vec(any::<bool>(), rows)];
    (varied, present).prop_map(|(values, present)| {
        values.into_iter().zip(present).map(|(value, present)| present.then_some(value)).collect()
    })
}

fn json<T: Serialize>(values: &[Option<T>]) -> Vec<String> {
    values.iter().map(|value| serde_json::to_string(value).unwrap()).collect()
}

/// Returns a strategy for columns of one type.
fn column<T, A>(rows: usize, value: impl Strategy<Value = T> + Clone + 'static) -> BoxedStrategy<Column>
where
    T: Clone + Debug + Serialize + 'static,
    A: Array + FromIterator<Option<T>> + 'static,
{
    let column = |values: Vec<Option<T>>| -> Column {
        let expected = json(&values);
        (Arc::new(values.into_iter().collect::<A>()), expected)
    };
    values(rows, value).prop_map(column).boxed()
}

/// Strings in which every class of escape is likely.
fn text() -> impl Strategy<Value = String> + Clone {
    let character = prop_oneof![
        8 => proptest::char::range(' ', '~'),
        1 => proptest::char::range('\0', '\u{1f}'),
        1 => proptest::sample::select(vec!['"', '\\', '/', '\u{7f}', '\u{80}', '\u{2028}', '粉', '🎉']),
    ];
    let any = vec(character, 0..80).prop_map(|characters| characters.into_iter().collect());
    prop_oneof![any, "[a-zA-Z0-9_-]{28}", "[a-z]{0,70}"]
}

fn dictionary(rows: usize) -> BoxedStrategy<Column> {
    let to_keys = |(column, expected): Column| {
        let keys = DataType::Dictionary(Box::new(DataType::Int16), Box::new(DataType::Utf8));
        (cast(&column, &keys).unwrap(), expected)
    };
    column::<String, StringArray>(rows, text()).prop_map(to_keys).boxed()
}

/// Consecutive integers, like positions, across changes in the number of digits.
fn dense(rows: usize) -> BoxedStrategy<Column> {
    let start = prop_oneof![-20..20_i64, 95..105_i64, 9_990..10_010_i64, any::<i64>()];
    let column = move |start: i64| -> Column {
        let values: Vec<Option<i64>> = (0..rows as i64).map(|step| Some(start.wrapping_add(step))).collect();
        let expected = json(&values);
        (Arc::new(values.into_iter().collect::<Int64Array>()), expected)
    };
    start.prop_map(column).boxed()
}

/// Times, compared with the text that Arrow makes of them; microseconds are from the years 1 to
/// 9999.
fn times(rows: usize) -> BoxedStrategy<Column> {
    let expected = |column: &dyn Array, format: &str| {
        let options = FormatOptions::new().with_timestamp_format(Some(format)).with_null("");
        let formatter = ArrayFormatter::try_new(column, &options).unwrap();
        let value = |row| column.is_valid(row).then(|| formatter.value(row).to_string());
        json(&(0..column.len()).map(value).collect::<Vec<_>>())
    };
    let microseconds = values(rows, -62_135_596_800_000_000..253_402_300_799_999_999_i64).prop_map(move |values| {
        let column = TimestampMicrosecondArray::from(values);
        let lines = expected(&column, "%Y-%m-%dT%H:%M:%S%.6f");
        (Arc::new(column) as ArrayRef, lines)
    });
    let nanoseconds = values(rows, any::<i64>()).prop_map(move |values| {
        let column = TimestampNanosecondArray::from(values);
        let lines = expected(&column, "%Y-%m-%dT%H:%M:%S%.9f");
        (Arc::new(column.with_timezone("UTC")) as ArrayRef, lines.iter().map(|text| instant(text)).collect())
    });
    prop_oneof![microseconds, nanoseconds].boxed()
}

fn instant(json: &str) -> String {
    json.strip_suffix('"').map_or(json.to_owned(), |text| format!("{text}Z\""))
}

/// Lists of integers, some of them null, of any length from 0.
fn lists(rows: usize) -> BoxedStrategy<Column> {
    let column = |values: Vec<Option<Vec<Option<i32>>>>| -> Column {
        let expected = json(&values);
        (Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(values)), expected)
    };
    values(rows, vec(proptest::option::of(any::<i32>()), 0..4)).prop_map(column).boxed()
}

fn any_column(rows: usize) -> impl Strategy<Value = Column> {
    use proptest::num::{f32, f64};
    let float = prop_oneof![f64::ANY, proptest::sample::select(vec![0.0, -0.0, 1e300, 5e-324, 1e16, 1.5, 0.1])];
    let nulls = (Arc::new(NullArray::new(rows)) as ArrayRef, vec!["null".to_owned(); rows]);
    prop_oneof![
        Just(nulls),
        column::<bool, BooleanArray>(rows, any::<bool>()),
        column::<i8, Int8Array>(rows, any::<i8>()),
        column::<i32, Int32Array>(rows, any::<i32>()),
        column::<i64, Int64Array>(rows, any::<i64>()),
        column::<u16, UInt16Array>(rows, any::<u16>()),
        column::<u64, UInt64Array>(rows, any::<u64>()),
        column::<f32, Float32Array>(rows, f32::ANY),
        column::<f64, Float64Array>(rows, float),
        column::<String, StringArray>(rows, text()),
        column::<String, LargeStringArray>(rows, text()),
        column::<String, StringViewArray>(rows, text()),
        // Bytes that repeat although the values differ.
        column::<String, StringArray>(rows, "a{0,3}"),
        dictionary(rows),
        dense(rows),
        times(rows),
        lists(rows),
    ]
}

/// Columns of one length, and the range of rows to encode: all rows, or a part.
fn any_columns() -> impl Strategy<Value = (Vec<(String, Column)>, usize, usize)> {
    let columns = |rows: usize| vec((text(), any_column(rows)), 0..6);
    (0..40_usize).prop_flat_map(move |rows| {
        let part = weighted(0.5, (0..=rows, 0..=rows)).prop_map(move |part| part.unwrap_or((0, rows)));
        (columns(rows), part).prop_map(|(columns, (one, other))| (columns, one.min(other), one.max(other)))
    })
}

/// How many times the rows follow one another: enough for several blocks and pieces, or once, so
/// that a part of a batch keeps its offset.
fn copies() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(1_usize), 1 => 2..40_usize]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_line_is_that_of_serde_json((columns, start, end) in any_columns(), copies in copies()) {
        let value = |row: usize| move |(name, (_, values)): &(String, Column)| {
            format!("{}:{}", json(&[Some(name)])[0], values[row])
        };
        let line = |row| format!("{{{}}}\n", columns.iter().map(value(row)).collect::<Vec<_>>().join(","));
        let expected = (start..end).map(line).collect::<String>().repeat(copies);
        let field = |(name, (column, _)): &(String, Column)| {
            Field::new(name, column.data_type().clone(), true)
        };
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        let arrays = columns.iter().map(|(_, (column, _))| column.slice(start, end - start)).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(end - start));
        let records = RecordBatch::try_new_with_options(Arc::clone(&schema), arrays, &options).unwrap();
        let records = if copies == 1 { records } else { concat_batches(&schema, &vec![records; copies]).unwrap() };

        let mut encoder = LineEncoder::new(schema);
        let mut lines = Vec::new();
        // Twice: a batch must leave nothing behind that changes the next.
        for _ in 0..2 {
            lines.clear();
            encoder.encode(&records, |piece| { lines.extend_from_slice(piece); Ok(()) }).unwrap();
            prop_assert_eq!(std::str::from_utf8(&lines).unwrap(), expected.as_str());
        }
    }
}
