//! The `ndjson` sink: a list as newline-delimited JSON, one row a line, in files or on stdout. The
//! engine's batches come in; [`LineEncoder`] makes the lines, which then go through a compressor
//! into a staged file.
//!
//! Keys have the order of the columns, lines end with LF, text is UTF-8: equal rows make equal
//! bytes. [`fanout_sink::files`] publishes the files (staging, manifest, marker, one step).

mod column;
mod compressor;
mod constant;
mod digits;
mod factory;
mod options;
mod plain;
mod row;
mod sink;
#[cfg(test)]
mod tests;
mod text;
mod time;

pub use factory::NdjsonFactory;
pub use options::{Compression, NdjsonOptions};
pub use row::LineEncoder;
pub use sink::NdjsonSink;
