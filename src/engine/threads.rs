//! Threads of the engine's own, one for each open sink and one for each fan-out; and work of a task
//! that waits for the disk.
//!
//! Their work waits for each other, so they do not come from the pool of the runtime. If the system
//! refuses a thread to the pool, the pool keeps the work until another thread is free, and these
//! threads would never be. Here a thread that cannot be made is an error.
//!
//! Before it: [`deliver`](super::deliver) starts them, and [`needs`](super::needs) tries before the
//! first call how many there can be. Behind it: the operating system.

use std::any::Any;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, mpsc};
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

/// The threads of a run. One whose work has ended waits for the next work of its name: the sinks of
/// thousands of small lists need one each.
#[derive(Clone, Debug, Default)]
pub(super) struct Threads(Arc<Idle>);

/// The threads that wait for work, by name.
type Idle = Mutex<BTreeMap<String, Vec<Thread>>>;

/// The way of work to a thread. The thread ends when this is dropped.
type Thread = mpsc::SyncSender<Job>;

/// What a thread does, and the thread, which waits for more when it has done that.
struct Job {
    work: Box<dyn FnOnce() -> Tell + Send>,
    thread: Thread,
}

/// Tells the result of work.
type Tell = Box<dyn FnOnce() + Send>;

/// Work on a thread of its own.
#[derive(Debug)]
pub(super) struct Running<T>(oneshot::Receiver<Result<T, Box<dyn Any + Send>>>);

impl Threads {
    /// Starts `work` on a thread that has none; `name` is what `top -H` and debuggers show.
    ///
    /// # Errors
    ///
    /// That of the system, if it refuses the thread.
    pub(super) async fn start<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<Running<T>> {
        let (done, result) = oneshot::channel();
        let work = Box::new(move || {
            let result = catch_unwind(AssertUnwindSafe(work));
            // If nothing waits for the result, it is dropped.
            Box::new(move || drop(done.send(result))) as Tell
        });
        let waiting = idle(&self.0).get_mut(name).and_then(Vec::pop);
        let thread = match waiting {
            Some(thread) => thread,
            None => self.make(name).await?,
        };
        let job = Job { work, thread: thread.clone() };
        thread.send(job).expect("a thread waits for work until its sender is dropped");
        Ok(Running(result))
    }

    async fn make(&self, name: &str) -> io::Result<Thread> {
        for tries in 1.. {
            let (thread, jobs) = mpsc::sync_channel(1);
            let (waiting, key) = (Arc::downgrade(&self.0), name.to_owned());
            match Builder::new().name(name.to_owned()).spawn(move || serve(jobs, &waiting, &key)) {
                Ok(_) => return Ok(thread),
                Err(error) if error.kind() == ErrorKind::WouldBlock && tries < TRIES => {
                    // Those that wait for work of other names are ended in its favour.
                    idle(&self.0).clear();
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
        unreachable!("the last try returns its error")
    }
}

/// Does one job after the other.
fn serve(jobs: mpsc::Receiver<Job>, waiting: &Weak<Idle>, name: &str) {
    for Job { work, thread } in jobs {
        let tell = work();
        // Before the result is told: whoever waits for it may have the next work.
        if let Some(waiting) = waiting.upgrade() {
            idle(&waiting).entry(name.to_owned()).or_default().push(thread);
        }
        tell();
    }
}

fn idle(idle: &Idle) -> MutexGuard<'_, BTreeMap<String, Vec<Thread>>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
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
/// Each piece takes a thread of the runtime's pool, and the system may have no more threads than
/// the deliveries need: so only some pieces are done at the same time, as many as
/// [`needs`](super::needs) has found. The others wait.
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
    use std::cell::RefCell;
    use std::thread::{self, ThreadId};

    use super::*;

    fn id_and_name() -> (ThreadId, Option<String>) {
        let thread = thread::current();
        (thread.id(), thread.name().map(str::to_owned))
    }

    #[tokio::test]
    async fn work_returns_its_result_or_its_panic() {
        let threads = Threads::default();
        assert_eq!(threads.start("seven", || 7).await.unwrap().finish().await, 7);
        let failing = threads.start("fails", || panic!("as it must")).await.unwrap();
        assert!(tokio::spawn(failing.finish()).await.unwrap_err().is_panic());
        assert_eq!(possible(40), 40);
    }

    #[tokio::test]
    async fn a_thread_that_has_done_its_work_does_the_next_of_its_name() {
        let threads = Threads::default();
        let first = threads.start("one", id_and_name).await.unwrap().finish().await;
        assert_eq!(first.1.as_deref(), Some("one"));
        let again = threads.start("one", id_and_name).await.unwrap().finish().await;
        assert_eq!(again, first);
        let other = threads.start("other", id_and_name).await.unwrap().finish().await;
        assert_ne!(other, first);
        // Work that waits for other work of its name finds a thread without any.
        let (go_on, wait) = mpsc::sync_channel(1);
        let waiting = threads.start("one", move || wait.recv().map(|()| thread::current().id())).await.unwrap();
        let beside = threads.start("one", move || go_on.send(()).map(|()| thread::current().id())).await.unwrap();
        assert_ne!(beside.finish().await.unwrap(), waiting.finish().await.unwrap());
    }

    #[tokio::test]
    async fn threads_end_with_their_run() {
        let threads = Threads::default();
        let (held, dropped) = mpsc::sync_channel::<()>(1);
        let keep = move || {
            thread_local!(static HELD: RefCell<Option<mpsc::SyncSender<()>>> = const { RefCell::new(None) });
            HELD.set(Some(held));
        };
        threads.start("keeps", keep).await.unwrap().finish().await;
        drop(threads);
        // The thread drops what is its own when it ends.
        assert_eq!(dropped.recv_timeout(Duration::from_secs(60)), Err(mpsc::RecvTimeoutError::Disconnected));
    }
}
