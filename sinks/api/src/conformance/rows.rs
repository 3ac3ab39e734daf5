//! Rows as JSON objects: read from Arrow, and compared with the rows of the generator.
//!
//! Before it: a `Subject`, which reads rows back, and `list`, which has the rows to expect. Behind
//! it: `scene`.

use std::error::Error;

use chrono::DateTime;
use serde_json::{Map, Value};

use crate::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use crate::arrow::compute::take;
use crate::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Schema,
    TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};

/// The error of a reader. An output that it cannot read (torn, or of another format) breaks the
/// promise that is being tested.
pub type ReadError = Box<dyn Error + Send + Sync>;

/// One row: the values by column.
pub type Row = Map<String, Value>;

/// Returns the rows of a record batch as JSON objects, for a [`Subject`](super::Subject) whose
/// readers read Arrow.
///
/// # Errors
///
/// If a column has a type that no list of the suite has.
pub fn rows_of(records: &RecordBatch) -> Result<Vec<Row>, ReadError> {
    let mut rows = vec![Row::new(); records.num_rows()];
    for (field, column) in records.schema().fields().iter().zip(records.columns()) {
        let values = values_of(column.as_ref())?;
        for (row, value) in rows.iter_mut().zip(values) {
            row.insert(field.name().clone(), value);
        }
    }
    Ok(rows)
}

fn values_of(column: &dyn Array) -> Result<Vec<Value>, ReadError> {
    Ok(match column.data_type() {
        DataType::Boolean => column.as_boolean().iter().map(Value::from).collect(),
        DataType::Int8 => primitives::<Int8Type>(column, Value::from),
        DataType::Int16 => primitives::<Int16Type>(column, Value::from),
        DataType::Int32 => primitives::<Int32Type>(column, Value::from),
        DataType::Int64 => primitives::<Int64Type>(column, Value::from),
        DataType::Float32 => primitives::<Float32Type>(column, Value::from),
        DataType::Float64 => primitives::<Float64Type>(column, Value::from),
        // Always in microseconds.
        DataType::Timestamp(unit, _) => match unit {
            TimeUnit::Second => primitives::<TimestampSecondType>(column, |value| (value * 1_000_000).into()),
            TimeUnit::Millisecond => primitives::<TimestampMillisecondType>(column, |value| (value * 1_000).into()),
            TimeUnit::Microsecond => primitives::<TimestampMicrosecondType>(column, Value::from),
            TimeUnit::Nanosecond => primitives::<TimestampNanosecondType>(column, |value| (value / 1_000).into()),
        },
        DataType::Utf8 => column.as_string::<i32>().iter().map(Value::from).collect(),
        DataType::LargeUtf8 => column.as_string::<i64>().iter().map(Value::from).collect(),
        DataType::Utf8View => column.as_string_view().iter().map(Value::from).collect(),
        DataType::List(_) => {
            let lists = column.as_list::<i32>();
            let list = |list: Option<ArrayRef>| list.map_or(Ok(Value::Null), |list| values_of(&list).map(Value::from));
            lists.iter().map(list).collect::<Result<_, _>>()?
        }
        DataType::Dictionary(..) => {
            let dictionary = column.as_any_dictionary();
            values_of(&take(dictionary.values(), dictionary.keys(), None)?)?
        }
        other => return Err(format!("the column type `{other}`, which no list of the suite has").into()),
    })
}

fn primitives<T: ArrowPrimitiveType>(column: &dyn Array, value: impl Fn(T::Native) -> Value) -> Vec<Value> {
    column.as_primitive::<T>().iter().map(|native| native.map_or(Value::Null, &value)).collect()
}

/// Compares the rows that a reader sees with the rows that were generated; the error names the
/// first difference.
pub(super) fn same_rows(schema: &Schema, expected: &[Row], found: &[Row]) -> Result<(), String> {
    let count = match found.len() {
        found if found == expected.len() => String::new(),
        found => format!("found {found} rows, expected {}; ", expected.len()),
    };
    for (number, (expected, found)) in expected.iter().zip(found).enumerate() {
        same_row(schema, expected, found).map_err(|difference| format!("{count}row {number}: {difference}"))?;
    }
    if count.is_empty() { Ok(()) } else { Err(format!("{count}the rows that both have are equal")) }
}

fn same_row(schema: &Schema, expected: &Row, found: &Row) -> Result<(), String> {
    for field in schema.fields() {
        let name = field.name();
        let expected = &expected[name];
        let found = found.get(name).unwrap_or(&Value::Null);
        if !same_value(field.data_type(), expected, found) {
            return Err(format!("`{name}` is {}, expected {}", shown(found), shown(expected)));
        }
    }
    match found.keys().find(|key| schema.index_of(key).is_err()) {
        Some(key) => Err(format!("`{key}` is not a column of the list")),
        None => Ok(()),
    }
}

fn same_value(data_type: &DataType, expected: &Value, found: &Value) -> bool {
    match (data_type, expected, found) {
        (DataType::Timestamp(..), Value::Number(expected), Value::String(found)) => {
            let instant = DateTime::parse_from_rfc3339(found);
            instant.ok().map(|instant| instant.timestamp_micros()) == expected.as_i64()
        }
        // A reader may print `1.0` as `1`.
        (DataType::Float64, Value::Number(expected), Value::Number(found)) => expected.as_f64() == found.as_f64(),
        _ => expected == found,
    }
}

/// Returns the beginning of a value as text: one of the generated texts is long.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 80 {
        return text;
    }
    let beginning: String = text.chars().take(80).collect();
    format!("{beginning}… ({} bytes)", text.len())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::arrow::datatypes::Field;

    fn row(value: &Value) -> Row {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_timestamp_may_be_text_and_a_null_may_be_missing() {
        let instant = DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC")));
        let schema = Schema::new(vec![Field::new("at", instant, false), Field::new("note", DataType::Utf8, true)]);
        let expected = [row(&json!({"at": 1_500_000, "note": null}))];
        let found = |value| same_rows(&schema, &expected, &[row(&value)]);
        assert_eq!(found(json!({"at": "1970-01-01T00:00:01.5Z"})), Ok(()));
        assert_eq!(found(json!({"at": "1970-01-01T08:00:01.500000+08:00", "note": null})), Ok(()));
        assert_eq!(
            found(json!({"at": "1970-01-01T00:00:01Z"})).unwrap_err(),
            "row 0: `at` is \"1970-01-01T00:00:01Z\", expected 1500000"
        );
        assert_eq!(
            found(json!({"at": 1_500_000, "more": 1})).unwrap_err(),
            "row 0: `more` is not a column of the list"
        );
    }

    #[test]
    fn a_missing_row_is_named_with_both_counts() {
        let schema = Schema::new(vec![Field::new("number", DataType::Int64, false)]);
        let rows = [1, 2, 3].map(|number| row(&json!({ "number": number })));
        let without_the_second = [rows[0].clone(), rows[2].clone()];
        let message = same_rows(&schema, &rows, &without_the_second).unwrap_err();
        assert_eq!(message, "found 2 rows, expected 3; row 1: `number` is 3, expected 2");
        let message = same_rows(&schema, &rows, &rows[..2]).unwrap_err();
        assert_eq!(message, "found 2 rows, expected 3; the rows that both have are equal");
    }
}
