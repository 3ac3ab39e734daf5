//! SIGINT and SIGTERM: the first one stops a run, the second one ends the process. Runs beside the
//! work of `run` and `replay`.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::output::Terminal;
use crate::error::Exit;

/// The time that a run has to stop by itself. It leaves a second for the end of the process on a
/// busy machine, because five seconds are promised. Supervisors wait ten seconds or more between
/// SIGTERM and SIGKILL.
const STOP_TIMEOUT: Duration = Duration::from_secs(4);

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

    /// Waits for the next signal.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Stops a run at the first signal; ends the process at the second one, or when the run does not
/// stop in time.
///
/// To end at once is like a crash: the next run recovers from it. `how_to_go_on` names its command.
pub(super) async fn watch(
    mut signals: Signals,
    stop: CancellationToken,
    terminal: Terminal,
    how_to_go_on: &'static str,
) {
    signals.next().await;
    stop.cancel();
    terminal
        .note("interrupted: the walk stops, and what it has read is kept (a second signal ends the process at once)");
    tokio::select! {
        () = signals.next() => {}
        () = tokio::time::sleep(STOP_TIMEOUT) => {}
    }
    terminal.clear_bars();
    terminal.note(&format!("ended before the run had stopped; {how_to_go_on}"));
    #[expect(clippy::exit, reason = "a sink that blocks would keep the process from ending in any gentler way")]
    std::process::exit(Exit::Interrupted.code().into())
}
