//! Errors of the file system: what was done, where, and what a person can do.

use std::error::Error;
use std::io;
use std::path::Path;

use crate::error::SinkError;

/// Makes the error of `operation` (`create`, `rename` …) on `path`. It is permanent: what of a batch has reached a
/// file cannot be told, so the list is delivered again from the journal.
pub(super) fn io_error(operation: &str, path: &Path, source: io::Error) -> SinkError {
    file_error(operation, path, Box::new(source))
}

/// Makes the error of `operation` (`write`, `close` …) on the file at `path`, also where the I/O error lies deeper
/// (an encoder's error, say): the hint is found in the chain of causes.
pub fn file_error(operation: &str, path: &Path, source: Box<dyn Error + Send + Sync>) -> SinkError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(source.as_ref());
    let mut hint = None;
    while let Some(error) = cause {
        hint = hint.or_else(|| error.downcast_ref().and_then(hint_for));
        cause = error.source();
    }
    let error = SinkError::permanent(format!("cannot {operation} `{}`", path.display())).with_source(source);
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

fn hint_for(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Some("free space or move `root` to a larger disk, then run again: the journal keeps what was fetched")
        }
        io::ErrorKind::FileTooLarge => {
            Some("the file system or `ulimit -f` bounds the size of a file; roll to smaller files or raise the bound")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Some("`root` and the folder it lies in must be writable for this user; staging lies beside `root`")
        }
        io::ErrorKind::CrossesDevices => {
            Some("choose a `root` whose neighbouring folder lies on the same file system: staging lies beside it")
        }
        // An io::Error can carry another error as its payload; `source` skips the payload itself.
        _ => error.get_ref().and_then(|inner| inner.downcast_ref()).and_then(hint_for),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_is_found_behind_other_errors() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let wrapped = io::Error::other(io::Error::other(full));
        let error = file_error("write", Path::new("out/x"), Box::new(wrapped));
        assert_eq!(error.to_string(), "cannot write `out/x`");
        assert!(error.hint().unwrap().contains("free space"));
        assert!(error.source().is_some());
    }
}
