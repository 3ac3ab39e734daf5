//! Passes the lines that a program writes to stderr to the log, and keeps the last ones for errors.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::process::ChildStderr;
use tokio::task::JoinHandle;

use crate::lines::{Line, Lines};
use crate::redaction::Redaction;

/// The longest line in the log, in characters. A longer one is cut.
const LONGEST_LINE: usize = 2_000;
/// The most bytes that are read of a line. It is more than is shown, so that a secret at the cut is
/// read, and redacted, as a whole.
const LONGEST_READ: usize = 16 * LONGEST_LINE;
/// The last lines that an error shows: the message of an exception, and where it was thrown.
const LAST_LINES: usize = 3;
/// The longest of these lines in an error, in characters.
const LONGEST_LAST_LINE: usize = 300;
/// How long to wait for the end of stderr after the program has ended. What is left of it is in the
/// pipe already.
const END_OF_STDERR_TIMEOUT: Duration = Duration::from_secs(1);

/// Reads the stderr of a program.
#[derive(Debug)]
pub(crate) struct Log {
    last: Arc<Mutex<VecDeque<String>>>,
    reading: JoinHandle<()>,
}

impl Log {
    /// Reads `stderr` to its end in a task of its own, for the sink called `sink`.
    pub(crate) fn start(stderr: ChildStderr, sink: String, redaction: Redaction) -> Self {
        let last = Arc::new(Mutex::new(VecDeque::with_capacity(LAST_LINES)));
        let reading = tokio::spawn(read(stderr, sink, redaction, Arc::clone(&last)));
        Self { last, reading }
    }

    /// Returns the last lines of a program that has ended, as the end of an error message.
    pub(crate) async fn last_lines(&mut self) -> String {
        if tokio::time::timeout(END_OF_STDERR_TIMEOUT, &mut self.reading).await.is_err() {
            // A process that the program started, and that left its group, holds stderr open.
            self.reading.abort();
        }
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let lines: Vec<String> = last.iter().map(|line| format!("`{line}`")).collect();
        if lines.is_empty() { String::new() } else { format!("; stderr ends with {}", lines.join(", ")) }
    }
}

async fn read(stderr: ChildStderr, sink: String, redaction: Redaction, last: Arc<Mutex<VecDeque<String>>>) {
    let mut lines = Lines::new(stderr, LONGEST_READ);
    while let Ok(Some(Line::Whole(line) | Line::Cut(line))) = lines.next().await {
        let line = String::from_utf8_lossy(&line);
        let shown = redaction.line(&line, LONGEST_LINE);
        if shown.is_empty() {
            continue;
        }
        tracing::info!(sink, "{shown}");
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() == LAST_LINES {
            last.pop_front();
        }
        last.push_back(redaction.line(&line, LONGEST_LAST_LINE));
    }
}
