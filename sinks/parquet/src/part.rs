//! Encodes batches as the bytes of one Parquet file: `properties` chooses how, and the writer
//! behind it gets the bytes.

use std::fmt;
use std::io::Write;
use std::sync::Arc;

use fanout_sink::SinkError;
use fanout_sink::arrow::array::RecordBatchOptions;
use fanout_sink::arrow::datatypes::{Schema, SchemaRef};
use fanout_sink::arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;

use crate::options::ParquetOptions;
use crate::properties::writer_properties;
use crate::stored::{stored_column, stored_schema};

/// Encodes batches of one schema as one Parquet file, as the `parquet` sink does: encodings by type
/// and cardinality, row groups by rows and bytes. The bytes go to any writer; the caller decides
/// where they lie and when they become visible.
///
/// Equal batches make equal bytes.
///
/// ```
/// use std::sync::Arc;
///
/// use fanout_sink::arrow::array::{ArrayRef, StringArray};
/// use fanout_sink::arrow::record_batch::RecordBatch;
/// use fanout_sink_parquet::{ParquetOptions, PartEncoder};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let openids: ArrayRef = Arc::new(StringArray::from(vec!["o1", "o2"]));
/// let batch = RecordBatch::try_from_iter([("openid", openids)])?;
///
/// // The root in the options is not used: no file is written.
/// let mut part = PartEncoder::new(&batch.schema(), &ParquetOptions::new("out"), Vec::new())?;
/// part.write(&batch)?;
/// assert_eq!(part.rows(), 2);
/// let file: Vec<u8> = part.finish([("origin".to_owned(), "an example".to_owned())])?;
/// assert!(file.ends_with(b"PAR1"));
/// # Ok(())
/// # }
/// ```
pub struct PartEncoder<W: Write + Send> {
    writer: ArrowWriter<W>,
    schema: SchemaRef,
    rows: u64,
}

impl<W: Write + Send> PartEncoder<W> {
    /// Begins a file with the columns of `schema`, which may have cardinality marks. `out` receives
    /// the bytes.
    ///
    /// # Errors
    ///
    /// If the options are wrong, a column cannot be stored in Parquet, or `out` fails.
    pub fn new(schema: &Schema, options: &ParquetOptions, out: W) -> Result<Self, SinkError> {
        let (properties, schema) = (writer_properties(schema, options)?, stored_schema(schema));
        let writer = ArrowWriter::try_new(out, Arc::clone(&schema), Some(properties))
            .map_err(|error| SinkError::permanent("cannot begin a Parquet file").with_source(error))?;
        Ok(Self { writer, schema, rows: 0 })
    }

    /// Adds rows. A row group is held in memory until it is full.
    ///
    /// # Errors
    ///
    /// If `records` does not have the columns of the schema, or the writer fails. The file cannot
    /// be finished then.
    pub fn write(&mut self, records: &RecordBatch) -> Result<(), ParquetError> {
        let options = RecordBatchOptions::new().with_row_count(Some(records.num_rows()));
        let columns = records.columns().iter().map(stored_column).collect::<Result<_, _>>()?;
        self.writer.write(&RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)?;
        self.rows += records.num_rows() as u64;
        Ok(())
    }

    /// Returns the number of rows that were added.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Returns the size of the file so far: the bytes that were written, and an estimate for the
    /// open row group.
    pub fn bytes(&self) -> u64 {
        (self.writer.bytes_written() + self.writer.in_progress_size()) as u64
    }

    /// Returns the writer.
    pub fn out(&self) -> &W {
        self.writer.inner()
    }

    /// Ends the file with its footer, which has `metadata` as pairs of key and text, and returns
    /// the writer.
    ///
    /// # Errors
    ///
    /// If the writer fails.
    pub fn finish(mut self, metadata: impl IntoIterator<Item = (String, String)>) -> Result<W, ParquetError> {
        for (key, value) in metadata {
            self.writer.append_key_value_metadata(KeyValue::new(key, value));
        }
        self.writer.into_inner()
    }
}

impl<W: Write + Send> fmt::Debug for PartEncoder<W> {
    /// Leaves the rows out: they are personal data.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PartEncoder").field("rows", &self.rows).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use fanout_sink::arrow::array::{ArrayRef, Int64Array};
    use fanout_sink::arrow::compute::concat_batches;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    fn numbers(rows: std::ops::Range<i64>) -> RecordBatch {
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values(rows));
        RecordBatch::try_from_iter([("number", column)]).unwrap()
    }

    fn encoded(batches: &[RecordBatch]) -> Vec<u8> {
        let options = ParquetOptions { row_group_rows: 300, ..ParquetOptions::new("out") };
        let mut part = PartEncoder::new(&batches[0].schema(), &options, Vec::new()).unwrap();
        for batch in batches {
            part.write(batch).unwrap();
        }
        assert_eq!(part.rows(), 1_000);
        part.finish([("key".to_owned(), "value".to_owned())]).unwrap()
    }

    #[test]
    fn what_was_encoded_is_read_back_and_equal_batches_make_equal_bytes() {
        let (whole, batches) = (numbers(0..1_000), [numbers(0..1), numbers(1..700), numbers(700..1_000)]);
        let bytes = encoded(&batches);
        assert_eq!(bytes, encoded(&batches));
        let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes)).unwrap();
        assert_eq!(reader.metadata().num_row_groups(), 4);
        let metadata = reader.metadata().file_metadata().key_value_metadata().unwrap();
        assert!(metadata.contains(&KeyValue::new("key".to_owned(), "value".to_owned())));
        let batches = reader.build().unwrap().collect::<Result<Vec<_>, _>>().unwrap();
        assert_eq!(concat_batches(&whole.schema(), &batches).unwrap(), whole);
    }

    #[test]
    fn a_batch_of_other_columns_is_refused() {
        let mut part = PartEncoder::new(&numbers(0..1).schema(), &ParquetOptions::new("out"), Vec::new()).unwrap();
        let empty = RecordBatch::new_empty(Arc::new(Schema::empty()));
        part.write(&empty).unwrap_err();
    }
}
