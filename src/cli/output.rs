//! The one place that prints: results to stdout, everything else to stderr, and nothing across a progress bar.

use std::io::{self, IsTerminal, Write};

use indicatif::MultiProgress;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::Environment;
use crate::error::Error;

/// The two streams of the process, and the progress bars on one of them. Clones share the bars.
#[derive(Clone, Debug)]
pub(super) struct Terminal {
    bars: MultiProgress,
    is_interactive: bool,
    is_colored: bool,
}

impl Terminal {
    /// Looks at the streams of this process.
    pub(super) fn new(environment: &Environment) -> Self {
        let is_interactive = io::stderr().is_terminal();
        // <https://no-color.org>: present and not empty, whatever the value.
        let no_color = environment.get("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { bars: MultiProgress::new(), is_interactive, is_colored: is_interactive && !no_color }
    }

    /// Returns whether somebody may be watching stderr.
    pub(super) fn is_interactive(&self) -> bool {
        self.is_interactive
    }

    /// Returns whether what goes to stderr may have colours.
    pub(super) fn is_colored(&self) -> bool {
        self.is_colored
    }

    /// Returns the progress bars.
    pub(super) fn bars(&self) -> &MultiProgress {
        &self.bars
    }

    /// Takes the progress bars away.
    pub(super) fn clear_bars(&self) {
        // If stderr is gone, so are the bars.
        let _ = self.bars.clear();
    }

    /// Prints a result on stdout, or on stderr if nobody reads stdout any more.
    pub(super) fn result(&self, text: &str) {
        let mut stdout = io::stdout().lock();
        if stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).is_err() {
            self.write(text.as_bytes());
        }
    }

    /// Prints a result on stderr: for a run whose stdout carries something else.
    pub(super) fn result_aside(&self, text: &str) {
        self.write(text.as_bytes());
    }

    /// Prints a line on stderr.
    pub(super) fn note(&self, line: &str) {
        self.write(format!("{line}\n").as_bytes());
    }

    /// Prints an error on stderr, and what a person can do about it.
    pub(super) fn error(&self, message: &str, hint: Option<&str>) {
        self.note(&format!("error: {message}"));
        if let Some(hint) = hint {
            self.note(&format!("hint: {hint}"));
        }
    }

    /// Prints why a command failed.
    pub(super) fn failure(&self, error: &Error) {
        match error {
            Error::Config(problems) => problems.iter().for_each(|problem| self.error(&problem.to_string(), None)),
            error => self.error(&error.chain(), error.hint().as_deref()),
        }
    }

    fn write(&self, bytes: &[u8]) {
        // There is nobody left to tell when stderr fails.
        let print = || {
            let _ = io::stderr().write_all(bytes);
        };
        if self.is_interactive { self.bars.suspend(print) } else { print() }
    }
}

/// The stream of log lines: each arrives in one piece.
impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Self::write(self, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Terminal {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
