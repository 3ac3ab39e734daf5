//! The options that every sink of files has.
//!
//! Before it: a sink's own options. Behind it: `layout` and `storage`.

use crate::root::Root;

/// The options of the output of a sink that writes files.
#[derive(Clone, Debug)]
pub struct FileOptions {
    /// The place of all output, as given in the options.
    pub root: Root,
    /// The template of a path below `root`.
    pub layout: String,
    /// Whether a list may become more than one file.
    pub rolling: bool,
}
