//! `fanout schema`: what a pipeline file of this program may say, for editors and validators.

use super::output::Terminal;
use crate::SinkRegistry;
use crate::error::Exit;

/// Prints the JSON Schema of a pipeline file.
pub(super) fn execute(registry: &SinkRegistry, terminal: &Terminal) -> Exit {
    let schema = registry.pipeline_schema();
    terminal.result(&format!("{schema:#}\n"));
    Exit::Done
}
