//! What a program writes to its stderr: lines of the log, and its last words when it fails.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::process::ChildStderr;
use tokio::task::JoinHandle;

use crate::lines::{Line, Lines};
use crate::redaction::Redaction;

/// A longer line is cut, in characters.
const LONGEST_LINE: usize = 2_000;
/// Bytes that are read of a line: more than are shown, so that a secret that the cut falls into is seen whole.
const LONGEST_READ: usize = 16 * LONGEST_LINE;
/// How many last lines an error shows: the message of an exception, and where it was thrown.
const LAST_LINES: usize = 3;
/// How much an error shows of each of them, in characters.
const LONGEST_LAST_LINE: usize = 300;
/// How long the end of stderr is waited for when the program has ended: what is left of it is in the pipe already.
const PATIENCE: Duration = Duration::from_secs(1);

/// Hands the lines of a program on to the log.
#[derive(Debug)]
pub(crate) struct Log {
    last: Arc<Mutex<VecDeque<String>>>,
    reading: JoinHandle<()>,
}

impl Log {
    /// Reads `stderr` to its end, in the background, for the sink called `sink`.
    pub(crate) fn start(stderr: ChildStderr, sink: String, redaction: Redaction) -> Self {
        let last = Arc::new(Mutex::new(VecDeque::with_capacity(LAST_LINES)));
        let reading = tokio::spawn(read(stderr, sink, redaction, Arc::clone(&last)));
        Self { last, reading }
    }

    /// Returns the last lines of a program that has ended, to be put at the end of a message.
    pub(crate) async fn last_words(&mut self) -> String {
        if tokio::time::timeout(PATIENCE, &mut self.reading).await.is_err() {
            // Something that the program has started, and that has left its group, holds stderr open.
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
