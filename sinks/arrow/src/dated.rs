//! The column `dt`: a run may deliver an account's lists of two dates, and their rows are told
//! apart by it. The batches of the engine stand before it, [`stream`](crate::stream) behind it.

use std::sync::Arc;

use fanout_sink::SinkError;
use fanout_sink::arrow::array::{ArrayRef, Date32Array};
use fanout_sink::arrow::datatypes::{DataType, Date32Type, Field, Schema, SchemaRef};
use fanout_sink::arrow::record_batch::RecordBatch;
use fanout_sink::chrono::NaiveDate;

/// The name of the column.
pub(crate) const DT: &str = "dt";

/// Returns the columns of the stream: those of the list, and behind them `dt`.
pub(crate) fn dated_schema(schema: &Schema) -> SchemaRef {
    let dt = Arc::new(Field::new(DT, DataType::Date32, false));
    let fields = schema.fields().iter().cloned().chain([dt]);
    Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone()))
}

/// Adds the date of its list to a batch; `schema` is that of the stream.
pub(crate) fn dated(records: &RecordBatch, date: NaiveDate, schema: &SchemaRef) -> Result<RecordBatch, SinkError> {
    let dt: ArrayRef = Arc::new(Date32Array::from_value(Date32Type::from_naive_date(date), records.num_rows()));
    let columns = records.columns().iter().cloned().chain([dt]).collect();
    RecordBatch::try_new(Arc::clone(schema), columns)
        .map_err(|error| SinkError::permanent("a batch has other columns than its list").with_source(error))
}
