//! `fanout sinks`: what a pipeline file may name as `type`, and whether a sink keeps the contract.

use clap::{Args, Subcommand};

use super::conformance::{self, TestArguments};
use super::output::Terminal;
use super::table::{Side, render};
use crate::SinkRegistry;
use crate::config::Environment;
use crate::error::{Error, Exit};

/// Arguments of `fanout sinks`.
#[derive(Debug, Args)]
pub(super) struct SinksArguments {
    #[command(subcommand)]
    command: Option<SinksCommand>,
}

#[derive(Debug, Subcommand)]
enum SinksCommand {
    /// Hold a sink, as a pipeline file configures it, to the contract, with made-up lists
    Test(TestArguments),
}

/// Does what the subcommand says, or prints one line for each kind of sink.
pub(super) async fn execute(
    arguments: &SinksArguments,
    registry: &SinkRegistry,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Error> {
    match &arguments.command {
        Some(SinksCommand::Test(arguments)) => conformance::execute(arguments, registry, environment, terminal).await,
        None => {
            list(registry, terminal);
            Ok(Exit::Done)
        }
    }
}

fn list(registry: &SinkRegistry, terminal: &Terminal) {
    let rows: Vec<_> = registry.summaries().map(|(name, summary)| [name.to_owned(), summary.to_owned()]).collect();
    terminal.result(&render([("type", Side::Left), ("what it writes, and how often each row", Side::Left)], &rows));
}
