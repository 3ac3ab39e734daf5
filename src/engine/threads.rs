//! Threads of the engine's own, one for each open sink and one for each fan-out; and work of a task
//! that waits for the disk.
//!
//! They wait for each other, so they do not come from the pool of the runtime. If the system
//! refuses a thread to the pool, the pool keeps the work until another thread is free, and these
//! threads would never be. Here a thread that cannot be made is an error.
//!
//! Before it: [`deliver`](super::deliver) starts them, and [`needs`](super::needs) tries before the
//! first call how many there can be. Behind it: the operating system.

use std::any::Any;
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};
use std::thread::Builder;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};
use tokio::task::spawn_blocking;

use crate::journal::{JournalError, WalkFile};

/// How often a thread is tried. One that has just ended may still be counted by the system.
const TRIES: u32 = 20;

const PAUSE: Duration = Duration::from_millis(5);

/// The stack of a thread that is only tried.
const TRIAL_STACK: usize = 16 << 10;

/// Work on a thread of its own.
#[derive(Debug)]
pub(super) struct Running<T>(oneshot::Receiver<Result<T, Box<dyn Any + Send>>>);

/// Starts `work` on a new thread; `name` is what `top -H` and debuggers show.
///
/// # Errors
///
/// That of the system, if it refuses the thread.
pub(super) async fn start<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<Running<T>> {
    let (done, result) = oneshot::channel();
    // A thread that is refused drops what it was given, so the work stays here for the next try.
    let work = Arc::new(Mutex::new(Some((work, done))));
    for tries in 1.. {
        let given = Arc::clone(&work);
        let run = move || {
            let taken = given.lock().ok().and_then(|mut work| work.take());
            let (work, done) = taken.expect("one thread alone is started");
            // If nothing waits for the result, it is dropped.
            let _ = done.send(catch_unwind(AssertUnwindSafe(work)));
        };
        match Builder::new().name(name.to_owned()).spawn(run) {
            Ok(_) => break,
            Err(error) if error.kind() == ErrorKind::WouldBlock && tries < TRIES => tokio::time::sleep(PAUSE).await,
            Err(error) => return Err(error),
        }
    }
    Ok(Running(result))
}

impl<T> Running<T> {
    /// Waits for the end of the work and returns its result. Passes on its panic.
    pub(super) async fn finish(self) -> T {
        match self.0.await.expect("the thread sends its result, also after a panic") {
            Ok(result) => result,
            Err(panic) => resume_unwind(panic),
        }
    }
}

/// The work of tasks that waits for the disk.
///
/// Each piece takes a thread, and the system may have no more of them than the deliveries need: so
/// only some pieces have one, as many as [`needs`](super::needs) has found.
#[derive(Debug)]
pub(super) struct DiskWork(Semaphore);

impl DiskWork {
    pub(super) fn new(threads: usize) -> Self {
        // The pool has a thread from the beginning.
        Self(Semaphore::new(threads.max(1)))
    }

    /// Does work on a thread of the runtime's pool, once one is free for it. Passes on its panic.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let _thread = self.0.acquire().await.expect("the semaphore is never closed");
        spawn_blocking(work).await.unwrap_or_else(|panic| resume_unwind(panic.into_panic()))
    }

    /// Makes what was appended to the file of a walk durable.
    ///
    /// # Errors
    ///
    /// As [`WalkSync::run`](crate::journal::WalkSync::run).
    pub(super) async fn sync(&self, file: &WalkFile) -> Result<(), JournalError> {
        let sync = file.sync();
        self.run(move || sync.run()).await
    }
}

/// Returns how many of `wanted` threads can exist at the same time, beside those that do. They are
/// made and ended again.
pub(crate) fn possible(wanted: u64) -> u64 {
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock();
    let mut waiting = Vec::new();
    while (waiting.len() as u64) < wanted {
        let gate = Arc::clone(&gate);
        match Builder::new().stack_size(TRIAL_STACK).spawn(move || drop(gate.lock())) {
            Ok(thread) => waiting.push(thread),
            Err(_) => break,
        }
    }
    drop(closed);
    let possible = waiting.len() as u64;
    for thread in waiting {
        let _ = thread.join();
    }
    possible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_returns_its_result_or_its_panic() {
        assert_eq!(start("seven", || 7).await.unwrap().finish().await, 7);
        let failing = start("fails", || panic!("as it must")).await.unwrap();
        assert!(tokio::spawn(failing.finish()).await.unwrap_err().is_panic());
        assert_eq!(possible(40), 40);
    }
}
