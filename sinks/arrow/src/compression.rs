//! How a stream is compressed, as the options say and as Arrow calls it.

use fanout_sink::arrow::ipc::CompressionType;
use fanout_sink::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

/// How the columns of a batch are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// No compression.
    #[default]
    None,
    /// LZ4 frames.
    Lz4,
    /// Zstandard.
    Zstd,
}

impl Compression {
    pub(crate) fn in_ipc(self) -> Option<CompressionType> {
        match self {
            Self::None => None,
            Self::Lz4 => Some(CompressionType::LZ4_FRAME),
            Self::Zstd => Some(CompressionType::ZSTD),
        }
    }
}
