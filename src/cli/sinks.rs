//! `fanout sinks`: what a pipeline file may name as `type`, what each of them can be told, and whether a sink keeps the
//! contract.

use clap::{Args, Subcommand};

use super::conformance::{self, TestArguments};
use super::options;
use super::output::Terminal;
use super::table::{Side, render};
use crate::config::{Environment, did_you_mean};
use crate::error::{Error, Exit};
use crate::registry::SinkRegistry;

/// Arguments of `fanout sinks`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub(super) struct SinksArguments {
    /// Print every option of this type
    #[arg(value_name = "TYPE")]
    name: Option<String>,
    #[command(subcommand)]
    command: Option<SinksCommand>,
}

const EXAMPLES: &str = "\
Examples:
  fanout sinks                                            the kinds there are
  fanout sinks parquet                                    every option of one
  fanout sinks test pipelines/demo.toml --sink lake       whether one keeps the contract";

#[derive(Debug, Subcommand)]
enum SinksCommand {
    /// Hold a sink, as a pipeline file configures it, to the contract, with made-up lists
    Test(TestArguments),
}

/// Does what the subcommand says, or prints everything about one kind of sink, or one line for each.
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
    terminal.result(&render([("type", Side::Left), ("what it writes, and how often each row", Side::Left)], &rows));
}
