//! Turns rows into messages: a key, a value and a time. Topics and files take the same messages.

use fanout_sink::arrow::array::{Array, ArrayRef, AsArray, StringArray, TimestampMillisecondArray};
use fanout_sink::arrow::compute::take;
use fanout_sink::arrow::datatypes::{
    DataType, Field, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use fanout_sink::arrow::record_batch::RecordBatch;
use fanout_sink::{SinkContext, SinkError};
use fanout_sink_ndjson::LineEncoder;

use crate::options::{KafkaOptions, KeyFormat, ValueFormat};

/// Rows that become text at once. It bounds the memory of the text, whatever the size of a batch.
const SLICE_ROWS: usize = 1_024;

/// Kafka's value for a record without a time.
pub(crate) const NO_TIMESTAMP: i64 = -1;

/// The headers that every record of a list has.
#[derive(Clone, Debug)]
pub(crate) struct Headers {
    /// `list`: which list of the account.
    pub(crate) list: String,
    /// `walk`: the walk that read the list.
    pub(crate) walk: String,
    /// `schema`: a checksum of the value's columns and their types. The manifest names the columns.
    pub(crate) schema: String,
}

/// One record, before it has a partition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    /// The row's position in the list, from 0.
    pub(crate) position: u64,
    pub(crate) key: &'a [u8],
    pub(crate) value: Option<&'a [u8]>,
    /// Milliseconds since 1970, or [`NO_TIMESTAMP`].
    pub(crate) timestamp: i64,
}

/// Turns the batches of one list into messages.
#[derive(Debug)]
pub(crate) struct MessageEncoder {
    key: Key,
    value: Option<Lines>,
    timestamp: Option<usize>,
    position: u64,
}

#[derive(Debug)]
enum Key {
    Text { prefix: String, column: usize, name: &'static str },
    Json(Lines),
}

impl Headers {
    pub(crate) fn new(options: &KafkaOptions, context: &SinkContext) -> Result<Self, SinkError> {
        let schema = match value_columns(options, &context.schema)? {
            Some(columns) => project(&context.schema, &columns),
            None => Schema::empty().into(),
        };
        let facts = schema.fields().iter().fold(String::new(), |facts, field| {
            let null = if field.is_nullable() { "?" } else { "" };
            facts + field.name() + "\n" + &field.data_type().to_string() + null + "\n"
        });
        Ok(Self {
            list: context.list.clone(),
            walk: context.walk.to_string(),
            schema: format!("{:08x}", crc32c::crc32c(facts.as_bytes())),
        })
    }

    /// Iterates over names and values, in the order in which a record has them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [("list", self.list.as_str()), ("walk", self.walk.as_str()), ("schema", self.schema.as_str())].into_iter()
    }
}

impl MessageEncoder {
    /// Makes an encoder for the columns of `context.schema`.
    pub(crate) fn new(options: &KafkaOptions, context: &SinkContext) -> Result<Self, SinkError> {
        let schema = &context.schema;
        let key = match &options.key {
            KeyFormat::AppIdAndOpenid => openid(schema, format!("{}:", context.app_id))?,
            KeyFormat::Openid => openid(schema, String::new())?,
            KeyFormat::Columns(columns) => Key::Json(Lines::new(schema, places("key", columns, schema)?)),
        };
        let value = value_columns(options, schema)?.map(|columns| Lines::new(schema, columns));
        let is_time = |data_type: &DataType| matches!(data_type, DataType::Timestamp(..));
        let timestamp =
            schema.column_with_name("fetched_at").filter(|(_, field)| is_time(field.data_type())).map(|(at, _)| at);
        Ok(Self { key, value, timestamp, position: 0 })
    }

    /// Returns the number of rows that have become messages.
    pub(crate) fn rows(&self) -> u64 {
        self.position
    }

