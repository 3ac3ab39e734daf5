//! Finds the columns of a batch whose rows all have the same value; `row` writes such a value once,
//! as part of the text between the others.

use fanout_sink::arrow::array::{Array, ArrayRef, AsArray, GenericStringArray, OffsetSizeTrait};
use fanout_sink::arrow::datatypes::DataType;

/// Returns whether every row has the value of the first one. `true` is always right; `false` may be
/// wrong, because equal string views can point to different places.
///
/// It compares the values with themselves, shifted by one: one comparison of memory, which ends at
/// the first difference.
pub(crate) fn is_constant(column: &ArrayRef) -> bool {
    if column.is_empty() {
        return false;
    }
    match column.null_count() {
        0 => {}
        nulls => return nulls == column.len(),
    }
    match column.data_type() {
        DataType::Utf8 => strings_are_equal(column.as_string::<i32>()),
        DataType::LargeUtf8 => strings_are_equal(column.as_string::<i64>()),
        DataType::Utf8View => repeats(column.as_string_view().views().inner(), size_of::<u128>()),
        DataType::Boolean => matches!(column.as_boolean().true_count(), trues if trues == 0 || trues == column.len()),
        DataType::Null => true,
        data_type => data_type.primitive_width().is_some_and(|width| {
            let data = column.to_data();
            let start = data.offset() * width;
            repeats(&data.buffers()[0][start..start + data.len() * width], width)
        }),
    }
}

/// Returns whether `bytes` repeat their first `width` bytes.
fn repeats(bytes: &[u8], width: usize) -> bool {
    bytes[width..] == bytes[..bytes.len() - width]
}

fn strings_are_equal<O: OffsetSizeTrait>(column: &GenericStringArray<O>) -> bool {
    let offsets = column.value_offsets();
    let length = offsets[1] - offsets[0];
    let range = offsets[0].as_usize()..offsets[offsets.len() - 1].as_usize();
    // The bytes first: in a column that varies they differ early.
    repeats(&column.value_data()[range], length.as_usize())
        && offsets.windows(2).all(|pair| pair[1] - pair[0] == length)
}
