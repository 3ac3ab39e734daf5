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
mod conformance;
mod history;
mod interrupt;
mod logging;
mod new;
mod options;
mod output;
mod process;
mod progress;
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

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::SinkRegistry;
use crate::config::Environment;
use crate::error::{Error, Exit};
use output::Terminal;

#[derive(Debug, Parser)]
#[command(name = "fanout", version, about, long_about = LONG_ABOUT, after_long_help = EXIT_CODES)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

/// An account under way has a thread for its delivery and one for each sink, and a sink does not give its own back until
/// the list is published: with fewer threads than that, accounts would wait for each other for ever. Threads exist only
/// while they are needed.
const MOST_THREADS: usize = 1 << 15;

const LONG_ABOUT: &str = "\
Reads the follower list of WeChat Official Accounts (获取用户列表) and delivers it, complete and exactly once, to every \
sink of a pipeline file.";

const EXIT_CODES: &str = "\
Exit codes:
    0  every selected account is complete and published
    1  a person must act; the journal is kept
    2  the command line or the pipeline file is wrong; no API call was made
   75  try the same command again later
  130  interrupted; the same command goes on

Logs go to stderr; RUST_LOG filters them (`RUST_LOG=fanout=debug`).";

#[derive(Debug, Subcommand)]
enum Command {
    /// Read the lists of a pipeline file's accounts and publish them to its sinks
    Run(run::RunArguments),
    /// Deliver lists that are complete to sinks that lack them, without any API call
    Replay(replay::ReplayArguments),
    /// Say what would keep a run from its end, without any API call
    Check(check::CheckArguments),
    /// Show how the accounts stand: their last lists, walks under way, calls of today, disk
    Status(status::StatusArguments),
    /// Show what the runs of one account came to
    History(history::HistoryArguments),
    /// Write one page about all accounts and runs, to be opened in a browser
    Report(report::ReportArguments),
    /// List the sinks that a pipeline file may name, or every option of one, or test one
    Sinks(sinks::SinksArguments),
    /// Write what a sink of one's own begins with
    New(new::NewArguments),
    /// Print the JSON Schema of a pipeline file, for editors, or that of a run's report
    Schema(schema::SchemaArguments),
    /// Serve a WeChat API with made-up followers on this machine
    #[cfg(feature = "simulator")]
    Simulate(simulate::SimulateArguments),
}

/// Runs the command line of this process with the sinks of `registry`, and returns what the process is to end with.
///
/// A wrong command line, `--help` and `--version` end the process here.
#[expect(clippy::needless_pass_by_value, reason = "a `main` ends in this call, and reads best without a `&`")]
pub fn main(registry: SinkRegistry) -> ExitCode {
    process::forbid_cores();
    process::allow_open_files();
    let command = CommandLine::parse().command;
    let environment = Environment::process();
    let terminal = Terminal::new(&environment);
    logging::start(&environment, &terminal);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = match runtime.enable_all().max_blocking_threads(MOST_THREADS).build() {
        Ok(runtime) => runtime,
        Err(error) => {
            terminal.error(&format!("the threads of the program cannot be started: {error}"), None);
            return ExitCode::from(Exit::Failed.code());
        }
    };
    let exit = runtime.block_on(execute(command, &registry, &environment, &terminal)).unwrap_or_else(|error| {
        terminal.failure(&error);
        error.exit()
    });
    // What still runs in the background belongs to a run that was given up: like a crash, it may end anywhere.
    runtime.shutdown_background();
    ExitCode::from(exit.code())
}

async fn execute(
    command: Command,
    registry: &SinkRegistry,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Error> {
    process::survive_file_limits();
    match command {
        Command::Run(arguments) => run::execute(&arguments, registry, environment, terminal).await,
        Command::Replay(arguments) => replay::execute(&arguments, registry, environment, terminal).await,
        Command::Check(arguments) => check::execute(&arguments, registry, environment, terminal).await,
        Command::Status(arguments) => status::execute(&arguments, environment, terminal),
        Command::History(arguments) => history::execute(&arguments, environment, terminal),
        Command::Report(arguments) => report::execute(&arguments, environment, terminal),
        Command::Sinks(arguments) => sinks::execute(&arguments, registry, environment, terminal).await,
        Command::New(arguments) => Ok(new::execute(&arguments, registry, terminal)),
        Command::Schema(arguments) => Ok(schema::execute(&arguments, registry, terminal)),
        #[cfg(feature = "simulator")]
        Command::Simulate(arguments) => Ok(simulate::execute(&arguments, terminal).await),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn a_wrong_command_line_ends_with_the_code_of_a_wrong_pipeline_file() {
        for arguments in
            [&["fanout", "run"][..], &["fanout", "run", "p.toml", "--date", "1.2.2026"], &["fanout", "rnu"]]
        {
            let error = CommandLine::try_parse_from(arguments).unwrap_err();
            assert_eq!(error.exit_code(), i32::from(Exit::Usage.code()), "{error}");
        }
        let help = CommandLine::try_parse_from(["fanout", "run", "--help"]).unwrap_err();
        assert_eq!((help.kind(), help.exit_code()), (ErrorKind::DisplayHelp, 0));
    }
}
