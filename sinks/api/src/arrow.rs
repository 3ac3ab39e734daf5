//! The parts of [Arrow](https://arrow.apache.org) that a sink needs, under their paths in the crate
//! [`arrow`](https://docs.rs/arrow). The rows of every [`Batch`](crate::Batch) are of these types.
//!
//! This crate does not depend on `arrow` itself, because that compiles kernels that no sink calls:
//! arithmetic, comparison, casts and regular expressions, a quarter of a first build. A sink that
//! calls one of them depends on `arrow`, or on the crate of that kernel, in the same version; the
//! types are the same.

/// Arrays, their builders, iterators and downcasts.
pub mod array {
    pub use arrow_array::builder::*;
    pub use arrow_array::cast::*;
    pub use arrow_array::iterator::*;
    pub use arrow_array::*;
    pub use arrow_data::{ArrayData, ArrayDataBuilder, ArrayDataRef};
}

pub use arrow_buffer::buffer;
#[cfg(feature = "ipc")]
pub use arrow_ipc as ipc;

/// The kernels that select rows.
pub mod compute {
    pub use arrow_select::concat::{concat, concat_batches};
    pub use arrow_select::filter::{filter, filter_record_batch};
    pub use arrow_select::take::{take, take_record_batch};
}

/// The types of columns, and schemas.
pub mod datatypes {
    pub use arrow_array::types::*;
    pub use arrow_array::{ArrowNativeTypeOp, ArrowNumericType, ArrowPrimitiveType};
    pub use arrow_buffer::{ArrowNativeType, ToByteSlice, i256};
    pub use arrow_schema::{
        DataType, Field, FieldRef, Fields, IntervalUnit, Schema, SchemaBuilder, SchemaRef, TimeUnit, UnionFields,
        UnionMode,
    };
}

/// The error of Arrow's functions.
pub mod error {
    pub use arrow_schema::ArrowError;
}

/// Columns of equal length under a schema.
pub mod record_batch {
    pub use arrow_array::{RecordBatch, RecordBatchIterator, RecordBatchOptions, RecordBatchReader, RecordBatchWriter};
}
