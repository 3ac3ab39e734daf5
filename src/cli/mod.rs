//! The command line: one file for each command, and what the commands share.
//!
//! A command loads the pipeline file through `config`, hands it to `engine` or `inspect`, and
//! prints the report that comes back. No other room uses this one.
//!
//! Results (a summary, or JSON) go to stdout; errors, hints, logs and progress go to stderr. The
//! exit codes are those of [`Exit`](crate::error::Exit). clap ends a wrong command line with the
//! same code 2 as a wrong pipeline file.
//!
//! A program with sinks of its own is one call:
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
mod failures;
mod findings;
mod help;
mod history;
mod interrupt;
mod log_format;
mod logging;
mod man;
mod new;
#[cfg(feature = "simulator")]
mod night;
mod options;
mod output;
mod process;
mod progress;
mod prune;
mod repeats;
mod replay;
mod report;
mod run;
mod schema;
#[cfg(feature = "simulator")]
mod simulate;
mod sinks;
mod status;
mod stdout;
mod summary;
mod table;
mod told;
#[cfg(feature = "otel")]
mod traces;

pub use command::main;
