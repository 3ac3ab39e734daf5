//! `fanout sinks`: what a pipeline file may name as `type`.

use super::output::Terminal;
use super::table::{Side, render};
use crate::SinkRegistry;
use crate::error::Exit;

/// Prints one line for each kind of sink.
pub(super) fn execute(registry: &SinkRegistry, terminal: &Terminal) -> Exit {
    let rows: Vec<_> = registry.summaries().map(|(name, summary)| [name.to_owned(), summary.to_owned()]).collect();
    terminal.result(&render([("type", Side::Left), ("what it writes, and how often each row", Side::Left)], &rows));
    Exit::Done
}
