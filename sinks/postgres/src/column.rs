//! Converts Arrow types and values to Postgres types and values.

use std::error::Error;

use arrow_cast::cast;
use fanout_sink::SinkError;
use fanout_sink::arrow::array::types::{
    Date32Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use fanout_sink::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, ListArray, PrimitiveArray, RecordBatch, StringArray,
};
use fanout_sink::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, Kind, ToSql, Type, to_sql_checked};

use crate::sql::Identifier;

/// The columns by which the table is partitioned: app id, list and date. The table always has them,
/// even if the sink's `columns` do not.
pub(crate) const KEY_COLUMNS: [&str; 3] = [APP_ID, "list", "dt"];

/// The only key column that a list may have itself.
pub(crate) const APP_ID: &str = "app_id";

/// From 1970, Arrow's epoch, to 2000, that of Postgres.
const DAYS_TO_2000: i32 = 10_957;
const MICROSECONDS_TO_2000: i64 = DAYS_TO_2000 as i64 * 86_400_000_000;

/// A column of the list, as the table has it.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: Identifier,
    pub(crate) kind: Type,
    nullable: bool,
}

impl Column {
    /// Returns the columns of a list.
    pub(crate) fn all(schema: &Schema) -> Result<Vec<Self>, SinkError> {
        schema.fields().iter().map(|field| Self::new(field)).collect()
    }

    fn new(field: &Field) -> Result<Self, SinkError> {
        let name = field.name();
        let is_app_id = name == APP_ID && field.data_type() == &DataType::Utf8;
        if KEY_COLUMNS.contains(&name.as_str()) && !is_app_id {
            let message = format!("the list has a column `{name}`, which is a key column that this sink fills");
            return Err(SinkError::permanent(message).with_hint("leave it out with `columns`"));
        }
        let kind = kind_of(field.data_type()).ok_or_else(|| SinkError::column_type(field))?;
        Ok(Self { name: Identifier(name.clone()), kind, nullable: field.is_nullable() })
    }

    /// Returns the column's definition in `CREATE TABLE`.
    pub(crate) fn definition(&self) -> String {
        format!("{} {}{}", self.name, self.sql_type(), if self.nullable { "" } else { " NOT NULL" })
    }

    /// Returns the column's type as a statement names it: `int4`, `int4[]`.
    pub(crate) fn sql_type(&self) -> String {
        match self.kind.kind() {
            Kind::Array(item) => format!("{}[]", item.name()),
            _ => self.kind.name().to_owned(),
        }
    }
}

/// Returns the Postgres type that holds every value of an Arrow type; `None` if there is none.
pub(crate) fn kind_of(kind: &DataType) -> Option<Type> {
    Some(match kind {
        DataType::Boolean => Type::BOOL,
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => Type::INT2,
        DataType::Int32 | DataType::UInt16 => Type::INT4,
        DataType::Int64 | DataType::UInt32 => Type::INT8,
        DataType::Float32 => Type::FLOAT4,
        DataType::Float64 => Type::FLOAT8,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Type::TEXT,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Type::BYTEA,
        DataType::Date32 => Type::DATE,
        DataType::Timestamp(_, Some(_)) => Type::TIMESTAMPTZ,
        DataType::Timestamp(_, None) => Type::TIMESTAMP,
        DataType::List(item) if item.data_type() == &DataType::Int32 => Type::INT4_ARRAY,
        DataType::Dictionary(_, values) => return kind_of(values),
        _ => return None,
    })
}

/// The values of one column of a batch.
#[derive(Debug)]
pub(crate) enum Values {
    Bool(BooleanArray),
    Int2(PrimitiveArray<Int16Type>),
    Int4(PrimitiveArray<Int32Type>),
    Int8(PrimitiveArray<Int64Type>),
    Float4(PrimitiveArray<Float32Type>),
    Float8(PrimitiveArray<Float64Type>),
    Text(StringArray),
    Bytes(BinaryArray),
    Date(PrimitiveArray<Date32Type>),
    Instant(PrimitiveArray<TimestampMicrosecondType>),
    Int4s(ListArray),
}

impl Values {
    /// Returns the values of every column of a batch.
    pub(crate) fn of(records: &RecordBatch, columns: &[Column]) -> Result<Vec<Self>, SinkError> {
        columns.iter().zip(records.columns()).map(|(column, values)| Self::new(column, values)).collect()
    }

