//! The command line: one file a command, output and exit codes.
//!
//! stdout carries results (a summary, or JSON), stderr everything else: errors, hints, logs, progress. The exit codes
//! are those of [`Exit`]; clap ends a wrong command line with the same 2 as a wrong pipeline file.
//!
//! A binary with sinks of its own is one call:
//!
//! ```no_run
//! use fanout::SinkRegistry;
//! use fanout_sink::{Batch, ClosureFactory, SinkError};
//!
//! fn main() -> std::process::ExitCode {
//!     let log = ClosureFactory::new("log", |_batch: Batch| async { Ok::<(), SinkError>(()) });
//!     fanout::cli::main(SinkRegistry::builtin().with(log))
//! }
//! ```

mod arguments;
mod check;
mod command;
mod completions;
mod conformance;
mod findings;
mod history;
mod interrupt;
mod log_format;
mod logging;
mod man;
mod new;
mod options;
mod output;
mod process;
mod progress;
mod prune;
mod replay;
mod report;
mod run;
mod schema;
#[cfg(feature = "simulator")]
mod simulate;
mod sinks;
mod status;
mod summary;
mod table;
#[cfg(feature = "otel")]
mod traces;

pub use command::main;
