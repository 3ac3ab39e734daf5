//! The errors of the state on disk.
//!
//! Before it: every file of this module. Behind it: [`Error`](crate::error::Error) makes an exit
//! code of them, and `cli` prints them with their hints.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use fanout_sink::files::io_hint;

use super::record::DECISION;

/// An error of the journal or of the records beside it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The operating system refused an operation.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// The operation, as a verb.
        action: Cow<'static, str>,
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        error: io::Error,
    },
    /// Another process holds a lock.
    #[error("{what} is in use by another run ({holder})")]
    Locked {
        /// What is locked: a list of an account, or its token.
        what: String,
        /// The text of the lock file, which names the holder.
        holder: String,
    },
    /// A walk is no longer what was written: a decided walk when it is listed, opened or read; an
    /// undecided walk when a page that was accepted is read again. (When an undecided walk is
    /// opened, it is cut at the damage instead.)
    #[error("the walk in {} is damaged: {what}", path.display())]
    Damaged {
        /// The folder of the walk.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A record has changed since it was written.
    #[error("the record {} is damaged: {what}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The walk was removed after it was found.
    #[error("the walk in {} has been removed meanwhile", path.display())]
    Gone {
        /// The folder that it had.
        path: PathBuf,
    },
    /// The walk is of another account, host, list or format.
    #[error("the walk in {} belongs elsewhere: its {field} is `{found}`, not `{expected}`", path.display())]
    Foreign {
        /// The folder of the walk.
        path: PathBuf,
        /// The part of its identity that differs.
        field: &'static str,
        /// The value in the header.
        found: String,
        /// The value of this run.
        expected: String,
    },
}

impl JournalError {
    /// Returns a function that adds the operation and its path to an error of the operating system.
    pub(crate) fn io<Action>(action: Action, path: &Path) -> impl FnOnce(io::Error) -> Self + use<Action>
    where
        Action: Into<Cow<'static, str>>,
    {
        let (action, path) = (action.into(), path.to_owned());
        move |error| Self::Io { action, path, error }
    }

    /// Returns whether the same run may succeed later without a person's help.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Locked { .. } | Self::Gone { .. })
    }

    /// Returns what a person can do.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Io { error, .. } => return io_hint(error).map(str::to_owned),
            Self::Locked { .. } => "wait until it has ended; one process at a time reads a list".to_owned(),
            Self::Gone { .. } => "run again: the newest list that is there is taken then".to_owned(),
            Self::Damaged { path, .. } if !is_decided(path) => {
                "run again: the list was not decided yet, so what is damaged is read again".to_owned()
            }
            Self::Damaged { path, .. } => format!(
                "this list was decided and can no longer be verified; restore {} from a backup, or move it away and \
                 start a new walk with `--fresh`",
                path.display()
            ),
            Self::Record { path, .. } if path.ends_with(DECISION) => format!(
                "restore it from a backup, or move {} away and start a new walk with `--fresh`",
                path.parent().unwrap_or(path).display()
            ),
            Self::Record { .. } => {
                "remove this file and run again: that delivers the list to its sink again, without any call".to_owned()
            }
            Self::Foreign { .. } => "use another `journal.path` for this pipeline file".to_owned(),
        })
    }
}

/// Returns whether the walk in a folder is decided; the folder of a tag lies in that of its walk.
fn is_decided(path: &Path) -> bool {
    [Some(path), path.parent()].into_iter().flatten().any(|folder| folder.join(DECISION).exists())
}
