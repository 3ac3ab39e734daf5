//! What a pipeline file says about the files of a sink.

use std::path::PathBuf;

/// What every sink that writes files is told in its options.
#[derive(Clone, Debug)]
pub struct FileOptions {
    /// The folder that all output goes to, as it stands in the options.
    pub root: PathBuf,
    /// The template of a path below `root`.
    pub layout: String,
    /// Whether a list may become more than one file.
    pub rolling: bool,
}
