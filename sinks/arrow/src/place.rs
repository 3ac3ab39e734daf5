//! Where a stream goes: stdout, a file or a named pipe. The options stand before it, the bytes of
//! [`stream`](crate::stream) go to it.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use fanout_sink::{SinkContext, SinkError};
use rustix::fs::{Access, OFlags, access, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

/// Returns whether the option `path` names stdout.
pub(crate) fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

/// The destination of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    Stdout,
    File(PathBuf),
}

impl Place {
    /// Returns the place that the option `path` names.
    pub(crate) fn of(path: &Path, context: &SinkContext) -> Self {
        if is_stdout(path) { Self::Stdout } else { Self::File(context.output_path(path)) }
    }

    /// Checks that the place can be written, and changes nothing. A pipe is not opened: its reader
    /// would take that for the beginning and the end of the stream.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub(crate) fn check(&self) -> Result<(), SinkError> {
        let Self::File(path) = self else { return Ok(()) };
        let shown = path.display();
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => {
                let error = SinkError::option("path", format!("`{shown}` is a folder"));
                return Err(error.with_hint("name a file in it"));
            }
            Ok(_) => {
                return access(path, Access::WRITE_OK)
                    .map_err(|error| unwritable(&format!("write to `{shown}`"), error));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(unwritable(&format!("look at `{shown}`"), error)),
        }
        // The folders that are missing are made when the first list comes.
        let folders =
            path.ancestors().skip(1).map(|folder| if folder == Path::new("") { Path::new(".") } else { folder });
        let Some(folder) = folders.into_iter().find(|folder| folder.exists()) else { return Ok(()) };
        access(folder, Access::WRITE_OK | Access::EXEC_OK)
            .map_err(|error| unwritable(&format!("make files in the folder `{}`", folder.display()), error))
    }

    /// Opens the place. A file is emptied. Returns `None` for a pipe that has no reader yet: the
    /// system would wait for one, and nothing could end that.
    ///
    /// # Errors
    ///
    /// If it cannot be opened.
    pub(crate) fn open(&self) -> Result<Option<File>, SinkError> {
        let opened = match self {
            // A copy of the descriptor: `io::stdout` takes one that cannot be written for one that
            // swallows everything.
            Self::Stdout => io::stdout().as_fd().try_clone_to_owned().map(File::from),
            Self::File(path) => {
                path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| open_without_waiting(path))
            }
        };
        if let Err(error) = &opened
            && Errno::from_io_error(error) == Some(Errno::NXIO)
        {
            return Ok(None);
        }
        opened.map(Some).map_err(|error| SinkError::permanent(format!("cannot open {self}")).with_source(error))
    }

    /// Makes the error of bytes that cannot be written. It is never temporary, because some of them
    /// may have been.
    pub(crate) fn write_error(&self, error: io::Error) -> SinkError {
        let message = match error.kind() {
            io::ErrorKind::BrokenPipe => format!("{self} was closed by its reader before the stream was complete"),
            _ => format!("cannot write to {self}"),
        };
        SinkError::permanent(message)
            .with_source(error)
            .with_hint("run again: all lists are sent again, from the journal and without any API call")
    }
}

/// Opens a file, or a pipe that has a reader. Writing waits for the reader as usual.
fn open_without_waiting(path: &Path) -> io::Result<File> {
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().write(true).create(true).truncate(true).custom_flags(nonblocking).open(path)?;
    fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
    Ok(file)
}

fn unwritable(what: &str, error: impl Into<io::Error>) -> SinkError {
    SinkError::permanent(format!("cannot {what}")).with_source(error.into())
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => formatter.write_str("stdout"),
            Self::File(path) => write!(formatter, "`{}`", path.display()),
        }
    }
}
