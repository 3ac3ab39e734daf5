//! What a schema says about its columns beyond their types.

/// The key of a field's metadata under which the engine says how many different values a column holds. It speaks to
/// sinks only: a sink that stores Arrow metadata leaves it out.
pub const CARDINALITY: &str = "fanout.cardinality";

/// The value of [`CARDINALITY`] for a column that is constant in a list or has few values: a dictionary pays there.
/// Without the mark a column is taken to vary from row to row.
pub const LOW_CARDINALITY: &str = "low";
