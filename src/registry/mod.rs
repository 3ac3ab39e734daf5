//! Which sinks exist: `type` in a pipeline file → [`SinkFactory`].
//!
//! Registration is explicit: what a binary can do is read in its `main`. A sink of your own is one more
//! [`with`](SinkRegistry::with):
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
pub use sink_registry::SinkRegistry;
