//! `fanout report`: its arguments, and the page it writes.

use std::path::PathBuf;

use clap::Args;

use super::gather::Overview;
use super::page;
use crate::cli::arguments::FileArguments;
use crate::cli::output::Terminal;
use crate::config::Environment;
use crate::error::{Error, Exit};
use crate::inspect;

/// Arguments of `fanout report`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct ReportArguments {
    #[command(flatten)]
    file: FileArguments,
    /// Where the page is written; what is there is replaced
    #[arg(long, value_name = "PATH")]
    html: PathBuf,
}

const EXAMPLES: &str = "\
The page needs no network and nothing beside it: it can be sent by mail, or served as it is. It shows the runs whose reports lie
in `runs/` under `journal.path`: of each account the last 90, and the last 90 of all.

Examples:
  fanout report pipelines/followers.toml --html report.html";

/// Writes the page.
pub(in crate::cli) fn execute(
    arguments: &ReportArguments,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Error> {
    let pipeline = arguments.file.load_offline(environment)?;
    let mut overview = Overview::new(&pipeline);
    inspect::past_runs(&pipeline)?.for_each(|run| overview.add(run));
    let path = arguments.html.display();
    match std::fs::write(&arguments.html, page::render(&overview)) {
        Ok(()) => {
            terminal.result(&format!("{path}\n"));
            Ok(Exit::Done)
        }
        Err(error) => {
            terminal.error(&format!("cannot write `{path}`: {error}"), None);
            Ok(Exit::Failed)
        }
    }
}
