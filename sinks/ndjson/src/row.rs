//! Encodes the rows of a batch as lines: the encoders of the columns stand before it, the file,
//! stdout or a Kafka record behind it.

use fanout_sink::SinkError;
use fanout_sink::arrow::array::ArrayRef;
use fanout_sink::arrow::datatypes::{Field, SchemaRef};
use fanout_sink::arrow::record_batch::RecordBatch;

use crate::column::{Encode, Encoder, encoder, is_written};
use crate::constant::is_constant;
use crate::plain::plain;
use crate::text::{Fragment, put_quoted};

/// The size of a piece of whole lines, roughly.
pub(crate) const PIECE_BYTES: usize = 64 * 1024;

/// Encodes batches of one schema as lines of JSON, one for each row.
///
/// A line has the bytes that `serde_json` writes for the same keys and values.
#[derive(Debug)]
pub struct LineEncoder {
    schema: SchemaRef,
    /// The text before each value: `{"first":`, `,"second":` …
    keys: Vec<Vec<u8>>,
    /// The piece, and then what an earlier one left.
    lines: Vec<u8>,
}

/// One part of a line: text that every row has, and the value after it.
struct Step<'a> {
    before: Fragment,
    values: Box<dyn Encode + 'a>,
}

impl LineEncoder {
    /// Returns an encoder for batches of `schema`.
    pub fn new(schema: SchemaRef) -> Self {
        let key = |(index, name): (usize, &String)| {
            let mut key = vec![if index == 0 { b'{' } else { b',' }];
            let end = put_quoted(name.as_bytes(), &mut key, 1);
            key.truncate(end);
            key.push(b':');
            key
        };
        let keys = schema.fields().iter().map(|field| field.name()).enumerate().map(key).collect();
        Self { schema, keys, lines: vec![0; 2 * PIECE_BYTES] }
    }

    /// Returns whether the values of `field` can be written as JSON, by its type: numbers, text,
    /// booleans, dates and times, dictionaries of these, and lists of numbers, text, booleans or
    /// timestamps.
    pub fn takes(field: &Field) -> bool {
        is_written(field.data_type())
    }

    /// Passes the lines of `records` to `write`, in pieces of whole lines.
    ///
    /// # Errors
    ///
    /// If `records` has other columns than the schema, or a type that cannot be written as JSON; or
    /// an error of `write`.
    pub fn encode(
        &mut self,
        records: &RecordBatch,
        mut write: impl FnMut(&[u8]) -> Result<(), SinkError>,
    ) -> Result<(), SinkError> {
        let fields = self.schema.fields();
        if records.num_columns() != fields.len() {
            let message = format!("a batch has {} columns; its list has {}", records.num_columns(), fields.len());
            return Err(SinkError::permanent(message));
        }
        let columns = records.columns().iter().zip(fields).map(|(column, field)| plain(column, field));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let (mut steps, end) = self.steps(&columns)?;
        let mut at = 0;
        for row in 0..records.num_rows() {
            for Step { before, values } in &mut steps {
                at = before.put(&mut self.lines, at);
                at = values.put(row, &mut self.lines, at);
            }
            at = end.put(&mut self.lines, at);
            if at >= PIECE_BYTES {
                write(&self.lines[..at])?;
                at = 0;
            }
        }
        if at == 0 { Ok(()) } else { write(&self.lines[..at]) }
    }

    /// Returns the steps that write a row, and the end of its line. Keys, punctuation and the
    /// values of constant columns become the text between the steps; only a column that varies is a
    /// step.
    fn steps<'a>(&self, columns: &'a [ArrayRef]) -> Result<(Vec<Step<'a>>, Fragment), SinkError> {
        let mut steps = Vec::with_capacity(columns.len());
        let mut text = if columns.is_empty() { b"{".to_vec() } else { Vec::new() };
        for ((column, field), key) in columns.iter().zip(self.schema.fields()).zip(&self.keys) {
            let Encoder { quoted, mut values } = encoder(column, field)?;
            let quote: &[u8] = if quoted { b"\"" } else { b"" };
            text.extend_from_slice(key);
            text.extend_from_slice(quote);
            if is_constant(column) {
                let start = text.len();
                let end = values.put(0, &mut text, start);
                text.truncate(end);
            } else {
                steps.push(Step { before: Fragment::new(&text), values });
                text.clear();
            }
            text.extend_from_slice(quote);
        }
        text.extend_from_slice(b"}\n");
        Ok((steps, Fragment::new(&text)))
    }
}
