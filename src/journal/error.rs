//! What can go wrong with the state on disk.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use super::record::DECISION;

/// An error of the journal or of the records beside it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The operating system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: Cow<'static, str>,
        /// On which file or folder.
        path: PathBuf,
        /// Why not.
        #[source]
        error: io::Error,
    },
    /// Another process holds a lock.
    #[error("{what} is in use by another run ({holder})")]
    Locked {
        /// What is locked: a list of an account, or its token.
        what: String,
        /// What the lock file says of its holder.
        holder: String,
    },
    /// A decided walk is no longer what was decided on.
    #[error("the walk in {} is damaged: {what}", path.display())]
    Damaged {
        /// The folder of the walk.
        path: PathBuf,
        /// What does not fit.
        what: String,
    },
    /// A record beside a walk is not what was written.
    #[error("the record {} is damaged: {what}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        what: String,
    },
    /// The walk is of another account, host, list or format.
    #[error("the walk in {} belongs elsewhere: its {field} is `{found}`, not `{expected}`", path.display())]
    Foreign {
        /// The folder of the walk.
        path: PathBuf,
        /// Which part of its identity differs.
        field: &'static str,
        /// What the header says.
        found: String,
        /// What this run is about.
        expected: String,
    },
}

impl JournalError {
    /// Returns a function that adds what was tried, and on what, to an error of the operating system.
    pub(crate) fn io<Action>(action: Action, path: &Path) -> impl FnOnce(io::Error) -> Self + use<Action>
    where
        Action: Into<Cow<'static, str>>,
    {
        let (action, path) = (action.into(), path.to_owned());
        move |error| Self::Io { action, path, error }
    }

    /// Returns whether the same run may succeed later without anybody's help.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Locked { .. })
    }

    /// Returns what a person can do.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Io { error, .. } => return io_hint(error.kind()).map(str::to_owned),
            Self::Locked { .. } => "wait until it has ended; one process at a time reads a list".to_owned(),
            Self::Damaged { path, .. } => format!(
                "this list was decided on and can no longer be proved; restore {} from a backup, or move it away and start a new walk with `--fresh`",
                path.display()
            ),
            Self::Record { path, .. } if path.ends_with(DECISION) => format!(
                "restore it from a backup, or move {} away and start a new walk with `--fresh`",
                path.parent().unwrap_or(path).display()
            ),
            Self::Record { .. } => {
                "remove this file and run again: its sink then gets the list once more, without any call".to_owned()
            }
            Self::Foreign { .. } => "use another `journal.path` for this pipeline file".to_owned(),
        })
    }
}

fn io_hint(kind: io::ErrorKind) -> Option<&'static str> {
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Some("make room on this disk and run again; the walk goes on where it stopped")
        }
        io::ErrorKind::FileTooLarge => Some(
            "the file system or `ulimit -f` bounds the size of a file; raise the bound and run again, the walk goes on \
             where it stopped",
        ),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Some("`journal.path` and all that lies in it must be writable for this user")
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            Some("a file is where a folder is needed; move it away, or choose another `journal.path`")
        }
        io::ErrorKind::IsADirectory => Some("a folder is where a file is needed; move it away"),
        _ => None,
    }
}
