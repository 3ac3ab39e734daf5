//! What Parquet has no form for: the schema and the columns of a batch, as they are stored.
//!
//! Before it: the batch, in the types of its list. Behind it: the Parquet library's writer.
//!
//! <https://github.com/apache/parquet-format/blob/master/LogicalTypes.md>

use std::sync::Arc;

use fanout_sink::CARDINALITY;
use fanout_sink::arrow::array::{ArrayRef, AsArray, PrimitiveArray};
use fanout_sink::arrow::datatypes::{
    DataType, Field, Schema, SchemaRef, TimeUnit, TimestampMillisecondType, TimestampSecondType,
};
use parquet::arrow::ArrowSchemaConverter;
use parquet::errors::ParquetError;

/// Returns whether a column of this type can be stored.
pub(crate) fn can_store(field: &Field) -> bool {
    ArrowSchemaConverter::new().convert(&Schema::new(vec![field.clone()])).is_ok()
}

/// Returns the schema as it is written to a file: without cardinality marks, and with milliseconds
/// instead of seconds. Parquet has no times in seconds: its readers would find plain integers.
pub(crate) fn stored_schema(schema: &Schema) -> SchemaRef {
    let stored = |field: &Arc<Field>| {
        let data_type = stored_type(field.data_type());
        if data_type == *field.data_type() && !field.metadata().contains_key(CARDINALITY) {
            return Arc::clone(field);
        }
        let mut field = field.as_ref().clone().with_data_type(data_type);
        field.metadata_mut().remove(CARDINALITY);
        Arc::new(field)
    };
    Arc::new(Schema::new_with_metadata(
        schema.fields().iter().map(stored).collect::<Vec<_>>(),
        schema.metadata().clone(),
    ))
}

/// Returns a column as [`stored_schema`] has it.
///
/// # Errors
///
/// If a time is too far from 1970 for milliseconds.
pub(crate) fn stored_column(column: &ArrayRef) -> Result<ArrayRef, ParquetError> {
    let DataType::Timestamp(TimeUnit::Second, zone) = column.data_type() else { return Ok(Arc::clone(column)) };
    let milliseconds = |seconds: i64| {
        let too_far = || ParquetError::General(format!("{seconds} s after 1970 is too far for milliseconds"));
        seconds.checked_mul(1_000).ok_or_else(too_far)
    };
    let seconds = column.as_primitive::<TimestampSecondType>();
    let stored: PrimitiveArray<TimestampMillisecondType> = seconds.try_unary(milliseconds)?;
    Ok(Arc::new(stored.with_timezone_opt(zone.clone())))
}

fn stored_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Timestamp(TimeUnit::Second, zone) => DataType::Timestamp(TimeUnit::Millisecond, zone.clone()),
        other => other.clone(),
    }
}
