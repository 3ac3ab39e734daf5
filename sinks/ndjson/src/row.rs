//! Rows to lines.

use fanout_sink::SinkError;
use fanout_sink::arrow::datatypes::{Schema, SchemaRef};
use fanout_sink::arrow::record_batch::RecordBatch;

use crate::column::{check_field, encoder, plain, quote};

/// Lines are handed on in pieces of about this size, each of whole lines.
pub(crate) const PIECE_BYTES: usize = 64 * 1024;

/// Turns batches of one schema into lines.
#[derive(Debug)]
pub(crate) struct RowEncoder {
    schema: SchemaRef,
    /// What stands before each value: `{"first":`, `,"second":` …
    keys: Vec<Vec<u8>>,
    lines: Vec<u8>,
}

/// Makes sure that every column has a place in JSON.
pub(crate) fn check_schema(schema: &Schema) -> Result<(), SinkError> {
    schema.fields().iter().try_for_each(|field| check_field(field))
}

impl RowEncoder {
    pub(crate) fn new(schema: SchemaRef) -> Self {
        let key = |(index, name): (usize, &String)| {
            let mut key = vec![if index == 0 { b'{' } else { b',' }];
            quote(name, &mut key);
            key.push(b':');
            key
        };
        let keys = schema.fields().iter().map(|field| field.name()).enumerate().map(key).collect();
        Self { schema, keys, lines: Vec::with_capacity(2 * PIECE_BYTES) }
    }

    /// Hands the lines of `records` to `write`, in pieces of whole lines.
    pub(crate) fn encode(
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
        let encoders = columns.iter().zip(fields).map(|(column, field)| encoder(column, field));
        let mut encoders = encoders.collect::<Result<Vec<_>, _>>()?;
        self.lines.clear();
        for row in 0..records.num_rows() {
            if encoders.is_empty() {
                self.lines.push(b'{');
            }
            for (key, encoder) in self.keys.iter().zip(&mut encoders) {
                self.lines.extend_from_slice(key);
                encoder.encode(row, &mut self.lines);
            }
            self.lines.extend_from_slice(b"}\n");
            if self.lines.len() >= PIECE_BYTES {
                write(&self.lines)?;
                self.lines.clear();
            }
        }
        if self.lines.is_empty() { Ok(()) } else { write(&self.lines) }
    }
}
