//! The values of a column that the suite makes up: a function of the column and the row's number.
//! As JSON, for the reader's rows, and from that JSON as an Arrow array, for the sink.
//!
//! Before it: `list`, which has the columns. Behind it: the batches, and the rows to expect.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int32Builder, Int64Array, ListBuilder, StringArray,
    TimestampMicrosecondArray, TimestampSecondArray,
};
use crate::arrow::datatypes::{DataType, Field, TimeUnit};

/// A column that may be null is null in each row of this many.
const NULL_EVERY: usize = 4;

const MICROSECONDS_A_SECOND: i64 = 1_000_000;

/// Seconds since 1970: its beginning, a moment before, a leap day, the end of a day, and what no
/// longer fits in 31 and in 32 bits.
const SECONDS: [i64; 6] = [0, -1, 951_782_400, 1_772_236_799, 2_147_483_648, 4_294_967_296];

/// Returns the value of row number `row` in `field`, which is column number `place`. A timestamp is
/// in microseconds since 1970, whatever its unit.
pub(super) fn value(field: &Field, place: usize, row: usize, texts: &[String]) -> Value {
    // Each column begins elsewhere, so that their nulls are in different rows.
    let mut number = place + row;
    if field.is_nullable() {
        if number % NULL_EVERY == NULL_EVERY - 1 {
            return Value::Null;
        }
        number -= number / NULL_EVERY;
    }
    let one_of = |values: &[Value]| values[number % values.len()].clone();
    match field.data_type() {
        DataType::Boolean => json!(number.is_multiple_of(2)),
        DataType::Float64 => one_of(&[0.0, -2.5, 1e21, 1e-7, 123_456_789.125, 3.0].map(Value::from)),
        DataType::Int32 => one_of(&[0, i32::MAX, i32::MIN, -1, 7].map(Value::from)),
        DataType::Int64 => one_of(&[0, i64::MAX, i64::MIN, -1, i64::from(u32::MAX)].map(Value::from)),
        DataType::Timestamp(TimeUnit::Second, _) => json!(SECONDS[number % SECONDS.len()] * MICROSECONDS_A_SECOND),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            json!(SECONDS[number % SECONDS.len()] * MICROSECONDS_A_SECOND + 123_456)
        }
        DataType::Utf8 => Value::from(texts[number % texts.len()].as_str()),
        DataType::List(_) => one_of(&[json!([]), json!([2]), json!([100, 2, 101]), json!([i32::MIN, i32::MAX, 0])]),
        other => unreachable!("no list has a column of the type `{other}`"),
    }
}

/// Returns the array of `values`, as [`value`] makes them.
pub(super) fn array(field: &Field, values: &[&Value]) -> ArrayRef {
    let integers = || values.iter().map(|value| value.as_i64());
    match field.data_type() {
        DataType::Boolean => Arc::new(values.iter().map(|value| value.as_bool()).collect::<BooleanArray>()),
        DataType::Float64 => Arc::new(values.iter().map(|value| value.as_f64()).collect::<Float64Array>()),
        DataType::Int32 => Arc::new(integers().map(|value| value.map(to_i32)).collect::<Int32Array>()),
        DataType::Int64 => Arc::new(integers().collect::<Int64Array>()),
        DataType::Timestamp(TimeUnit::Second, zone) => {
            let seconds = integers().map(|value| value.map(|value| value / MICROSECONDS_A_SECOND));
            Arc::new(seconds.collect::<TimestampSecondArray>().with_timezone_opt(zone.clone()))
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            Arc::new(integers().collect::<TimestampMicrosecondArray>().with_timezone_opt(zone.clone()))
        }
        DataType::Utf8 => Arc::new(values.iter().map(|value| value.as_str()).collect::<StringArray>()),
        DataType::List(item) => {
            let mut lists = ListBuilder::new(Int32Builder::new()).with_field(Arc::clone(item));
            for value in values {
                let items = value.as_array().map(|items| items.iter().map(|item| item.as_i64().map(to_i32)));
                lists.append_option(items);
            }
            Arc::new(lists.finish())
        }
        other => unreachable!("no list has a column of the type `{other}`"),
    }
}

fn to_i32(value: i64) -> i32 {
    i32::try_from(value).expect("made as 32 bits")
}

/// Texts that quoting, escaping, splitting or truncating would damage.
pub(super) fn hard_texts() -> Vec<String> {
    let texts = [
        "",
        " ",
        "null",
        "\"",
        "\\",
        "\\n",
        "/",
        "'",
        "a,b;c\td",
        "{\"openid\":\"o\"}",
        "</script>",
        "first\nsecond",
        "first\r\nsecond",
        "\n",
        "\u{7f}",
        "\u{85}",
        "\u{a0}",
        "\u{2028}\u{2029}",
        "\u{feff}bom",
        "粉丝",
        "e\u{301}é",
        "👩\u{200d}👩\u{200d}👧",
        "🇨🇳",
        "\u{10ffff}",
        "the next one is empty",
        "",
    ];
    let controls = (1..0x20_u8).map(|control| format!("before{}after", char::from(control)));
    texts.into_iter().map(str::to_owned).chain(controls).collect()
}

/// Returns [`hard_texts`], and those that not every destination holds: one with U+0000, and a long
/// one.
pub(super) fn hardest_texts() -> Vec<String> {
    let mut texts = hard_texts();
    texts.extend(["before\0after".to_owned(), "长".repeat(50_000)]);
    texts
}
