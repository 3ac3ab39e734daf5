//! The error of a move between staging and the place where lists are published, with the way out.
//!
//! Before it: `trial` and `likeness`, which move folders before a list is read.

use std::io::{self, ErrorKind};
use std::path::Path;

use super::mount::mount_of;
use crate::error::SinkError;
use crate::files::error::io_hint;

/// What publishing moves from staging to its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moved {
    /// A folder: the list has one of its own.
    Folder,
    /// A file: the layout names a single file.
    File,
}

impl Moved {
    /// Returns the word with its article.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Folder => "a folder",
            Self::File => "a file",
        }
    }
}

/// A move of something new, which the caller could create in both folders.
#[derive(Clone, Copy, Debug)]
pub(super) struct Move<'a> {
    /// The folder in which lists are staged.
    pub(super) staging: &'a Path,
    /// The folder in which they are published.
    pub(super) home: &'a Path,
    pub(super) moved: Moved,
}

impl Move<'_> {
    /// Makes the error of a move that the operating system refused.
    pub(super) fn error(&self, error: io::Error) -> SinkError {
        let (staging, home, moved) = (self.staging.display(), self.home.display(), self.moved.as_str());
        let message = format!(
            "{moved} cannot be moved between `{staging}`, where lists are staged, and `{home}`, where they are published"
        );
        let hint = self.hint(&error);
        SinkError::permanent(message).with_source(error).with_hint(hint)
    }

    fn hint(&self, error: &io::Error) -> String {
        match error.kind() {
            ErrorKind::CrossesDevices => self.hint_of_mounts(),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => io_hint(error).unwrap_or_default().to_owned(),
            _ if self.moved == Moved::Folder => "the file system there moves no folders: choose a `root` on another \
                one, or a `layout` without folders, which makes a single file"
                .to_owned(),
            _ => "the file system there moves no files: choose a `root` on another one".to_owned(),
        }
    }

    fn hint_of_mounts(&self) -> String {
        let mount = |path| mount_of(path).ok();
        match (mount(self.staging), mount(self.home)) {
            (Some(staging), Some(home)) if staging != home && home.starts_with(&staging) => format!(
                "staging is beside `root`, and `{}` is a mount of its own: choose a `root` below that folder, so that both \
                 are on it",
                home.display()
            ),
            (Some(staging), Some(home)) if staging != home => format!(
                "staging is beside `root`, and on another mount (`{}`) than `root` (`{}`): choose a `root` below one of them",
                staging.display(),
                home.display()
            ),
            _ => "the file system does not move anything between these two folders: choose another `root`".to_owned(),
        }
    }
}
