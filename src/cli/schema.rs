//! `fanout schema`: prints the JSON Schema of a pipeline file with the sinks of this program, or of
//! a run's report.

use clap::Args;

use super::output::Terminal;
use crate::error::Exit;
use crate::registry::SinkRegistry;
use crate::report::RunReport;

/// Arguments of `fanout schema`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SchemaArguments {
    /// Print the schema of a run's report, which `--json` prints and `runs/` keeps
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
