//! `fanout schema`: what a pipeline file of this program may say, and what the report of a run says.

use clap::Args;

use super::output::Terminal;
use crate::error::Exit;
use crate::registry::SinkRegistry;
use crate::report::RunReport;

/// Arguments of `fanout schema`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SchemaArguments {
    /// The schema of a run's report instead: what `--json` prints, and what lies in `runs/` beside the journals
    #[arg(long)]
    report: bool,
}

const EXAMPLES: &str = "\
An editor that knows TOML checks and completes a file whose first line is `#:schema fanout.schema.json`.

Examples:
  fanout schema > fanout.schema.json
  fanout schema --report > report.schema.json";

/// Prints a JSON Schema.
pub(super) fn execute(arguments: &SchemaArguments, registry: &SinkRegistry, terminal: &Terminal) -> Exit {
    let schema = if arguments.report { RunReport::schema() } else { registry.pipeline_schema() };
    terminal.result(&format!("{schema:#}\n"));
    Exit::Done
}
