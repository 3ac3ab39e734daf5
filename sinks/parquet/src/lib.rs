//! The `parquet` sink: a list as Apache Parquet, a folder of files or a single one.
//!
//! Publishing (staging, manifest, marker, the one rename) is [`fanout_sink::files`]; this crate decides how columns
//! are stored (`properties`), makes the bytes of a file ([`PartEncoder`]), and decides when a file ends (`sink`).

mod factory;
mod options;
mod part;
mod properties;
mod sink;
#[cfg(test)]
mod tests;

pub use factory::ParquetFactory;
pub use options::{Compression, ParquetOptions};
pub use part::PartEncoder;
pub use properties::writer_properties;
pub use sink::ParquetSink;
