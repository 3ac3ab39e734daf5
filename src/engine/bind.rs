//! Binds the sinks of a pipeline file, and divides `limits.memory`.
//!
//! Before it: `config` has read the file. Behind it: `run_context` gives the bytes that are left to
//! the [budget](super::budget).

use super::budget::{OWN, footprint};
use super::slots::Slots;
use crate::config::{ConfigErrors, Pipeline, SinkSection};
use crate::registry::{BoundSink, SinkRegistry};
use crate::rows::row_schema;

/// Bytes that each delivery needs beside its pages and its sinks: the distinct count.
const COUNT_MEMORY: u64 = 6 << 20;

/// Binds the sinks of a pipeline file, and checks their memory against `limits.memory`.
///
/// # Errors
///
/// Everything that is wrong with the file, sink by sink.
pub fn bind(pipeline: &Pipeline, registry: &SinkRegistry) -> Result<Vec<BoundSink>, ConfigErrors> {
    let sinks = registry.bind_all(pipeline, row_schema)?;
    page_budget(pipeline, &sinks)?;
    Ok(sinks)
}

/// Binds one sink of a pipeline file, whatever is wrong with the others.
///
/// # Errors
///
/// Everything that is wrong with this sink.
pub(crate) fn bind_one(section: &SinkSection, registry: &SinkRegistry) -> Result<BoundSink, ConfigErrors> {
    registry.bind(section, &row_schema(section.list))
}

/// Returns the bytes of `limits.memory` that the pages of all units share. Before them come a page
/// of its own for each unit under way, and for each delivery at the same time the distinct count
/// and the memory that its sinks declare.
pub(super) fn page_budget(pipeline: &Pipeline, sinks: &[BoundSink]) -> Result<u64, ConfigErrors> {
    let limits = &pipeline.limits;
    let lists = pipeline.lists();
    let units = limits.accounts.min(pipeline.accounts.len() * lists.len());
    let deliveries = Slots::most(limits, units);
    // A delivery opens the sinks of one list only.
    let sinks_of = |list| sinks.iter().filter(move |sink| sink.section().list == list);
    let sinks = lists.iter().map(|&list| sinks_of(list).map(BoundSink::memory).sum()).max().unwrap_or(0_u64);
    let page = footprint(pipeline.source.max_reply_bytes);
    let pages = units as u64 * OWN;
    let fixed = (deliveries as u64).saturating_mul(sinks.saturating_add(COUNT_MEMORY)).saturating_add(pages);
    match limits.memory.checked_sub(fixed) {
        Some(rest) if rest >= page => Ok(rest),
        _ => {
            let mib = |bytes: u64| bytes.div_ceil(1 << 20);
            let message = format!(
                "found {} MiB, expected at least {} MiB: {deliveries} deliveries at once, each with {} MiB for its sinks and {} \
                 MiB for the count of its followers, {} MiB for pages of {units} accounts, and a reply of up to {} MiB; lower \
                 `limits.deliveries` or `limits.accounts`, or raise this",
                mib(limits.memory),
                mib(fixed.saturating_add(page)),
                mib(sinks),
                mib(COUNT_MEMORY),
                mib(pages),
                mib(page),
            );
            Err(pipeline.problem("limits.memory", message).into())
        }
    }
}
