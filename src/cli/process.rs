//! Limits and signals of the process. [`command`](super::command) sets them before anything else.

use tokio::signal::unix::{SignalKind, signal};

/// Forbids core files: a crash would write the memory of the process to disk, and with it the app secret and the token.
///
/// On Linux the process becomes undumpable. Unlike a limit of 0 bytes, this also works if the system
/// pipes core files to a program. And other programs of the same user cannot read its memory and its
/// environment; a debugger can only if it has started the process. Programs that the process starts
/// are dumpable again.
pub(super) fn forbid_cores() {
    // Neither call has a reason to fail. If one does, the user's own limit still holds.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    #[cfg(not(target_os = "linux"))]
    let _ = rustix::process::setrlimit(
        rustix::process::Resource::Core,
        rustix::process::Rlimit { current: Some(0), maximum: Some(0) },
    );
}

/// Raises the limit of open files to the maximum. Each list of a run holds its lock from the
/// beginning, and the usual soft limit of 1,024 is meant for programs that use `select`.
pub(super) fn allow_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    // If it is refused, the error names the file that could not be opened.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// Makes a write beyond the limit of the file size (`ulimit -f`) fail with an error. Without this the
/// system kills the process with SIGXFSZ. Must be called within a tokio runtime.
pub(super) fn survive_file_limits() {
    let too_large = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
    // The signal stays caught after the stream is dropped, and the write returns the error.
    drop(signal(too_large).expect("this signal may be caught, and the runtime drives signals"));
}
