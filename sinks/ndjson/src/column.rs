//! One column on its way to JSON: the encoder is chosen once a batch, and then runs row by row.

use std::io::Write;

use fanout_sink::SinkError;
use fanout_sink::arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, GenericStringArray, OffsetSizeTrait, PrimitiveArray,
    StringViewArray,
};
use fanout_sink::arrow::buffer::NullBuffer;
use fanout_sink::arrow::compute::cast;
use fanout_sink::arrow::datatypes::{
    DataType, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use fanout_sink::arrow::datatypes::{
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};

use crate::time;

/// Appends the JSON of one row's value.
pub(crate) trait Encode {
    fn encode(&mut self, row: usize, line: &mut Vec<u8>);
}

/// Makes sure that a column's type has a place in JSON.
pub(crate) fn check_field(field: &Field) -> Result<(), SinkError> {
    let data_type = match field.data_type() {
        DataType::Dictionary(_, values) => values,
        data_type => data_type,
    };
    if is_encoded(data_type) || is_cast(data_type) {
        return Ok(());
    }
    let message = format!("column `{}` of type `{}` has no place in newline JSON", field.name(), field.data_type());
    Err(SinkError::permanent(message).with_hint("leave it out with `columns`"))
}

fn is_encoded(data_type: &DataType) -> bool {
    use DataType::{Boolean, Float32, Float64, LargeUtf8, Null, Timestamp, Utf8, Utf8View};
    matches!(data_type, Boolean | Float32 | Float64 | LargeUtf8 | Null | Timestamp(..) | Utf8 | Utf8View)
        || data_type.is_integer()
}

/// Types that Arrow turns into text, so that no digit of theirs is lost to a reader's floats.
fn is_cast(data_type: &DataType) -> bool {
    use DataType::{Date32, Date64, Decimal32, Decimal64, Decimal128, Decimal256, Time32, Time64};
    matches!(
        data_type,
        Date32 | Date64 | Time32(_) | Time64(_) | Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..)
    )
}

/// Returns the column in a type that [`encoder`] knows.
pub(crate) fn plain(column: &ArrayRef, field: &Field) -> Result<ArrayRef, SinkError> {
    let cast_to = |column: &ArrayRef, data_type: &DataType| {
        cast(column, data_type).map_err(|error| {
            let message = format!("column `{}` cannot be turned into `{data_type}`", field.name());
            SinkError::permanent(message).with_source(error)
        })
    };
    let column = match column.data_type() {
        DataType::Dictionary(_, values) => cast_to(column, values)?,
        _ => column.clone(),
    };
    if is_cast(column.data_type()) { cast_to(&column, &DataType::Utf8) } else { Ok(column) }
}

/// Chooses the encoder of a column that [`plain`] has prepared.
pub(crate) fn encoder<'a>(column: &'a ArrayRef, field: &Field) -> Result<Box<dyn Encode + 'a>, SinkError> {
    use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
    let encoder: Box<dyn Encode + 'a> = match column.data_type() {
        DataType::Null => return Ok(Box::new(Null)),
        DataType::Boolean => Box::new(Boolean(column.as_boolean())),
        DataType::Int8 => Box::new(Integer(column.as_primitive::<Int8Type>())),
        DataType::Int16 => Box::new(Integer(column.as_primitive::<Int16Type>())),
        DataType::Int32 => Box::new(Integer(column.as_primitive::<Int32Type>())),
        DataType::Int64 => Box::new(Integer(column.as_primitive::<Int64Type>())),
        DataType::UInt8 => Box::new(Integer(column.as_primitive::<UInt8Type>())),
        DataType::UInt16 => Box::new(Integer(column.as_primitive::<UInt16Type>())),
        DataType::UInt32 => Box::new(Integer(column.as_primitive::<UInt32Type>())),
        DataType::UInt64 => Box::new(Integer(column.as_primitive::<UInt64Type>())),
        DataType::Float32 => Box::new(Float(column.as_primitive::<Float32Type>())),
        DataType::Float64 => Box::new(Float(column.as_primitive::<Float64Type>())),
        DataType::Utf8 => strings(column.as_string::<i32>()),
        DataType::LargeUtf8 => strings(column.as_string::<i64>()),
        DataType::Utf8View => Box::new(Views(column.as_string_view())),
        DataType::Timestamp(unit, zone) => {
            let values: &[i64] = match unit {
                Second => column.as_primitive::<TimestampSecondType>().values(),
                Millisecond => column.as_primitive::<TimestampMillisecondType>().values(),
                Microsecond => column.as_primitive::<TimestampMicrosecondType>().values(),
                Nanosecond => column.as_primitive::<TimestampNanosecondType>().values(),
            };
            Box::new(Timestamps { values, unit: *unit, instant: zone.is_some(), last: None, text: String::new() })
        }
        _ => {
            check_field(field)?;
            let message = format!("column `{}` came as `{}`", field.name(), column.data_type());
            return Err(SinkError::permanent(message));
        }
    };
    Ok(match column.nulls() {
        Some(nulls) if nulls.null_count() > 0 => Box::new(Nullable { nulls, encoder }),
        _ => encoder,
    })
}

