//! `fanout schema`: what a pipeline file of this program may say, for editors and validators.

use super::output::Terminal;
use crate::SinkRegistry;
use crate::error::Exit;

pub(super) const EXAMPLES: &str = "\
An editor that knows TOML checks and completes a file whose first line is `#:schema fanout.schema.json`.

Examples:
  fanout schema > fanout.schema.json";

/// Prints the JSON Schema of a pipeline file.
pub(super) fn execute(registry: &SinkRegistry, terminal: &Terminal) -> Exit {
    let schema = registry.pipeline_schema();
    terminal.result(&format!("{schema:#}\n"));
    Exit::Done
}
