//! What the process asks of the system before it does anything else.

use tokio::signal::unix::{SignalKind, signal};

/// Forbids core files: a crash would write the memory of the process to disk, and with it the app secret and the token.
///
/// On Linux the process is made undumpable, which also holds where the system hands cores to a program (a limit of 0
/// bytes does not hold there), and keeps other programs of the same user from reading its memory and its environment (a
/// debugger, too, unless it has started the process). A program that it starts is dumpable again.
pub(super) fn forbid_cores() {
    // Neither call has a reason to fail; where one does, the user's own limit is what is left.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    #[cfg(not(target_os = "linux"))]
    let _ = rustix::process::setrlimit(
        rustix::process::Resource::Core,
        rustix::process::Rlimit { current: Some(0), maximum: Some(0) },
    );
}

/// Allows this process as many open files as it may have at all: each account of a run holds its lock from the beginning, and
/// the usual soft limit of 1,024 is there for programs that use `select`.
pub(super) fn allow_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    // Where it is refused, the error of the file that cannot be opened says all.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// Turns a file that grows beyond the limit of its size (`ulimit -f`) into an error of the write. Without this the
/// system kills the process with SIGXFSZ. Must be called in a runtime.
pub(super) fn survive_file_limits() {
    let too_large = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
    // The signal stays caught when the stream is dropped, and nobody needs to hear of it: the write says it all.
    drop(signal(too_large).expect("this signal may be caught, and the runtime drives signals"));
}
