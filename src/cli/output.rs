//! The one place that prints: results to stdout, everything else to stderr, and nothing across a progress bar.

use std::io::{self, IsTerminal, Write};

use chrono::{SecondsFormat, Utc};
use indicatif::MultiProgress;
use tracing_subscriber::fmt::MakeWriter;

use super::log_format::LogFormat;
use crate::config::Environment;
use crate::error::Error;

/// The two streams of the process, and the progress bars on one of them. Clones share the bars.
#[derive(Clone, Debug)]
pub(super) struct Terminal {
    bars: MultiProgress,
    format: LogFormat,
    is_interactive: bool,
    is_colored: bool,
}

impl Terminal {
    /// Looks at the streams of this process. With JSON, stderr has lines and nothing else, whoever may be watching.
    pub(super) fn new(environment: &Environment, format: LogFormat) -> Self {
        let is_interactive = io::stderr().is_terminal() && format == LogFormat::Text;
        // <https://no-color.org>: present and not empty, whatever the value.
        let no_color = environment.get("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { bars: MultiProgress::new(), format, is_interactive, is_colored: is_interactive && !no_color }
    }

    /// Returns how the lines on stderr are written.
    pub(super) fn format(&self) -> LogFormat {
        self.format
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
            self.result_aside(text);
        }
    }

    /// Prints a result on stderr: for a run whose stdout carries something else.
    pub(super) fn result_aside(&self, text: &str) {
        match self.format {
            LogFormat::Text => self.write(text.as_bytes()),
            LogFormat::Json => self.line("INFO", text, None),
        }
    }

    /// Prints a line on stderr.
    pub(super) fn note(&self, line: &str) {
        match self.format {
            LogFormat::Text => self.write(format!("{line}\n").as_bytes()),
            LogFormat::Json => self.line("INFO", line, None),
        }
    }

    /// Prints an error on stderr, and what a person can do about it.
    pub(super) fn error(&self, message: &str, hint: Option<&str>) {
        match self.format {
            LogFormat::Text => {
                let hint = hint.map_or_else(String::new, |hint| format!("hint: {hint}\n"));
                self.write(format!("error: {message}\n{hint}").as_bytes());
            }
            LogFormat::Json => self.line("ERROR", message, hint),
        }
    }

    /// Prints a line of JSON on stderr, in the form that the logs have.
    fn line(&self, level: &str, message: &str, hint: Option<&str>) {
        let timestamp = Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true);
        let mut line = serde_json::json!({
            "timestamp": timestamp, "level": level, "message": message.trim_end(), "target": "fanout::cli",
        });
        if let Some(hint) = hint {
            line["hint"] = hint.into();
        }
        self.write(format!("{line}\n").as_bytes());
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
