//! Limits and signals of the process. [`command`](super::command) sets them before anything else.

use std::io;
use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

use crate::engine::possible_threads;
use crate::error::Error;

/// How long an idle thread of the runtime's pool stays: longer than any run.
const KEEP_THREADS: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Forbids core files: a crash would write the memory of the process to disk, and with it the app
/// secret and the token.
///
/// On Linux the process becomes undumpable. Unlike a limit of 0 bytes, this also works if the
/// system pipes core files to a program. And other programs of the same user cannot read its memory
/// and its environment; a debugger can only if it has started the process. Programs that the
/// process starts are dumpable again.
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
    raise_to_maximum(Resource::Nofile);
}

/// Raises the limit of processes, which counts threads, to the maximum.
pub(super) fn allow_threads() {
    raise_to_maximum(Resource::Nproc);
}

fn raise_to_maximum(resource: Resource) {
    let maximum = getrlimit(resource).maximum;
    // If it is refused, the check before a run says what is missing.
    let _ = setrlimit(resource, Rlimit { current: maximum, maximum });
}

/// Starts the runtime: a thread for each processor, and a pool for what blocks for a moment, of
/// which one thread exists from the beginning. The pool keeps work that gets no thread until one is
/// free, so with one it is always done.
///
/// # Errors
///
/// [`Error::Limit`] if the system refuses the threads.
pub(super) fn start_runtime() -> Result<Runtime, Error> {
    let workers = available_parallelism().map_or(1, NonZero::get);
    let needed = workers as u64 + 1;
    let refused = |possible: u64| Error::Limit {
        what: format!("the program needs {needed} threads beside its first, and the system allows {possible}"),
        hint: format!(
            "raise the limit of processes (`ulimit -u`, or `pids` of the container) by {}",
            needed.saturating_sub(possible).max(1)
        ),
    };
    // Tried first: the runtime panics or waits for ever without them.
    let possible = possible_threads(needed);
    if possible < needed {
        return Err(refused(possible));
    }
    let build = || -> io::Result<Runtime> {
        let runtime =
            Builder::new_multi_thread().worker_threads(workers).enable_all().thread_keep_alive(KEEP_THREADS).build()?;
        let first = runtime.spawn_blocking(|| ());
        runtime.block_on(async { tokio::time::timeout(Duration::from_secs(10), first).await })??;
        Ok(runtime)
    };
    build().map_err(|_| refused(possible - 1))
}

/// Makes a write beyond the limit of the file size (`ulimit -f`) fail with an error. Without this
/// the system kills the process with SIGXFSZ. Must be called within a tokio runtime.
pub(super) fn survive_file_limits() {
    let too_large = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
    // The signal stays caught after the stream is dropped, and the write returns the error.
    drop(signal(too_large).expect("this signal may be caught, and the runtime drives signals"));
}
