//! `compression`: how batches are compressed.

use fanout_sink::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

/// How batches are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// No compression.
    None,
    /// gzip.
    Gzip,
    /// Snappy, in the frames of its Java library.
    Snappy,
    /// LZ4, in its frame format.
    Lz4,
    /// Zstandard.
    #[default]
    Zstd,
}
