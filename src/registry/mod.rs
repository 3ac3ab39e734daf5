//! The sinks of this program: finds the factory that a pipeline file's `type` names, and binds it
//! to its options and columns.
//!
//! Before it: `config` has read the file. Behind it: the engine opens each [`BoundSink`] for each
//! list that it takes; `cli` prints the types and the JSON Schema.
//!
//! Registration is explicit, so that a program's `main` shows which sinks it has. Add a sink of
//! your own by one more [`with`](SinkRegistry::with):
//!
//! ```
//! use fanout::SinkRegistry;
//! use fanout_sink::{Batch, ClosureFactory, SinkError};
//!
//! let log = ClosureFactory::new("log", |_batch: Batch| async { Ok::<(), SinkError>(()) });
//! let registry = SinkRegistry::builtin().with(log);
//! assert!(registry.types().any(|name| name == "log"));
//! ```

mod bound;
mod columns;
mod roots;
mod schema;
mod sink_registry;
#[cfg(test)]
mod tests;

pub use bound::BoundSink;
pub use columns::ListColumns;
pub use sink_registry::SinkRegistry;
