//! Converts a column to a type that has an encoder: a dictionary to its values; a date, a time or a
//! decimal to text. (As text a decimal keeps every digit, also in a reader that parses numbers as
//! floats.) The batch stands before it, `column` behind it.

use std::sync::Arc;

use fanout_sink::SinkError;
use fanout_sink::arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray, StringArray};
use fanout_sink::arrow::compute::take;
use fanout_sink::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    Field, Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimeUnit,
};

/// Returns the column in a type that [`encoder`](crate::column::encoder) accepts.
pub(crate) fn plain(column: &ArrayRef, field: &Field) -> Result<ArrayRef, SinkError> {
    let column = match column.as_any_dictionary_opt() {
        Some(dictionary) => take(dictionary.values(), dictionary.keys(), None).map_err(|error| {
            let message = format!("the dictionary of column `{}` cannot be read", field.name());
            SinkError::permanent(message).with_source(error)
        })?,
        None => Arc::clone(column),
    };
    // Dates and times are in ISO 8601, as chrono's `Debug` writes them.
    let texts = match column.data_type() {
        DataType::Date32 => texts::<Date32Type>(&column, |column, row| shown(column.value_as_date(row))),
        DataType::Date64 => texts::<Date64Type>(&column, |column, row| shown(column.value_as_datetime(row))),
        DataType::Time32(TimeUnit::Second) => {
            texts::<Time32SecondType>(&column, |column, row| shown(column.value_as_time(row)))
        }
        DataType::Time32(_) => texts::<Time32MillisecondType>(&column, |column, row| shown(column.value_as_time(row))),
        DataType::Time64(TimeUnit::Microsecond) => {
            texts::<Time64MicrosecondType>(&column, |column, row| shown(column.value_as_time(row)))
        }
        DataType::Time64(_) => texts::<Time64NanosecondType>(&column, |column, row| shown(column.value_as_time(row))),
        DataType::Decimal32(..) => texts::<Decimal32Type>(&column, |column, row| Some(column.value_as_string(row))),
        DataType::Decimal64(..) => texts::<Decimal64Type>(&column, |column, row| Some(column.value_as_string(row))),
        DataType::Decimal128(..) => texts::<Decimal128Type>(&column, |column, row| Some(column.value_as_string(row))),
        DataType::Decimal256(..) => texts::<Decimal256Type>(&column, |column, row| Some(column.value_as_string(row))),
        _ => return Ok(column),
    };
    texts.map_err(|row| {
        let (name, data_type) = (field.name(), field.data_type());
        SinkError::permanent(format!(
            "row {row} of a batch has no date or time in column `{name}` of type `{data_type}`"
        ))
    })
}

/// Converts each value to text.
///
/// # Errors
///
/// The number of the first row whose value has no text.
fn texts<T: ArrowPrimitiveType>(
    column: &ArrayRef,
    text: impl Fn(&PrimitiveArray<T>, usize) -> Option<String>,
) -> Result<ArrayRef, usize> {
    let column = column.as_primitive::<T>();
    let text = |row| column.is_valid(row).then(|| text(column, row).ok_or(row)).transpose();
    let texts: StringArray = (0..column.len()).map(text).collect::<Result<_, usize>>()?;
    Ok(Arc::new(texts))
}

fn shown(value: Option<impl std::fmt::Debug>) -> Option<String> {
    value.map(|value| format!("{value:?}"))
}

#[cfg(test)]
mod tests {
    use arrow::compute::cast;
    use fanout_sink::arrow::array::{
        Date32Array, Date64Array, Decimal32Array, Decimal256Array, DictionaryArray, Time32MillisecondArray,
        Time32SecondArray, Time64MicrosecondArray, Time64NanosecondArray,
    };
    use fanout_sink::arrow::datatypes::{Int8Type, i256};

    use super::*;

    fn plain_of(column: &ArrayRef) -> Result<ArrayRef, SinkError> {
        plain(column, &Field::new("value", column.data_type().clone(), true))
    }

    #[test]
    fn the_texts_are_those_of_arrow() {
        let columns: [ArrayRef; 9] = [
            Arc::new(Date32Array::from(vec![Some(0), None, Some(-800_000), Some(3_000_000)])),
            Arc::new(Date64Array::from(vec![Some(0), None, Some(-1), Some(86_400_001)])),
            Arc::new(Time32SecondArray::from(vec![Some(0), None, Some(86_399)])),
            Arc::new(Time32MillisecondArray::from(vec![Some(0), Some(86_399_999), None])),
            Arc::new(Time64MicrosecondArray::from(vec![Some(1), Some(86_399_999_999), None])),
            Arc::new(Time64NanosecondArray::from(vec![Some(1), Some(1_000_000), None])),
            Arc::new(Decimal32Array::from(vec![Some(-5), None]).with_precision_and_scale(9, 2).unwrap()),
            Arc::new(Decimal256Array::from(vec![Some(i256::MAX), None])),
            Arc::new(["a", "b", "a"].into_iter().map(Some).chain([None]).collect::<DictionaryArray<Int8Type>>()),
        ];
        for column in &columns {
            let expected = cast(column, &DataType::Utf8).unwrap();
            assert_eq!(plain_of(column).unwrap().as_ref(), expected.as_ref(), "{}", column.data_type());
        }
    }

    #[test]
    fn a_value_that_is_no_date_is_an_error_and_never_a_null() {
        let column: ArrayRef = Arc::new(Date64Array::from(vec![0, i64::MAX]));
        let error = plain_of(&column).unwrap_err().to_string();
        assert!(error.contains("row 1") && error.contains("`value`"), "{error}");
    }
}
