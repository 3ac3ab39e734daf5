//! What readers of the outputs may misunderstand: names that they take for numbers, dates or NULL.
//!
//! Before it: the pipeline file. Behind it: `fanout check` prints the warnings, and
//! [`connected`](super::connected) makes findings of them. A run does not fail because of them.

use std::sync::Arc;

use fanout_sink::{SinkContext, SinkWarning};

use super::finding::{Check, Finding};
use crate::config::{ConfigErrors, Pipeline};
use crate::engine::bind::bind;
use crate::registry::{BoundSink, SinkRegistry};

/// Returns what readers may misunderstand in the outputs of each sink, with the sink's name.
///
/// # Errors
///
/// Everything that is wrong with the pipeline file.
pub fn reader_warnings(
    pipeline: &Pipeline,
    registry: &SinkRegistry,
) -> Result<Vec<(String, SinkWarning)>, ConfigErrors> {
    Ok(warnings(pipeline, &bind(pipeline, registry)?))
}

pub(super) fn findings(pipeline: &Pipeline, sinks: &[BoundSink]) -> Vec<Finding> {
    let findings = warnings(pipeline, sinks).into_iter();
    let finding = |(sink, warning): (String, SinkWarning)| {
        Finding::warning(Check::Sink, format!("`{sink}`: {}", warning.message)).with_hint(warning.hint)
    };
    findings.map(finding).collect()
}

fn warnings(pipeline: &Pipeline, sinks: &[BoundSink]) -> Vec<(String, SinkWarning)> {
    // One context for all accounts, in whose names it is.
    let Some(first) = pipeline.accounts.first() else { return Vec::new() };
    let names: Arc<[String]> = pipeline.account_names.as_slice().into();
    let of_sink = |sink: &BoundSink| {
        let context = SinkContext::new(&first.name, &first.app_id, Arc::clone(sink.schema()))
            .with_names(&pipeline.name, sink.name())
            .with_accounts(Arc::clone(&names))
            .with_list(sink.section().list.name())
            .with_directory(&pipeline.directory);
        let name = sink.name().to_owned();
        sink.warnings(&context).into_iter().map(move |warning| (name.clone(), warning))
    };
    sinks.iter().flat_map(of_sink).collect()
}
