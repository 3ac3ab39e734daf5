//! The encoder of one column: chosen once a batch, then called for each row. `plain` stands before
//! it, the line of `row` behind it.

use fanout_sink::SinkError;
use fanout_sink::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, GenericStringArray, ListArray, OffsetSizeTrait, StringViewArray,
};
use fanout_sink::arrow::buffer::NullBuffer;
use fanout_sink::arrow::datatypes::{
    ArrowNativeType, DataType, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use fanout_sink::arrow::datatypes::{
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};

use crate::text::{append_front, append_range, escape, needs_escape, quote};
use crate::time::TimeText;

/// Appends the JSON of one row's value.
pub(crate) trait Encode {
    fn encode(&mut self, row: usize, line: &mut Vec<u8>);
}

/// The encoder of a column's values.
pub(crate) struct Encoder<'a> {
    /// Whether every value is a string whose quotes the caller writes, as part of the text between
    /// the values.
    pub(crate) quoted: bool,
    pub(crate) values: Box<dyn Encode + 'a>,
}

/// Returns whether a column of this type can be written as JSON.
pub(crate) fn is_written(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_encoded(values) || is_text(values),
        DataType::List(item) => is_encoded(item.data_type()),
        data_type => is_encoded(data_type) || is_text(data_type),
    }
}

fn is_encoded(data_type: &DataType) -> bool {
    use DataType::{Boolean, Float32, Float64, LargeUtf8, Null, Timestamp, Utf8, Utf8View};
    matches!(data_type, Boolean | Float32 | Float64 | LargeUtf8 | Null | Timestamp(..) | Utf8 | Utf8View)
        || data_type.is_integer()
}

/// Returns whether [`plain`](crate::plain::plain) turns the type into text.
fn is_text(data_type: &DataType) -> bool {
    use DataType::{Date32, Date64, Decimal32, Decimal64, Decimal128, Decimal256, Time32, Time64};
    matches!(
        data_type,
        Date32 | Date64 | Time32(_) | Time64(_) | Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..)
    )
}

/// Chooses the encoder of a column that [`plain`](crate::plain::plain) has prepared.
pub(crate) fn encoder<'a>(column: &'a ArrayRef, field: &Field) -> Result<Encoder<'a>, SinkError> {
    let nulls = column.nulls().filter(|nulls| nulls.null_count() > 0);
    Ok(match column.data_type() {
        DataType::Null => bare(Null, None),
        DataType::Boolean => bare(Boolean(column.as_boolean()), nulls),
        DataType::Int8 => bare(Integers::new(column.as_primitive::<Int8Type>().values()), nulls),
        DataType::Int16 => bare(Integers::new(column.as_primitive::<Int16Type>().values()), nulls),
        DataType::Int32 => bare(Integers::new(column.as_primitive::<Int32Type>().values()), nulls),
        DataType::Int64 => bare(Integers::new(column.as_primitive::<Int64Type>().values()), nulls),
        DataType::UInt8 => bare(Integers::new(column.as_primitive::<UInt8Type>().values()), nulls),
        DataType::UInt16 => bare(Integers::new(column.as_primitive::<UInt16Type>().values()), nulls),
        DataType::UInt32 => bare(Integers::new(column.as_primitive::<UInt32Type>().values()), nulls),
        DataType::UInt64 => bare(Integers::new(column.as_primitive::<UInt64Type>().values()), nulls),
        DataType::Float32 => bare(Floats(column.as_primitive::<Float32Type>().values()), nulls),
        DataType::Float64 => bare(Floats(column.as_primitive::<Float64Type>().values()), nulls),
        DataType::Utf8 => strings(column.as_string::<i32>(), nulls),
        DataType::LargeUtf8 => strings(column.as_string::<i64>(), nulls),
        DataType::Utf8View => bare(Views(column.as_string_view()), nulls),
        DataType::Timestamp(unit, zone) => quoted(Timestamps::new(column, *unit, zone.is_some()), nulls),
        DataType::List(_) => bare(Lists::new(column.as_list(), field)?, nulls),
        _ if !is_written(field.data_type()) => return Err(SinkError::column_type(field)),
        _ => {
            let message = format!("column `{}` came as `{}`", field.name(), column.data_type());
            return Err(SinkError::permanent(message));
        }
    })
}

/// Makes the encoder of values that need no quotes from the caller.
fn bare<'a>(values: impl Encode + 'a, nulls: Option<&'a NullBuffer>) -> Encoder<'a> {
    let values: Box<dyn Encode + 'a> = match nulls {
        Some(nulls) => Box::new(Nullable { nulls, values }),
        None => Box::new(values),
    };
    Encoder { quoted: false, values }
}

/// Makes the encoder of strings that the caller puts in quotes, if none is null.
fn quoted<'a>(values: impl Encode + 'a, nulls: Option<&'a NullBuffer>) -> Encoder<'a> {
    match nulls {
        Some(_) => bare(Quoted(values), nulls),
        None => Encoder { quoted: true, values: Box::new(values) },
    }
}

/// Makes the encoder of strings: with escapes if any byte of the column needs one. `OpenID`s never
/// do.
fn strings<'a, O: OffsetSizeTrait>(column: &'a GenericStringArray<O>, nulls: Option<&'a NullBuffer>) -> Encoder<'a> {
    let (offsets, bytes) = (column.value_offsets(), column.value_data());
    let range = offsets[0].as_usize()..offsets[offsets.len() - 1].as_usize();
    let strings = Strings { offsets, bytes };
    if needs_escape(&bytes[range]) { bare(EscapedStrings(strings), nulls) } else { quoted(strings, nulls) }
}

struct Null;