    /// Calls `accept` with the message of each row of `records`, in order.
    ///
    /// # Errors
    ///
    /// If a key is null, or a column's type has no form in JSON; else the error of `accept`.
    pub(crate) fn encode(
        &mut self,
        records: &RecordBatch,
        mut accept: impl FnMut(Message<'_>) -> Result<(), SinkError>,
    ) -> Result<(), SinkError> {
        for start in (0..records.num_rows()).step_by(SLICE_ROWS) {
            let rows = SLICE_ROWS.min(records.num_rows() - start);
            self.encode_slice(&records.slice(start, rows), &mut accept)?;
        }
        Ok(())
    }

    fn encode_slice(
        &mut self,
        records: &RecordBatch,
        accept: &mut impl FnMut(Message<'_>) -> Result<(), SinkError>,
    ) -> Result<(), SinkError> {
        let Self { key, value, timestamp, position } = self;
        let mut keys = key.encode(records, *position)?;
        if let Some(lines) = value {
            lines.encode(records)?;
        }
        let times = timestamp.map(|column| milliseconds(records.column(column))).transpose()?;
        for row in 0..records.num_rows() {
            let timestamp = match &times {
                Some(times) if times.is_valid(row) => times.value(row),
                _ => NO_TIMESTAMP,
            };
            let value = value.as_ref().map(|lines| lines.get(row));
            accept(Message { position: *position, key: keys.get(row), value, timestamp })?;
            *position += 1;
        }
        Ok(())
    }
}

/// The keys of a slice.
enum Keys<'a> {
    Text { prefix: usize, text: Vec<u8>, column: StringArray },
    Json(&'a Lines),
}

impl Keys<'_> {
    fn get(&mut self, row: usize) -> &[u8] {
        match self {
            Self::Json(lines) => lines.get(row),
            Self::Text { prefix, text, column } => {
                text.truncate(*prefix);
                text.extend_from_slice(column.value(row).as_bytes());
                text
            }
        }
    }
}

impl Key {
    /// Prepares the keys of `records`, whose first row has `position` in the list.
    fn encode(&mut self, records: &RecordBatch, position: u64) -> Result<Keys<'_>, SinkError> {
        match self {
            Self::Text { prefix, column, name } => {
                let column = records.column(*column);
                check_nulls(column, name, position)?;
                let column = text(column)
                    .ok_or_else(|| SinkError::permanent(format!("column `{name}` cannot be turned into text")))?;
                Ok(Keys::Text { prefix: prefix.len(), text: prefix.clone().into_bytes(), column })
            }
            Self::Json(lines) => {
                for &column in &lines.columns {
                    check_nulls(records.column(column), records.schema_ref().field(column).name(), position)?;
                }
                lines.encode(records)?;
                Ok(Keys::Json(lines))
            }
        }
    }
}

fn check_nulls(column: &ArrayRef, name: &str, position: u64) -> Result<(), SinkError> {
    let Some(row) = (column.null_count() > 0).then(|| (0..column.len()).find(|&row| column.is_null(row))).flatten()
    else {
        return Ok(());
    };
    let row = position + row as u64;
    Err(SinkError::permanent(format!("row {row} of the list has no `{name}`, and the key of a record is never null"))
        .with_hint("choose columns without nulls for `key`"))
}

/// Rows as lines of JSON, without line ends.
#[derive(Debug)]
struct Lines {
    columns: Vec<usize>,
    encoder: LineEncoder,
    text: Vec<u8>,
    /// The end of each line in `text`.
    ends: Vec<usize>,
}

impl Lines {
    fn new(schema: &SchemaRef, columns: Vec<usize>) -> Self {
        let encoder = LineEncoder::new(project(schema, &columns));
        Self { columns, encoder, text: Vec::new(), ends: Vec::new() }
    }

    /// Replaces the lines by those of `records`.
    fn encode(&mut self, records: &RecordBatch) -> Result<(), SinkError> {
        let records = records.project(&self.columns).map_err(|error| {
            SinkError::permanent("a batch does not have the columns of its list").with_source(error)
        })?;
        let Self { encoder, text, ends, .. } = self;
        text.clear();
        encoder.encode(&records, |lines| {
            text.extend_from_slice(lines);
            Ok(())
        })?;
        ends.clear();
        // JSON escapes a line end within a text, so every line end here is the end of a row.
        ends.extend(memchr::memchr_iter(b'\n', text));
        Ok(())
    }

