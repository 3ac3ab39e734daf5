//! The `ndjson` sink: a list as newline-delimited JSON, one row a line, in files or on stdout.
//!
//! Keys stand in the order of the columns, lines end with LF, text is UTF-8: equal rows are equal bytes. Publishing
//! of files (staging, manifest, marker, the one rename) is [`fanout_sink::files`].

mod column;
mod compressor;
mod constant;
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
