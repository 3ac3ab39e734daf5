//! The names of one list below its root: its folder, its files, its manifest and its marker.
//!
//! Before it: `options`, `layout` and the context of the list. Behind it: the storage, which puts
//! the root in front.

use std::path::PathBuf;

use super::layout::Layout;
use super::options::FileOptions;
use crate::context::SinkContext;
use crate::error::SinkError;

/// The names of one list.
#[derive(Clone, Debug)]
pub(super) struct Names {
    layout: Layout,
    context: SinkContext,
}

impl Names {
    /// # Errors
    ///
    /// If the layout is wrong, or makes one place of two lists or of a list and its manifest.
    pub(super) fn new(options: &FileOptions, context: &SinkContext) -> Result<Self, SinkError> {
        let layout = Layout::parse(&options.layout, options.rolling)?;
        layout.check_accounts(&options.layout, context)?;
        let names = Self { layout, context: context.clone() };
        let first = names.file(0)?;
        if first == names.manifest()? || first == names.marker()? {
            let message = format!("`{first}` is the name of the manifest or the marker; choose another");
            return Err(SinkError::option("layout", message));
        }
        Ok(names)
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(super) fn context(&self) -> &SinkContext {
        &self.context
    }

    /// Returns the folder of the list, relative to the root; empty for a single file.
    pub(super) fn folder(&self) -> Result<PathBuf, SinkError> {
        self.layout.folder(&self.context)
    }

    /// Returns the name of the file of part number `part`.
    pub(super) fn file(&self, part: u32) -> Result<String, SinkError> {
        self.layout.file(&self.context, part)
    }

    /// Returns the name of the list's file; `None` if the list has a folder of its own.
    pub(super) fn single_file(&self) -> Result<Option<String>, SinkError> {
        self.layout.is_single_file().then(|| self.file(0)).transpose()
    }

    pub(super) fn manifest(&self) -> Result<String, SinkError> {
        Ok(manifest_name(self.single_file()?.as_deref()))
    }

    pub(super) fn marker(&self) -> Result<String, SinkError> {
        Ok(marker_name(self.single_file()?.as_deref()))
    }
}

/// Returns the name of a list's manifest. `single_file` is the name of the list's file, or `None`
/// if the list has a folder of its own. The manifest's name begins with an underscore, because
/// readers that scan a folder skip such files.
pub(super) fn manifest_name(single_file: Option<&str>) -> String {
    single_file.map_or_else(|| "_manifest.json".to_owned(), |file| format!("_{file}.manifest.json"))
}

/// Returns the name of a list's marker, as [`manifest_name`] does that of its manifest.
pub(super) fn marker_name(single_file: Option<&str>) -> String {
    single_file.map_or_else(|| "_SUCCESS".to_owned(), |file| format!("_{file}.SUCCESS"))
}
