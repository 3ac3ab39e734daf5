//! The only module that prints: results to stdout, everything else to stderr, never across a
//! progress bar.
//!
//! Every command, and every log line through [`logging`](super::logging), ends here.

use std::io::{self, IsTerminal, Write};

use chrono::{SecondsFormat, Utc};
use clap::builder::StyledStr;
use indicatif::MultiProgress;
use tracing_subscriber::fmt::MakeWriter;

use super::help;
use super::log_format::LogFormat;
use super::stdout::Stdout;
use crate::config::Environment;
use crate::error::{Error, Exit};

/// stdout and stderr of the process, and the progress bars on stderr. Clones share the bars.
#[derive(Clone, Debug)]
pub(super) struct Terminal {
    bars: MultiProgress,
    stdout: Stdout,
    format: LogFormat,
    is_interactive: bool,
    is_colored: bool,
    is_quiet: bool,
    width: Option<usize>,
}

impl Terminal {
    /// Makes the terminal of this process. With JSON, stderr has only lines, even on a terminal; a
    /// quiet one shows errors and hints alone.
    pub(super) fn new(environment: &Environment, format: LogFormat, is_quiet: bool) -> Self {
        let is_terminal = io::stderr().is_terminal() && format == LogFormat::Text;
        Self {
            bars: MultiProgress::new(),
            stdout: Stdout::default(),
            format,
            is_interactive: is_terminal && !is_quiet,
            is_colored: is_terminal && !has_no_color(environment),
            is_quiet,
            width: width(environment),
        }
    }

    /// Returns the columns of stdout, if it is a terminal or `COLUMNS` is set: a pipe or a file
    /// gets each row of a table on one line.
    pub(super) fn width(&self) -> Option<usize> {
        self.width
    }

    /// Returns the format of the lines on stderr.
    pub(super) fn format(&self) -> LogFormat {
        self.format
    }

    /// Returns whether stderr is a terminal that may have progress bars.
    pub(super) fn is_interactive(&self) -> bool {
        self.is_interactive
    }

    /// Returns whether stderr may have colours.
    pub(super) fn is_colored(&self) -> bool {
        self.is_colored
    }

    /// Returns the progress bars.
    pub(super) fn bars(&self) -> &MultiProgress {
        &self.bars
    }

    /// Removes the progress bars.
    pub(super) fn clear_bars(&self) {
        // It fails only if stderr is closed, and then there are no bars.
        let _ = self.bars.clear();
    }

    /// Prints a result to stdout. A failure is told on stderr, and decides the
    /// [`exit`](Self::exit); a pipe that its reader has closed is no failure.
    pub(super) fn result(&self, text: &str) {
        if let Err(error) = self.stdout.write(text) {
            let hint = "only the output is lost: what the command has done stays done";
            self.error(&format!("cannot write to stdout: {error}"), Some(hint));
        }
    }

    /// Prints a help text to stdout, fitted to its width.
    pub(super) fn help(&self, text: &StyledStr, environment: &Environment) {
        let is_plain = !io::stdout().is_terminal() || has_no_color(environment);
        let text = if is_plain { text.to_string() } else { text.ansi().to_string() };
        self.result(&help::fit(&text, self.width.unwrap_or(help::USUAL).min(help::WIDEST)));
    }

    /// Returns whether a result could not be written.
    pub(super) fn has_lost_a_result(&self) -> bool {
        self.stdout.has_failed()
    }

    /// Returns the exit of the process from that of its command: output that is lost is no success.
    pub(super) fn exit(&self, exit: Exit) -> Exit {
        if self.has_lost_a_result() { exit.worst(Exit::Failed) } else { exit }
    }

    /// Prints a result to stderr, for a run whose sinks write rows to stdout.
    pub(super) fn result_aside(&self, text: &str) {
        match self.format {
            LogFormat::Text => self.write(text.as_bytes()),
            LogFormat::Json => self.line("INFO", text, None),
        }
    }

    /// Prints a line to stderr, unless it is quiet.
    pub(super) fn note(&self, line: &str) {
        if self.is_quiet {
            return;
        }
        match self.format {
            LogFormat::Text => self.write(format!("{line}\n").as_bytes()),
            LogFormat::Json => self.line("INFO", line, None),
        }
    }

    /// Prints an error to stderr, and its hint.
    pub(super) fn error(&self, message: &str, hint: Option<&str>) {
        match self.format {
            LogFormat::Text => {
                let hint = hint.map_or_else(String::new, |hint| format!("hint: {hint}\n"));
                self.write(format!("error: {message}\n{hint}").as_bytes());
            }
            LogFormat::Json => self.line("ERROR", message, hint),
        }
    }

    /// Prints a warning to stderr, and its hint.
    pub(super) fn warning(&self, message: &str, hint: &str) {
        match self.format {
            LogFormat::Text => self.write(format!("warning: {message}\nhint: {hint}\n").as_bytes()),
            LogFormat::Json => self.line("WARN", message, Some(hint)),
        }
    }

    /// Prints a line of JSON to stderr, in the form of the logs.
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
        // If stderr fails, there is no other stream for the error.
        let print = || {
            let _ = io::stderr().write_all(bytes);
        };
        if self.is_interactive { self.bars.suspend(print) } else { print() }
    }
}

/// <https://no-color.org>: any value that is not empty.
fn has_no_color(environment: &Environment) -> bool {
    environment.get("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// The narrowest terminal that tables are fitted to.
const NARROWEST: usize = 40;

/// Returns the columns that are set, or else those of a terminal on stdout.
fn width(environment: &Environment) -> Option<usize> {
    let set = environment.get("COLUMNS").and_then(|value| value.to_str()?.parse().ok());
    let of_terminal = || Some(usize::from(console::Term::stdout().size_checked()?.1));
    set.or_else(of_terminal).filter(|&columns| columns > 0).map(|columns| columns.max(NARROWEST))
}

/// The writer of log lines: each line arrives in one call.
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
