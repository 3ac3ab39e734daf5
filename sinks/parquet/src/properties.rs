//! How a column is stored: by the option `encoding`, by its type, and by its cardinality mark in
//! the schema.

use fanout_sink::arrow::datatypes::{DataType, Field, Schema};
use fanout_sink::{CARDINALITY, LOW_CARDINALITY, SinkError};
use parquet::basic::Encoding;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use crate::options::{ColumnEncoding, ParquetOptions};

/// The name of the writing program in the footer.
const CREATED_BY: &str = concat!("fanout version ", env!("CARGO_PKG_VERSION"));

/// Returns the writer's settings for the columns of `schema`. The option `encoding`, the types and
/// the cardinality marks decide how each column is encoded.
///
/// # Errors
///
/// If a number in `options` is out of range.
pub fn writer_properties(schema: &Schema, options: &ParquetOptions) -> Result<WriterProperties, SinkError> {
    let builder = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_compression(options.codec()?)
        .set_max_row_group_row_count(Some(options.row_group_rows))
        .set_max_row_group_bytes(Some(usize::try_from(options.row_group_bytes.0).unwrap_or(usize::MAX)))
        // Pages and write batches keep the library's sizes: other batches gained nothing beyond the
        // noise of a run, and pages of 4 MiB saved 0.07 bytes a follower for 1.4 times the CPU time
        // (`benches/benches/parquet.rs`). No page index: it helps readers that look for single
        // values, and a list is read whole.
        .set_statistics_enabled(EnabledStatistics::Chunk)
        // As the format wants it: the item of a list is called `element`, and a date has days.
        .set_coerce_types(true)
        .set_offset_index_disabled(true);
    // For all columns at once, because a nested column has a path of its own for each leaf.
    let builder = builder.set_dictionary_enabled(options.encoding != ColumnEncoding::Plain);
    Ok(schema.fields().iter().fold(builder, |builder, field| store(builder, field, options.encoding)).build())
}

/// Chooses the encoding of one column. Other types keep the Parquet library's defaults.
fn store(builder: WriterPropertiesBuilder, field: &Field, encoding: ColumnEncoding) -> WriterPropertiesBuilder {
    // Positions and times rise in small steps: as deltas they take almost no space.
    let (text, integer) = match encoding {
        ColumnEncoding::Mixed => (Encoding::PLAIN, Encoding::DELTA_BINARY_PACKED),
        ColumnEncoding::Plain => (Encoding::PLAIN, Encoding::PLAIN),
        ColumnEncoding::Delta => (Encoding::DELTA_BYTE_ARRAY, Encoding::DELTA_BINARY_PACKED),
    };
    let column = ColumnPath::from(field.name().as_str());
    let has_few_values = field.metadata().get(CARDINALITY).is_some_and(|value| value == LOW_CARDINALITY);
    match field.data_type() {
        // The dictionary of all columns.
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View if has_few_values => builder,
        // No dictionary: values that vary from row to row overflow it. No statistics: the smallest
        // and largest of random strings prune nothing, and cost a tenth of the time to find.
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => builder
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column.clone(), text)
            .set_column_statistics_enabled(column, EnabledStatistics::None),
        // Also with few values: a difference takes less time than the search in a dictionary.
        DataType::Int32 | DataType::Int64 | DataType::UInt32 | DataType::UInt64 | DataType::Timestamp(..) => {
            builder.set_column_dictionary_enabled(column.clone(), false).set_column_encoding(column, integer)
        }
        _ => builder,
    }
}
