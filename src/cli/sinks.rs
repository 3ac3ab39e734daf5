//! `fanout sinks`: lists the types of sinks, shows the options of one, or tests a sink. `registry`
//! knows the types, `conformance` has the tests.

use clap::{Args, Subcommand};

use super::conformance::{self, TestArguments};
use super::options;
use super::output::Terminal;
use super::table::{render, text};
use crate::config::{Environment, did_you_mean};
use crate::error::{Error, Exit};
use crate::registry::SinkRegistry;

/// Arguments of `fanout sinks`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub(super) struct SinksArguments {
    /// Print every option of this type of sink
    #[arg(value_name = "TYPE")]
    name: Option<String>,
    #[command(subcommand)]
    command: Option<SinksCommand>,
}

const EXAMPLES: &str = "\
Examples:
  fanout sinks                                            all types
  fanout sinks parquet                                    every option of one
  fanout sinks test pipelines/demo.toml --sink lake       tests one against the contract";

#[derive(Debug, Subcommand)]
enum SinksCommand {
    /// Test a sink of a pipeline file against the contract, with made-up lists
    Test(TestArguments),
}

/// Runs the subcommand, or prints the options of one type, or one line for each type.
pub(super) async fn execute(
    arguments: &SinksArguments,
    registry: &SinkRegistry,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Error> {
    match (&arguments.command, &arguments.name) {
        (Some(SinksCommand::Test(arguments)), _) => {
            conformance::execute(arguments, registry, environment, terminal).await
        }
        (None, Some(name)) => Ok(describe(name, registry, terminal)),
        (None, None) => {
            list(registry, terminal);
            Ok(Exit::Done)
        }
    }
}

fn describe(name: &str, registry: &SinkRegistry, terminal: &Terminal) -> Exit {
    let summary = registry.summaries().find(|(known, _)| *known == name);
    let Some(((name, summary), schema)) = summary.zip(registry.options_schema(name)) else {
        let types: Vec<&str> = registry.types().collect();
        let hint = did_you_mean(name, &types);
        terminal.error(&format!("found no sink type `{name}`, expected one of `{}`{hint}", types.join("`, `")), None);
        return Exit::Usage;
    };
    terminal.result(&options::describe(name, summary, &schema));
    Exit::Done
}

fn list(registry: &SinkRegistry, terminal: &Terminal) {
    let rows: Vec<_> = registry.summaries().map(|(name, summary)| [name.to_owned(), summary.to_owned()]).collect();
    let columns = [text("type"), text("what it writes, and its guarantee").wrapping()];
    terminal.result(&render(columns, &rows, terminal.width()));
}