impl Encode for Null {
    fn encode(&mut self, _row: usize, line: &mut Vec<u8>) {
        line.extend_from_slice(b"null");
    }
}

struct Nullable<'a, E> {
    nulls: &'a NullBuffer,
    values: E,
}

impl<E: Encode> Encode for Nullable<'_, E> {
    fn encode(&mut self, row: usize, line: &mut Vec<u8>) {
        if self.nulls.is_null(row) { Null.encode(row, line) } else { self.values.encode(row, line) }
    }
}

struct Quoted<E>(E);

impl<E: Encode> Encode for Quoted<E> {
    fn encode(&mut self, row: usize, line: &mut Vec<u8>) {
        line.push(b'"');
        self.0.encode(row, line);
        line.push(b'"');
    }
}

struct Boolean<'a>(&'a BooleanArray);

impl Encode for Boolean<'_> {
    fn encode(&mut self, row: usize, line: &mut Vec<u8>) {
        let (text, length) = if self.0.value(row) { (b"true ", 4) } else { (b"false", 5) };
        append_front(text, length, line);
    }
}

/// Nineteen digits (the largest integer without its last digit), rounded up to the width of a copy.
const DIGITS: usize = 20;

/// Integers, with the text of the last one without its final digit: neighbours often share it.
struct Integers<'a, T> {
    values: &'a [T],
    tens: u64,
    text: [u8; DIGITS],
    length: usize,
}

impl<'a, T> Integers<'a, T> {
    fn new(values: &'a [T]) -> Self {
        Self { values, tens: 0, text: [0; DIGITS], length: 0 }
    }
}

impl<T: Copy + TryInto<u64> + itoa::Integer> Encode for Integers<'_, T> {
    fn encode(&mut self, row: usize, line: &mut Vec<u8>) {
        let value = self.values[row];
        let Ok(natural) = value.try_into() else {
            return line.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        };
        let (tens, last) = (natural / 10, (natural % 10) as u8);
        if tens != self.tens {
            let mut buffer = itoa::Buffer::new();
            let text = buffer.format(tens).as_bytes();
            self.text[..text.len()].copy_from_slice(text);
            self.length = if tens == 0 { 0 } else { text.len() };
            self.tens = tens;
        }
        append_front(&self.text, self.length, line);
        line.push(b'0' + last);
    }
}

struct Floats<'a, T>(&'a [T]);

impl<T: serde::Serialize> Encode for Floats<'_, T> {
    /// Writes the shortest text that reads back as the same number; `null` for a NaN and for
    /// infinity.
    fn encode(&mut self, row: usize, line: &mut Vec<u8>) {
        serde_json::to_writer(line, &self.0[row]).expect("a number is written to memory");
    }
}

struct Strings<'a, O> {
    offsets: &'a [O],
    bytes: &'a [u8],
}

impl<O: OffsetSizeTrait> Encode for Strings<'_, O> {
    fn encode(&mut self, row: usize, line: &mut Vec<u8>) {
        let (start, end) = (self.offsets[row].as_usize(), self.offsets[row + 1].as_usize());
        append_range(self.bytes, start, end - start, line);
    }
}

/// Strings, some of which need escapes.
struct EscapedStrings<'a, O>(Strings<'a, O>);

impl<O: OffsetSizeTrait> Encode for EscapedStrings<'_, O> {
    fn encode(&mut self, row: usize, line: &mut Vec<u8>) {
        let Strings { offsets, bytes } = &self.0;
        let text = &bytes[offsets[row].as_usize()..offsets[row + 1].as_usize()];
        line.push(b'"');
        if needs_escape(text) {
            escape(text, line);
        } else {
            self.0.encode(row, line);
        }
        line.push(b'"');
    }
}

struct Views<'a>(&'a StringViewArray);

impl Encode for Views<'_> {
    fn encode(&mut self, row: usize, line: &mut Vec<u8>) {
        quote(self.0.value(row).as_bytes(), line);
    }
}

struct Timestamps<'a> {
    values: &'a [i64],
    text: TimeText,
}

impl<'a> Timestamps<'a> {
    fn new(column: &'a ArrayRef, unit: TimeUnit, instant: bool) -> Self {
        let values: &[i64] = match unit {
            TimeUnit::Second => column.as_primitive::<TimestampSecondType>().values(),
            TimeUnit::Millisecond => column.as_primitive::<TimestampMillisecondType>().values(),
            TimeUnit::Microsecond => column.as_primitive::<TimestampMicrosecondType>().values(),
            TimeUnit::Nanosecond => column.as_primitive::<TimestampNanosecondType>().values(),
        };
        Self { values, text: TimeText::new(unit, instant) }
    }
}

impl Encode for Timestamps<'_> {
    fn encode(&mut self, row: usize, line: &mut Vec<u8>) {
        self.text.append(self.values[row], line);
    }
}

/// Lists, each as an array of its items.
struct Lists<'a> {
    offsets: &'a [i32],
    items: Encoder<'a>,
}

impl<'a> Lists<'a> {
    fn new(column: &'a ListArray, field: &Field) -> Result<Self, SinkError> {
        Ok(Self { offsets: column.value_offsets(), items: encoder(column.values(), field)? })
    }
}

impl Encode for Lists<'_> {
    fn encode(&mut self, row: usize, line: &mut Vec<u8>) {
        let quote: &[u8] = if self.items.quoted { b"\"" } else { b"" };
        line.push(b'[');
        for item in self.offsets[row]..self.offsets[row + 1] {
            if item > self.offsets[row] {
                line.push(b',');
            }
            line.extend_from_slice(quote);
            self.items.values.encode(item.as_usize(), line);
            line.extend_from_slice(quote);
        }
        line.push(b']');
    }
}