struct Null;

impl Encode for Null {
    fn encode(&mut self, _row: usize, line: &mut Vec<u8>) {
        line.extend_from_slice(b"null");
    }
}

struct Nullable<'a> {
    nulls: &'a NullBuffer,
    encoder: Box<dyn Encode + 'a>,
}

impl Encode for Nullable<'_> {
    fn encode(&mut self, row: usize, line: &mut Vec<u8>) {
        if self.nulls.is_null(row) { Null.encode(row, line) } else { self.encoder.encode(row, line) }
    }
}

struct Boolean<'a>(&'a BooleanArray);

impl Encode for Boolean<'_> {
    fn encode(&mut self, row: usize, line: &mut Vec<u8>) {
        line.extend_from_slice(if self.0.value(row) { b"true" } else { b"false" });
    }
}

struct Integer<'a, T: ArrowPrimitiveType>(&'a PrimitiveArray<T>);

impl<T: ArrowPrimitiveType<Native: itoa::Integer>> Encode for Integer<'_, T> {
    fn encode(&mut self, row: usize, line: &mut Vec<u8>) {
        line.extend_from_slice(itoa::Buffer::new().format(self.0.value(row)).as_bytes());
    }
}

struct Float<'a, T: ArrowPrimitiveType>(&'a PrimitiveArray<T>);

impl<T: ArrowPrimitiveType<Native: serde::Serialize>> Encode for Float<'_, T> {
    /// The shortest text that reads back as the same number; `null` for what JSON has no number for.
    fn encode(&mut self, row: usize, line: &mut Vec<u8>) {
        serde_json::to_writer(line, &self.0.value(row)).expect("a number is written to memory");
    }
}

/// Chooses between strings that may need escapes and strings that need none, by one look at all their bytes: a list
/// of `OpenID`s never needs one.
fn strings<O: OffsetSizeTrait>(column: &GenericStringArray<O>) -> Box<dyn Encode + '_> {
    let offsets = column.value_offsets();
    let range = offsets[0].as_usize()..offsets[offsets.len() - 1].as_usize();
    if needs_escape(&column.value_data()[range]) { Box::new(Strings(column)) } else { Box::new(CleanStrings(column)) }
}

struct CleanStrings<'a, O: OffsetSizeTrait>(&'a GenericStringArray<O>);

impl<O: OffsetSizeTrait> Encode for CleanStrings<'_, O> {
    fn encode(&mut self, row: usize, line: &mut Vec<u8>) {
        line.push(b'"');
        line.extend_from_slice(self.0.value(row).as_bytes());
        line.push(b'"');
    }
}

struct Strings<'a, O: OffsetSizeTrait>(&'a GenericStringArray<O>);

impl<O: OffsetSizeTrait> Encode for Strings<'_, O> {
    fn encode(&mut self, row: usize, line: &mut Vec<u8>) {
        quote(self.0.value(row), line);
    }
}

struct Views<'a>(&'a StringViewArray);

impl Encode for Views<'_> {
    fn encode(&mut self, row: usize, line: &mut Vec<u8>) {
        quote(self.0.value(row), line);
    }
}

/// Times come in runs (all rows of a page have the same), so the last text is kept.
struct Timestamps<'a> {
    values: &'a [i64],
    unit: TimeUnit,
    instant: bool,
    last: Option<i64>,
    text: String,
}

impl Encode for Timestamps<'_> {
    fn encode(&mut self, row: usize, line: &mut Vec<u8>) {
        let value = self.values[row];
        if self.last != Some(value) {
            self.text.clear();
            time::render(value, self.unit, self.instant, &mut self.text);
            self.last = Some(value);
        }
        line.push(b'"');
        line.extend_from_slice(self.text.as_bytes());
        line.push(b'"');
    }
}

/// Returns whether any byte must not stand in a JSON string as it is. Without an early end, so that it runs over many
/// bytes at once.
fn needs_escape(bytes: &[u8]) -> bool {
    const PIECE: usize = 4 * 1024;
    let special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    bytes.chunks(PIECE).any(|piece| piece.iter().fold(false, |found, byte| found | special(byte)))
}

/// Appends a string in quotes, with the escapes that `serde_json` writes.
pub(crate) fn quote(text: &str, line: &mut Vec<u8>) {
    line.push(b'"');
    if !needs_escape(text.as_bytes()) {
        line.extend_from_slice(text.as_bytes());
        line.push(b'"');
        return;
    }
    for byte in text.bytes() {
        match byte {
            b'"' => line.extend_from_slice(b"\\\""),
            b'\\' => line.extend_from_slice(b"\\\\"),
            0x08 => line.extend_from_slice(b"\\b"),
            0x0C => line.extend_from_slice(b"\\f"),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            b'\t' => line.extend_from_slice(b"\\t"),
            0..0x20 => write!(line, "\\u{byte:04x}").expect("memory takes every write"),
            _ => line.push(byte),
        }
    }
    line.push(b'"');
}
