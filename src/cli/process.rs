//! Limits, memory and signals of the process. [`command`](super::command) sets them before anything
//! else.

use std::io;
use std::num::NonZero;
use std::sync::{Arc, Barrier};
use std::thread::available_parallelism;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

use crate::engine::possible_threads;
use crate::error::Error;

/// How long an idle thread of the runtime's pool stays: longer than any run.
const KEEP_THREADS: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The threads of the pool that exist from the beginning: one for what blocks, and one for what
/// that may wait for, such as a name that is looked up.
const POOL: usize = 2;

/// The largest block in bytes that the allocator keeps: the pages of a Parquet file and most
/// replies are smaller. A larger block stays a mapping of its own, which grows without a copy.
const LARGEST_KEPT_BLOCK: usize = 3 << 20;

/// The threads beside those of the runtime that a system allows, if it allows many.
const MANY_THREADS: u64 = 64;

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

/// Makes the allocator keep freed memory for the next page and the next list. Otherwise it gives
/// large blocks back to the system, which clears each page of them when it is touched again.
///
/// glibc maps a large block on its own until one of its size was freed. From then on blocks of that
/// size come from the heap, and a heap is trimmed when twice the size is free at its end
/// (`M_MMAP_THRESHOLD` in mallopt(3)). Other allocators are not changed by this.
pub(super) fn keep_freed_memory() {
    let mut block = Vec::<u8>::new();
    // If it is refused, the process goes on with the allocator's first settings.
    let _ = block.try_reserve_exact(LARGEST_KEPT_BLOCK);
    drop(std::hint::black_box(block));
}

fn raise_to_maximum(resource: Resource) {
    let maximum = getrlimit(resource).maximum;
    // If it is refused, the check before a run says what is missing.
    let _ = setrlimit(resource, Rlimit { current: maximum, maximum });
}

/// Starts the runtime: a thread for each processor, and a pool for what blocks for a moment, of
/// which [`POOL`] threads exist from the beginning. The pool keeps work that gets no thread until
/// one is free. Where the system allows few threads, it has no others: they would be missing for
/// the deliveries of a run.
///
/// # Errors
///
/// [`Error::Limit`] if the system refuses the threads.
pub(super) fn start_runtime() -> Result<Runtime, Error> {
    let workers = available_parallelism().map_or(1, NonZero::get);
    let needed = (workers + POOL) as u64;
    let refused = |possible: u64| Error::Limit {
        what: format!("the program needs {needed} threads beside its first, and the system allows {possible}"),
        hint: format!(
            "raise the limit of processes (`ulimit -u`, or `pids` of the container) by {}",
            needed.saturating_sub(possible).max(1)
        ),
    };
    // Tried first: the runtime panics or waits for ever without them.
    let possible = possible_threads(needed + MANY_THREADS);
    if possible < needed {
        return Err(refused(possible));
    }
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(workers).enable_all().thread_keep_alive(KEEP_THREADS);
    if possible < needed + MANY_THREADS {
        builder.max_blocking_threads(POOL);
    }
    let build = |mut builder: Builder| -> io::Result<Runtime> {
        let runtime = builder.build()?;
        let all = Arc::new(Barrier::new(POOL));
        let first: Vec<_> = (0..POOL)
            .map(|_| {
                let all = Arc::clone(&all);
                runtime.spawn_blocking(move || {
                    all.wait();
                })
            })
            .collect();
        for thread in first {
            runtime.block_on(async { tokio::time::timeout(Duration::from_secs(10), thread).await })??;
        }
        Ok(runtime)
    };
    build(builder).map_err(|_| refused(possible - 1))
}

/// Makes a write beyond the limit of the file size (`ulimit -f`) fail with an error. Without this
/// the system kills the process with SIGXFSZ. Must be called within a tokio runtime.
pub(super) fn survive_file_limits() {
    let too_large = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
    // The signal stays caught after the stream is dropped, and the write returns the error.
    drop(signal(too_large).expect("this signal may be caught, and the runtime drives signals"));
}
