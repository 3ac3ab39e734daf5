//! The keys of `[sinks.<name>.options]` for `type = "arrow"`, and the streams that are open under
//! them. A pipeline file stands before it, [`factory`](crate::factory) behind it.

use std::path::PathBuf;

use fanout_sink::schemars::{self, JsonSchema};
use serde::Deserialize;

use crate::compression::Compression;
use crate::place::is_stdout;
use crate::streams::Streams;

/// The options of an `arrow` sink.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArrowOptions {
    /// Where the stream goes: `-` is stdout; else a file, or a pipe that `mkfifo` has made;
    /// relative to the pipeline file. A file is written anew in each run.
    #[serde(deserialize_with = "fanout_sink::local_path")]
    #[schemars(example = "-")]
    pub path: PathBuf,
    /// How the columns of a batch are compressed: `none`, `lz4` or `zstd`. Readers notice it by
    /// themselves. Default `none`.
    #[serde(default)]
    pub compression: Compression,
    /// Options are read once a run, so these are the streams of one run.
    #[serde(skip)]
    pub(crate) streams: Streams,
}

impl ArrowOptions {
    /// Makes options for a stream without compression; `-` is stdout.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), compression: Compression::None, streams: Streams::default() }
    }

    pub(crate) fn is_stdout(&self) -> bool {
        is_stdout(&self.path)
    }
}
