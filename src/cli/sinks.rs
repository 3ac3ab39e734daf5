//! `fanout sinks`: what a pipeline file may name as `type`, and what each of them can be told.

use clap::Args;

use super::options;
use super::output::Terminal;
use super::table::{Side, render};
use crate::SinkRegistry;
use crate::config::did_you_mean;
use crate::error::Exit;

/// Arguments of `fanout sinks`.
#[derive(Debug, Args)]
pub(super) struct SinksArguments {
    /// Print every option of this type
    #[arg(value_name = "TYPE")]
    name: Option<String>,
}

/// Prints one line for each kind of sink, or everything about one.
pub(super) fn execute(arguments: &SinksArguments, registry: &SinkRegistry, terminal: &Terminal) -> Exit {
    let Some(name) = &arguments.name else {
        let rows: Vec<_> = registry.summaries().map(|(name, summary)| [name.to_owned(), summary.to_owned()]).collect();
        terminal.result(&render([("type", Side::Left), ("what it writes, and how often each row", Side::Left)], &rows));
        return Exit::Done;
    };
    let summary = registry.summaries().find(|(known, _)| known == name);
    let Some(((name, summary), schema)) = summary.zip(registry.options_schema(name)) else {
        let types: Vec<&str> = registry.types().collect();
        let hint = did_you_mean(name, &types);
        terminal.error(&format!("found no sink type `{name}`, expected one of `{}`{hint}", types.join("`, `")), None);
        return Exit::Usage;
    };
    terminal.result(&options::describe(name, summary, &schema));
    Exit::Done
}