    fn new(column: &Column, values: &ArrayRef) -> Result<Self, SinkError> {
        // A cast to the same type copies nothing.
        let to = |kind: &DataType| {
            cast(values, kind).map_err(|error| {
                SinkError::permanent(format!("the column {} cannot be converted", column.name)).with_source(error)
            })
        };
        Ok(match column.kind {
            Type::BOOL => Self::Bool(to(&DataType::Boolean)?.as_boolean().clone()),
            Type::INT2 => Self::Int2(to(&DataType::Int16)?.as_primitive().clone()),
            Type::INT4 => Self::Int4(to(&DataType::Int32)?.as_primitive().clone()),
            Type::INT8 => Self::Int8(to(&DataType::Int64)?.as_primitive().clone()),
            Type::FLOAT4 => Self::Float4(to(&DataType::Float32)?.as_primitive().clone()),
            Type::FLOAT8 => Self::Float8(to(&DataType::Float64)?.as_primitive().clone()),
            Type::BYTEA => Self::Bytes(to(&DataType::Binary)?.as_binary().clone()),
            Type::DATE => Self::Date(to(&DataType::Date32)?.as_primitive().clone()),
            Type::TIMESTAMP | Type::TIMESTAMPTZ => {
                let zone = match values.data_type() {
                    DataType::Timestamp(_, zone) => zone.clone(),
                    _ => None,
                };
                Self::Instant(to(&DataType::Timestamp(TimeUnit::Microsecond, zone))?.as_primitive().clone())
            }
            Type::INT4_ARRAY => Self::Int4s(values.as_list().clone()),
            _ => Self::Text(to(&DataType::Utf8)?.as_string().clone()),
        })
    }

    /// Returns the value of one row.
    pub(crate) fn cell(&self, row: usize) -> Cell<'_> {
        Cell { values: self, row }
    }

    fn is_null(&self, row: usize) -> bool {
        match self {
            Self::Bool(values) => values.is_null(row),
            Self::Int2(values) => values.is_null(row),
            Self::Int4(values) => values.is_null(row),
            Self::Int8(values) => values.is_null(row),
            Self::Float4(values) => values.is_null(row),
            Self::Float8(values) => values.is_null(row),
            Self::Text(values) => values.is_null(row),
            Self::Bytes(values) => values.is_null(row),
            Self::Date(values) => values.is_null(row),
            Self::Instant(values) => values.is_null(row),
            Self::Int4s(values) => values.is_null(row),
        }
    }
}

/// One value, to be encoded for Postgres.
#[derive(Debug)]
pub(crate) struct Cell<'a> {
    values: &'a Values,
    row: usize,
}

impl ToSql for Cell<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let row = self.row;
        if self.values.is_null(row) {
            return Ok(IsNull::Yes);
        }
        match self.values {
            Values::Bool(values) => values.value(row).to_sql(kind, out),
            Values::Int2(values) => values.value(row).to_sql(kind, out),
            Values::Int4(values) => values.value(row).to_sql(kind, out),
            Values::Int8(values) => values.value(row).to_sql(kind, out),
            Values::Float4(values) => values.value(row).to_sql(kind, out),
            Values::Float8(values) => values.value(row).to_sql(kind, out),
            Values::Bytes(values) => values.value(row).to_sql(kind, out),
            Values::Text(values) => match values.value(row) {
                // Postgres cannot hold U+0000.
                text if text.contains('\0') => text.replace('\0', "\u{fffd}").to_sql(kind, out),
                text => text.to_sql(kind, out),
            },
            Values::Int4s(values) => {
                let items: Vec<Option<i32>> = values.value(row).as_primitive::<Int32Type>().iter().collect();
                items.to_sql(kind, out)
            }
            // The wire format is an integer, counted from 2000.
            Values::Date(values) => wire(values.value(row).checked_sub(DAYS_TO_2000), kind, out),
            Values::Instant(values) => wire(values.value(row).checked_sub(MICROSECONDS_TO_2000), kind, out),
        }
    }

    fn accepts(_kind: &Type) -> bool {
        // Each cell is made for the type of its column.
        true
    }

    to_sql_checked!();
}

fn wire<T: ToSql>(value: Option<T>, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
    value.ok_or("a date that is too early for Postgres")?.to_sql(kind, out)
}
