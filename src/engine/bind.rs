//! Binds the sinks of a pipeline file, and divides `limits.memory`.

use super::budget::{OWN, footprint};
use super::slots::Slots;
use crate::config::{ConfigErrors, Pipeline};
use crate::registry::{BoundSink, SinkRegistry};
use crate::rows::row_schema;

/// Bytes that the engine itself needs for a delivery, beside its pages: the count of distinct followers.
const ENGINE_MEMORY: u64 = 6 << 20;

/// Binds the sinks of a pipeline file, and holds their memory against `limits.memory`.
///
/// # Errors
///
/// Everything that is wrong with the file, sink by sink.
pub fn bind(pipeline: &Pipeline, registry: &SinkRegistry) -> Result<Vec<BoundSink>, ConfigErrors> {
    let sinks = registry.bind_all(pipeline, row_schema)?;
    page_budget(pipeline, &sinks)?;
    Ok(sinks)
}

/// Returns the bytes that are left for the accounts to share once each has a page of its own, and the sinks of those that
/// are delivered at the same time have what they declare.
pub(super) fn page_budget(pipeline: &Pipeline, sinks: &[BoundSink]) -> Result<u64, ConfigErrors> {
    let limits = &pipeline.limits;
    let lists = pipeline.lists();
    let accounts = limits.accounts.min(pipeline.accounts.len() * lists.len());
    let deliveries = Slots::most(limits, accounts);
    // A delivery is of one list, and opens the sinks that take it.
    let sinks_of = |list| sinks.iter().filter(move |sink| sink.section().list == list);
    let sinks = lists.iter().map(|&list| sinks_of(list).map(BoundSink::memory).sum()).max().unwrap_or(0_u64);
    let page = footprint(pipeline.source.max_reply_bytes);
    let pages = accounts as u64 * OWN;
    let fixed = (deliveries as u64).saturating_mul(sinks.saturating_add(ENGINE_MEMORY)).saturating_add(pages);
    match limits.memory.checked_sub(fixed) {
        Some(rest) if rest >= page => Ok(rest),
        _ => {
            let mib = |bytes: u64| bytes.div_ceil(1 << 20);
            let message = format!(
                "found {} MiB, expected at least {} MiB: {deliveries} deliveries at once, each with {} MiB for its sinks and {} \
                 MiB for the count of its followers, {} MiB for pages of {accounts} accounts, and a reply of up to {} MiB; lower \
                 `limits.deliveries` or `limits.accounts`, or raise this",
                mib(limits.memory),
                mib(fixed.saturating_add(page)),
                mib(sinks),
                mib(ENGINE_MEMORY),
                mib(pages),
                mib(page),
            );
            Err(pipeline.problem("limits.memory", message).into())
        }
    }
}
