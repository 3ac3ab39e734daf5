//! The command line as a whole: it is parsed, the process is set up, and one command is executed.
//!
//! Stands before the commands. Each has its arguments and its `execute` in a file of its own.

use std::process::ExitCode;

use clap::{ArgAction, CommandFactory, Parser, Subcommand};

use super::log_format::LogFormat;
use super::logging::Level;
use super::output::Terminal;
#[cfg(feature = "simulator")]
use super::simulate;
#[cfg(feature = "otel")]
use super::traces;
use super::{
    check, completions, history, logging, man, new, process, prune, replay, report, run, schema, sinks, status,
};
use crate::config::Environment;
use crate::error::{Error, Exit};
use crate::registry::SinkRegistry;

#[derive(Debug, Parser)]
#[command(name = "fanout", version, about, long_about = LONG_ABOUT, after_long_help = NOTES)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
    /// Format of logs, errors and hints on stderr: text, or one JSON object per line
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    log_format: LogFormat,
    /// Show errors and hints only on stderr: no progress, no logs
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Show more in the logs; twice shows everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read the lists of a pipeline file's accounts and publish them to its sinks
    Run(run::RunArguments),
    /// Deliver complete lists to the sinks that lack them, without any API call
    Replay(replay::ReplayArguments),
    /// Find what would make a run fail: without any API call, or with `--connect`
    Check(check::CheckArguments),
    /// Show each account: its last list, a walk under way, calls of today, disk
    Status(status::StatusArguments),
    /// Show the results of one account's runs
    History(history::HistoryArguments),
    /// Write an HTML page about all accounts and runs
    Report(report::ReportArguments),
    /// Show which parts of the state are no longer needed, and remove them with `--yes`
    Prune(prune::PruneArguments),
    /// List the types of sinks, show every option of one, or test a sink
    Sinks(sinks::SinksArguments),
    /// Write the beginning of a sink of your own
    New(new::NewArguments),
    /// Print the JSON Schema of a pipeline file, for editors, or that of a run's report
    Schema(schema::SchemaArguments),
    /// Print the completions of commands and flags for a shell
    Completions(completions::CompletionsArguments),
    /// Print the man page of all commands
    #[command(after_help = man::EXAMPLES)]
    Man,
    /// Serve a WeChat API with made-up followers on this machine
    #[cfg(feature = "simulator")]
    Simulate(simulate::SimulateArguments),
}

const LONG_ABOUT: &str = "\
Reads the follower list of WeChat Official Accounts (获取用户列表) and delivers it, complete and exactly once, to every \
sink of a pipeline file.";

const NOTES: &str = "\
Examples:
  fanout run pipelines/demo.toml          23,000 made-up followers, no account needed
  fanout check followers.toml             finds what would make a run fail
  fanout run followers.toml               the real lists
  fanout help run                         the options of a command

Exit codes:
    0  every selected list is complete and published
    1  a person must act; the journal is kept
    2  the command line or the pipeline file is wrong; no API call was made
   75  try the same command again later
  130  interrupted; the same command continues

Logs go to stderr. `-q` and `-v` choose how many; without them RUST_LOG filters (`RUST_LOG=fanout=debug`). NO_COLOR turns \
colours off. On a terminal, tables are as wide as it; COLUMNS sets another width.";

/// Runs the command line of this process with the sinks of `registry`, and returns the exit code.
///
/// A wrong command line, `--help` and `--version` end the process here.
#[expect(clippy::needless_pass_by_value, reason = "a `main` ends in this call, and reads best without a `&`")]
pub fn main(registry: SinkRegistry) -> ExitCode {
    process::forbid_cores();
    process::allow_open_files();
    process::allow_threads();
    process::keep_freed_memory();
    let environment = Environment::process();
    let answerer = Terminal::new(&environment, LogFormat::Text, true);
    if let Some(exit) = completions::answer(std::env::args_os(), &environment, &answerer) {
        return ExitCode::from(answerer.exit(exit).code());
    }
    let CommandLine { command, log_format, quiet, verbose } =
        CommandLine::try_parse().unwrap_or_else(|error| refuse(&error, &environment));
    let terminal = Terminal::new(&environment, log_format, quiet);
    let runtime = match process::start_runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            terminal.failure(&error);
            return ExitCode::from(error.exit().code());
        }
    };
    #[cfg(feature = "otel")]
    let traces = traces::Traces::start(&environment, runtime.handle());
    #[cfg(feature = "otel")]
    let listener = traces.as_ref().map(traces::Traces::listener);
    #[cfg(not(feature = "otel"))]
    let listener = None;
    let logs = logging::start(&environment, &terminal, Level::new(quiet, verbose), listener);
    let exit = runtime.block_on(execute(command, &registry, &environment, &terminal)).unwrap_or_else(|error| {
        terminal.failure(&error);
        error.exit()
    });
    logs.end(&terminal);
    let exit = terminal.exit(exit);
    #[cfg(feature = "otel")]
    if let Some(traces) = traces {
        traces.finish(exit);
    }
    // What still runs in the background belongs to a run that was stopped, and may end anywhere, as
    // in a crash.
    runtime.shutdown_background();
    ExitCode::from(exit.code())
}

