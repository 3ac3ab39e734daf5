//! Stdout of the process: writes results there, and tells a reader that has had enough from output
//! that is lost. Stands behind [`output`](super::output), which every command prints with.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::sleep;
use std::time::Duration;

/// How long to wait for the reader of a pipe that does not block.
const FULL_PIPE: Duration = Duration::from_millis(1);

/// Everything was written so far.
const OPEN: u8 = 0;
/// The reader of the pipe has closed it.
const UNREAD: u8 = 1;
/// Something could not be written.
const FAILED: u8 = 2;

/// Stdout, and what has become of it. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Stdout {
    state: Arc<AtomicU8>,
}

impl Stdout {
    /// Writes a text. After the first failure nothing more is written.
    ///
    /// # Errors
    ///
    /// The first failure, unless the reader of a pipe has closed it: a program such as `head` has
    /// had enough then, and the text is dropped.
    pub(super) fn write(&self, text: &str) -> io::Result<()> {
        if self.state.load(Ordering::Relaxed) != OPEN {
            return Ok(());
        }
        let written = write_all(text.as_bytes());
        match &written {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => self.state.store(UNREAD, Ordering::Relaxed),
            Err(_) => self.state.store(FAILED, Ordering::Relaxed),
        }
        if self.has_failed() { written } else { Ok(()) }
    }

    /// Returns whether some text could not be written.
    pub(super) fn has_failed(&self) -> bool {
        self.state.load(Ordering::Relaxed) == FAILED
    }
}

/// Writes to a copy of the descriptor: [`io::stdout`] takes a descriptor that cannot be written for
/// one that swallows everything.
fn write_all(mut bytes: &[u8]) -> io::Result<()> {
    let mut stdout = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    while !bytes.is_empty() {
        match stdout.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => sleep(FULL_PIPE),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
