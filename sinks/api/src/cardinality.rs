//! The mark of a column with few values. The engine sets it in the schema of a list; a sink may
//! store such a column differently.

/// The key in a field's metadata that tells sinks whether a column has few different values. It is
/// for sinks only: a sink that stores Arrow metadata leaves it out.
pub const CARDINALITY: &str = "fanout.cardinality";

/// The value of [`CARDINALITY`] for a column that is constant in a list or has few values: a
/// dictionary makes it smaller. A column without the mark may vary from row to row.
pub const LOW_CARDINALITY: &str = "low";