/// Ends the process with the error of its command line, or with the help or version that it asks
/// for.
fn refuse(error: &clap::Error, environment: &Environment) -> ! {
    let terminal = Terminal::new(environment, LogFormat::of_arguments(std::env::args_os()), false);
    if error.use_stderr() && terminal.format() == LogFormat::Text {
        error.exit();
    }
    let code = if error.use_stderr() {
        terminal.error(error.render().to_string().trim_start_matches("error: "), None);
        error.exit_code()
    } else {
        terminal.help(&error.render(), environment);
        terminal.exit(Exit::Done).code().into()
    };
    #[expect(clippy::exit, reason = "as clap does it")]
    std::process::exit(code)
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
        Command::Status(arguments) => status::execute(&arguments, registry, environment, terminal).await,
        Command::History(arguments) => history::execute(&arguments, environment, terminal),
        Command::Report(arguments) => report::execute(&arguments, environment, terminal),
        Command::Prune(arguments) => prune::execute(&arguments, environment, terminal),
        Command::Sinks(arguments) => sinks::execute(&arguments, registry, environment, terminal).await,
        Command::New(arguments) => Ok(new::execute(&arguments, registry, terminal)),
        Command::Schema(arguments) => Ok(schema::execute(&arguments, registry, terminal)),
        Command::Completions(arguments) => Ok(completions::execute(&arguments, CommandLine::command(), terminal)),
        Command::Man => Ok(man::execute(CommandLine::command(), terminal)),
        #[cfg(feature = "simulator")]
        Command::Simulate(arguments) => Ok(simulate::execute(&arguments, terminal).await),
    }
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    /// Splits an example as a shell would, up to its explanation or to `|` or `>`.
    fn words(example: &str) -> Vec<String> {
        let mut words = Vec::new();
        let mut rest = example.split("   ").next().unwrap_or_default().trim();
        while !rest.is_empty() {
            let (word, behind) = match rest.strip_prefix('\'') {
                Some(quoted) => quoted.split_once('\'').unwrap(),
                None => rest.split_once(' ').unwrap_or((rest, "")),
            };
            if ["|", ">"].contains(&word) {
                break;
            }
            words.push(word.to_owned());
            rest = behind.trim_start();
        }
        words
    }

    /// Asserts that the examples of a command and of its subcommands are understood.
    fn assert_examples(command: &mut clap::Command) {
        let name = command.get_bin_name().unwrap_or("fanout").to_owned();
        let help = command.render_long_help().to_string();
        let (_, examples) = help.split_once("Examples:\n").unwrap_or_else(|| panic!("`{name}` has no examples"));
        let examples: Vec<_> = examples.lines().take_while(|line| line.starts_with("  ")).collect();
        assert!(examples.iter().any(|example| example.trim().starts_with(&name)), "`{name}`: {examples:?}");
        for example in examples {
            if let Err(error) = CommandLine::try_parse_from(words(example)) {
                assert_eq!(error.kind(), ErrorKind::DisplayHelp, "`{name}`: {example}: {error}");
            }
        }
        command.get_subcommands_mut().filter(|command| command.get_name() != "help").for_each(assert_examples);
    }

    #[test]
    fn the_help_of_every_command_has_examples_that_it_understands() {
        let mut command = CommandLine::command();
        command.build();
        assert_examples(&mut command);
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