    fn get(&self, row: usize) -> &[u8] {
        let start = if row == 0 { 0 } else { self.ends[row - 1] + 1 };
        &self.text[start..self.ends[row]]
    }
}

/// Returns whether a column has a form in a message, or is not written: it may be in the key, in
/// the value, or in neither.
pub(crate) fn takes(options: &KafkaOptions, field: &Field) -> bool {
    let is_in_key = matches!(&options.key, KeyFormat::Columns(columns) if columns.contains(field.name()));
    let is_in_value = match &options.value {
        ValueFormat::None => false,
        ValueFormat::Json => true,
        ValueFormat::Columns(columns) => columns.contains(field.name()),
    };
    !(is_in_key || is_in_value) || LineEncoder::takes(field)
}

/// Checks that the columns that the options need are there, and that those of the key are text.
pub(crate) fn check(options: &KafkaOptions, context: &SinkContext) -> Result<(), SinkError> {
    let mut encoder = MessageEncoder::new(options, context)?;
    // The encoder checks the types even where there are no rows.
    encoder.encode_slice(&RecordBatch::new_empty(context.schema.clone()), &mut |_| Ok(()))
}

fn openid(schema: &Schema, prefix: String) -> Result<Key, SinkError> {
    const NAME: &str = "openid";
    let Some((column, _)) = schema.column_with_name(NAME) else {
        let message = format!("the key of a record needs the column `{NAME}`, which the sink does not receive");
        return Err(SinkError::option("key", message)
            .with_hint("add it to the sink's `columns`, or make `key` a list of those that it receives"));
    };
    Ok(Key::Text { prefix, column, name: NAME })
}

fn value_columns(options: &KafkaOptions, schema: &Schema) -> Result<Option<Vec<usize>>, SinkError> {
    match &options.value {
        ValueFormat::None => Ok(None),
        ValueFormat::Json => Ok(Some((0..schema.fields().len()).collect())),
        ValueFormat::Columns(columns) => places("value", columns, schema).map(Some),
    }
}

/// Returns the indices of the columns that an option names.
fn places(key: &str, columns: &[String], schema: &Schema) -> Result<Vec<usize>, SinkError> {
    let place = |column: &String| {
        schema.column_with_name(column).map(|(place, _)| place).ok_or_else(|| {
            let known: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
            let message = format!("`{key}` names the column `{column}`; the sink receives `{}`", known.join("`, `"));
            SinkError::option(key, message)
        })
    };
    columns.iter().map(place).collect()
}

fn project(schema: &Schema, columns: &[usize]) -> SchemaRef {
    schema.project(columns).expect("every place is one of this schema").into()
}

/// Returns a column of any kind of text as strings.
fn text(column: &ArrayRef) -> Option<StringArray> {
    match column.data_type() {
        DataType::Utf8 => Some(column.as_string().clone()),
        DataType::LargeUtf8 => Some(column.as_string::<i64>().iter().collect()),
        DataType::Utf8View => Some(column.as_string_view().iter().collect()),
        DataType::Dictionary(..) => {
            let dictionary = column.as_any_dictionary();
            text(&take(dictionary.values(), dictionary.keys(), None).ok()?)
        }
        _ => None,
    }
}

/// Returns a column of times as milliseconds since 1970.
fn milliseconds(column: &ArrayRef) -> Result<TimestampMillisecondArray, SinkError> {
    let units = |column: &ArrayRef, unit: TimeUnit| match unit {
        TimeUnit::Second => column.as_primitive::<TimestampSecondType>().unary_opt(|value| value.checked_mul(1_000)),
        TimeUnit::Millisecond => column.as_primitive::<TimestampMillisecondType>().clone(),
        TimeUnit::Microsecond => column.as_primitive::<TimestampMicrosecondType>().unary(|value| value / 1_000),
        TimeUnit::Nanosecond => column.as_primitive::<TimestampNanosecondType>().unary(|value| value / 1_000_000),
    };
    match column.data_type() {
        DataType::Timestamp(unit, _) => Ok(units(column, *unit)),
        _ => Err(SinkError::permanent("column `fetched_at` is no time")),
    }
}
