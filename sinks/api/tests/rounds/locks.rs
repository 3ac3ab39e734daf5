//! The locks of the file system: as they are, or as other file systems have them. A small library
//! that is loaded before the C library answers `flock` in their place.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::random::{say, variable};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Locks {
    /// `flock` works for all publishers.
    Shared,
    /// `flock` succeeds always, as among hosts whose locks do not reach each other.
    NotShared,
    /// `flock` fails, as on a file system without locks.
    Missing,
}

/// A folder with the library.
pub(crate) struct Library {
    _folder: TempDir,
    pub(crate) path: PathBuf,
}

impl Locks {
    /// Builds the library; `None` if none is needed.
    ///
    /// # Errors
    ///
    /// If there is no C compiler.
    pub(crate) fn library(self) -> Result<Option<Library>, ()> {
        let answer = match self {
            Self::Shared => return Ok(None),
            Self::NotShared => "return 0;",
            Self::Missing => "errno = ENOLCK; return -1;",
        };
        let folder = tempfile::tempdir().unwrap();
        let (source, path) = (folder.path().join("flock.c"), folder.path().join("flock.so"));
        let text = format!("#include <errno.h>\nint flock(int file, int operation) {{ {answer} }}\n");
        fs::write(&source, text).unwrap();
        let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&path).arg(&source).status();
        if built.is_ok_and(|status| status.success()) {
            return Ok(Some(Library { _folder: folder, path }));
        }
        assert!(variable("FANOUT_REQUIRE_ALL").is_none(), "there is no C compiler");
        say("skipped: publishers without locks; it takes a C compiler");
        Err(())
    }
}
