//! Errors of the file system, as errors of a sink: the operation, the path, and a hint.
//!
//! Before it: the steps of `local` and `part`, and the encoders of the sinks. Behind it: the
//! engine, which reports the error; `journal` and `check` take their hints from [`io_hint`], too.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::local::BrokenLink;
use crate::error::SinkError;

/// Makes the error of `operation` (`create`, `rename` …) on `path`. It is permanent: the part of a
/// batch that has reached the file is unknown, so the list is delivered again from the journal.
pub(super) fn io_error(operation: &str, path: &Path, source: io::Error) -> SinkError {
    file_error(operation, path, Box::new(source))
}

/// Makes the error of `operation` (`write`, `close` …) on the file at `path`. The cause of `source`
/// (of an encoder's error, say) may be an I/O error, whose hint is found in the chain of causes; or
/// the error of an object store, whose hint is taken over. If that one may pass, the list may be
/// delivered again at once.
pub fn file_error(operation: &str, path: &Path, source: Box<dyn Error + Send + Sync>) -> SinkError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(source.as_ref());
    let (mut hint, mut may_pass) = (None, false);
    while let Some(error) = cause {
        if let Some(error) = of_storage(error) {
            may_pass = error.is_temporary() || error.is_aborted();
            hint = error.hint().map(str::to_owned);
            break;
        }
        hint = hint.or_else(|| error.downcast_ref().and_then(io_hint).map(str::to_owned));
        cause = error.source();
    }
    let message = format!("cannot {operation} `{}`", path.display());
    let error = if may_pass { SinkError::aborted(message) } else { SinkError::permanent(message) };
    let error = error.with_source(source);
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// Returns the error of a storage, which an I/O error carries as its payload.
fn of_storage<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a SinkError> {
    let payload = error.downcast_ref::<io::Error>().and_then(|error| error.get_ref());
    payload.and_then(|payload| payload.downcast_ref::<SinkError>().or_else(|| of_storage(payload)))
}

/// Makes the error about what stands at `place` and may not be replaced.
pub(super) fn in_the_way(place: impl fmt::Display, problem: &str) -> SinkError {
    SinkError::permanent(format!("`{place}` is in the way: {problem}"))
        .with_hint("move it away, or choose another `root`, `layout` or account name")
}

/// Returns what a person can do about an error of the file system, in the journal or in a sink;
/// `None` if its message says all that is known.
pub fn io_hint(error: &io::Error) -> Option<&'static str> {
    if let Some(link) = error.get_ref().and_then(|inner| inner.downcast_ref::<BrokenLink>()) {
        return Some(link.hint());
    }
    Some(match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "make room on this disk, or move to a larger one, and run again: the journal keeps what was fetched"
        }
        ErrorKind::FileTooLarge => {
            "the file system or `ulimit -f` bounds the size of a file; raise the bound, or let the sink roll to \
             smaller files, and run again: the journal keeps what was fetched"
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "this place and everything in it must be writable for this user; so must the folder that holds a sink's \
             `root`, because the sink stages in `<root>.staging`"
        }
        ErrorKind::CrossesDevices => {
            "a sink stages in `<root>.staging`: choose a `root` that is on the same file system as the folder that holds it"
        }
        ErrorKind::Unsupported => "this file system lacks what is needed here; choose a place on another one",
        ErrorKind::NotConnected | ErrorKind::StaleNetworkFileHandle => {
            "the file system that was mounted here is gone; mount it again"
        }
        ErrorKind::NotADirectory => "a file is where a folder is needed; move it away, or choose another path",
        ErrorKind::AlreadyExists => "a file with this name is there already; move it away, or choose another path",
        ErrorKind::IsADirectory => "a folder is where a file is needed; move it away, or choose another path",
        // An `io::Error` can hold another one as its payload, which `source` skips.
        _ => return error.get_ref().and_then(|inner| inner.downcast_ref()).and_then(io_hint),
    })
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
        assert!(error.hint().unwrap().contains("make room"));
        assert!(error.source().is_some());
    }

    #[test]
    fn an_error_of_a_store_that_may_pass_is_one_after_which_the_list_is_delivered_again() {
        for (error, may_pass) in [
            (SinkError::temporary("busy"), true),
            (SinkError::aborted("lost"), true),
            (SinkError::permanent("refused"), false),
        ] {
            let wrapped = io::Error::other(io::Error::other(error.with_hint("wait")));
            let error = file_error("write", Path::new("s3://lake/x"), Box::new(wrapped));
            assert_eq!((error.is_aborted(), error.is_temporary(), error.hint()), (may_pass, false, Some("wait")));
        }
    }
}
