//! The `parquet` sink: a list as [Apache Parquet](https://parquet.apache.org/docs/file-format/), in
//! a folder of files or a single file. The engine's batches come in; the bytes of each file go into
//! staging.
//!
//! [`fanout_sink::files`] publishes the files (staging, manifest, marker, one step). This crate
//! chooses how columns are stored (`stored`, `properties`), makes the bytes of a file
//! ([`PartEncoder`]), and decides when a file ends (`sink`).

mod factory;
mod options;
mod part;
mod properties;
mod sink;
mod stored;
#[cfg(test)]
mod tests;

pub use factory::ParquetFactory;
pub use options::{ColumnEncoding, Compression, ParquetOptions};
pub use part::PartEncoder;
pub use properties::writer_properties;
pub use sink::ParquetSink;
