//! Binds the sinks of a pipeline file.
//!
//! Before it: `config` reads the file. Behind it: a run, a replay or a check of these sinks.

use std::path::Path;

use super::limits::Limits;
use crate::config::{ConfigErrors, Draft, Overrides, Pipeline, SinkSection};
use crate::registry::{BoundSink, ListColumns, SinkRegistry};
use crate::rows::{default_columns, row_schema};
use crate::wechat::List;

/// Returns the columns of a list, for [`SinkRegistry::bind`].
pub(crate) fn list_columns(list: List) -> ListColumns {
    ListColumns { schema: row_schema(list), default: default_columns(list) }
}

/// Reads the pipeline file at `file` for a command that binds its sinks.
///
/// # Errors
///
/// Every problem of the file and its overrides and, if there is one, of its sinks.
pub(crate) fn load(file: &Path, overrides: &Overrides, registry: &SinkRegistry) -> Result<Pipeline, ConfigErrors> {
    Draft::load(file, overrides)?.with_problems_of_sinks(|section| bind_one(section, registry)).finish()
}

/// Binds the sinks of a pipeline file, and checks their memory against `limits.memory`.
///
/// # Errors
///
/// Everything that is wrong with the file, sink by sink.
pub fn bind(pipeline: &Pipeline, registry: &SinkRegistry) -> Result<Vec<BoundSink>, ConfigErrors> {
    let sinks = registry.bind_all(pipeline, list_columns)?;
    Limits::of(pipeline, &sinks)?;
    Ok(sinks)
}

/// Returns whether a sink of the pipeline file writes to stdout. One that is wrong writes nowhere.
pub(crate) fn takes_stdout(pipeline: &Pipeline, registry: &SinkRegistry) -> bool {
    pipeline.sinks.iter().any(|section| bind_one(section, registry).is_ok_and(|sink| sink.uses_stdout()))
}

/// Binds one sink of a pipeline file, whatever is wrong with the others.
///
/// # Errors
///
/// Everything that is wrong with this sink.
pub(crate) fn bind_one(section: &SinkSection, registry: &SinkRegistry) -> Result<BoundSink, ConfigErrors> {
    registry.bind(section, &list_columns(section.list))
}
