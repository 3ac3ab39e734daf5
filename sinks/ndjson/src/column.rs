//! The encoder of one column: chosen once a batch, then called for each row. `plain` stands before
//! it, the line of `row` behind it.

use std::ops::Range;

use fanout_sink::SinkError;
use fanout_sink::arrow::array::{
    Array, ArrayRef, AsArray, GenericStringArray, ListArray, OffsetSizeTrait, StringViewArray,
};
use fanout_sink::arrow::buffer::{BooleanBuffer, NullBuffer};
use fanout_sink::arrow::datatypes::{
    ArrowNativeType, DataType, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use fanout_sink::arrow::datatypes::{
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};

use crate::digits::{GROUP, leading, put_integer};
use crate::text::{needs_escape, put, put_front, put_quoted, put_range, put_short};
use crate::time::TimeText;

/// Writes the JSON of a column's values.
pub(crate) trait Encode {
    /// Puts the value of one row to place `at` of the lines, and returns the place after it.
    fn put(&mut self, row: usize, lines: &mut Vec<u8>, at: usize) -> usize;
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
        DataType::Boolean => bare(Boolean(column.as_boolean().values()), nulls),
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
    fn put(&mut self, _row: usize, lines: &mut Vec<u8>, at: usize) -> usize {
        put_front(b"null", 4, lines, at)
    }
}

struct Nullable<'a, E> {
    nulls: &'a NullBuffer,
    values: E,
}

impl<E: Encode> Encode for Nullable<'_, E> {
    fn put(&mut self, row: usize, lines: &mut Vec<u8>, at: usize) -> usize {
        if self.nulls.is_null(row) { Null.put(row, lines, at) } else { self.values.put(row, lines, at) }
    }
}

struct Quoted<E>(E);

impl<E: Encode> Encode for Quoted<E> {
    fn put(&mut self, row: usize, lines: &mut Vec<u8>, at: usize) -> usize {
        let at = put_front(b"\"", 1, lines, at);
        let at = self.0.put(row, lines, at);
        put_front(b"\"", 1, lines, at)
    }
}

struct Boolean<'a>(&'a BooleanBuffer);

impl Encode for Boolean<'_> {
    fn put(&mut self, row: usize, lines: &mut Vec<u8>, at: usize) -> usize {
        // A table and not a branch, because the values may be random.
        const TEXTS: [&[u8; 5]; 2] = [b"false", b"true "];
        let value = usize::from(self.0.value(row));
        put_front(TEXTS[value], 5 - value, lines, at)
    }
}

/// Integers, with the text of the last short one without its final digit: neighbours often share
/// it.
struct Integers<'a, T> {
    values: &'a [T],
    tens: u64,
    text: u64,
    length: usize,
}

impl<'a, T> Integers<'a, T> {
    fn new(values: &'a [T]) -> Self {
        Self { values, tens: 0, text: 0, length: 0 }
    }
}

impl<T: Copy + Into<i128>> Encode for Integers<'_, T> {
    fn put(&mut self, row: usize, lines: &mut Vec<u8>, at: usize) -> usize {
        let value = self.values[row].into();
        let short = u64::try_from(value).ok().filter(|natural| *natural < GROUP);
        let Some(natural) = short else { return put_integer(value, lines, at) };
        let tens = natural / 10;
        if tens != self.tens {
            (self.text, self.length) = if tens == 0 { (0, 0) } else { leading(tens) };
            self.tens = tens;
        }
        let last = u64::from(b'0') + natural % 10;
        put_front(&(self.text | last << (8 * self.length)).to_le_bytes(), self.length + 1, lines, at)
    }
}

struct Floats<'a, T>(&'a [T]);

impl<T: Copy + Into<f64> + zmij::Float> Encode for Floats<'_, T> {
    /// Writes the shortest text that reads back as the same number; `null` for a NaN and for
    /// infinity.
    fn put(&mut self, row: usize, lines: &mut Vec<u8>, at: usize) -> usize {
        let value = self.0[row];
        if value.into().is_finite() {
            put_short(zmij::Buffer::new().format_finite(value).as_bytes(), lines, at)
        } else {
            Null.put(row, lines, at)
        }
    }
}

struct Strings<'a, O> {
    offsets: &'a [O],
    bytes: &'a [u8],
}

impl<O: OffsetSizeTrait> Strings<'_, O> {
    #[inline]
    fn range(&self, row: usize) -> Range<usize> {
        self.offsets[row].as_usize()..self.offsets[row + 1].as_usize()
    }
}

impl<O: OffsetSizeTrait> Encode for Strings<'_, O> {
    fn put(&mut self, row: usize, lines: &mut Vec<u8>, at: usize) -> usize {
        let Range { start, end } = self.range(row);
        put_range(self.bytes, start, end - start, lines, at)
    }
}

/// Strings, some of which need escapes.
struct EscapedStrings<'a, O>(Strings<'a, O>);

impl<O: OffsetSizeTrait> Encode for EscapedStrings<'_, O> {
    fn put(&mut self, row: usize, lines: &mut Vec<u8>, at: usize) -> usize {
        put_quoted(&self.0.bytes[self.0.range(row)], lines, at)
    }
}

struct Views<'a>(&'a StringViewArray);

impl Encode for Views<'_> {
    fn put(&mut self, row: usize, lines: &mut Vec<u8>, at: usize) -> usize {
        put_quoted(self.0.value(row).as_bytes(), lines, at)
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
    fn put(&mut self, row: usize, lines: &mut Vec<u8>, at: usize) -> usize {
        self.text.put(self.values[row], lines, at)
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
    fn put(&mut self, row: usize, lines: &mut Vec<u8>, at: usize) -> usize {
        let quote: &[u8] = if self.items.quoted { b"\"" } else { b"" };
        let mut at = put_front(b"[", 1, lines, at);
        for item in self.offsets[row]..self.offsets[row + 1] {
            if item > self.offsets[row] {
                at = put_front(b",", 1, lines, at);
            }
            at = put(quote, lines, at);
            at = self.items.values.put(item.as_usize(), lines, at);
            at = put(quote, lines, at);
        }
        put_front(b"]", 1, lines, at)
    }
}
