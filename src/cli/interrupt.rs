//! SIGINT and SIGTERM.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::output::Terminal;
use crate::error::Exit;

/// How long a run may take to stop by itself: with what ending takes on a busy machine, less than the five seconds that
/// are promised. Supervisors that send SIGTERM wait ten seconds or more before SIGKILL.
const TIMEOUT: Duration = Duration::from_secs(4);

/// The signals that ask the process to end.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Catches the signals from now on, for as long as the process lives.
    pub(super) fn catch() -> Self {
        let catch = |kind| signal(kind).expect("these two signals may be caught, and the runtime drives signals");
        Self { interrupt: catch(SignalKind::interrupt()), terminate: catch(SignalKind::terminate()) }
    }

    /// Waits for the next of them.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Stops a run at the first signal; ends the process at the second one, or when the run does not stop in time.
///
/// Ending at once equals a crash, from which the next run recovers; `how_to_go_on` says by which command.
pub(super) async fn watch(
    mut signals: Signals,
    stop: CancellationToken,
    terminal: Terminal,
    how_to_go_on: &'static str,
) {
    signals.next().await;
    stop.cancel();
    terminal.note("interrupted: the walk stops here, and what it has read is kept (once more ends it at once)");
    tokio::select! {
        () = signals.next() => {}
        () = tokio::time::sleep(TIMEOUT) => {}
    }
    terminal.clear_bars();
    terminal.note(&format!("ended in the middle of something; {how_to_go_on}"));
    #[expect(clippy::exit, reason = "a sink that blocks would keep the process from ending in any gentler way")]
    std::process::exit(Exit::Interrupted.code().into())
}
