//! From the journal to published sinks: the half of a run that is a pure function of the journal.
//!
//! Before it: the [unit](super::unit) starts a [`Publication`]. Behind it: the sinks, a thread
//! each.
//!
//! A walk that is decided already begins with a `look` at the sinks that have published it.
//!
//! `publication` is the outermost: it calls `list_delivery`, which runs the [walk](super::walk) and
//! the fan-out, and then continues with the sinks that have the list. The way of the data:
//!
//! ```text
//! list_delivery: opens the staged sinks, and runs the walk before or after that
//!  │
//!  ▼
//! fan_out (a thread): decode, count (distinct), digest ──► queues ──► sink_task (a thread each)
//!  │
//!  ▼
//! publication: prepare all (staged_sinks) ──► decision ──► commit each ──► each sink that waits:
//!              open, fan_out from the journal, prepare, commit
//! ```

mod distinct;
mod fan_out;
mod list_delivery;
mod look;
mod publication;
mod sink_task;
mod staged_sinks;

pub(super) use fan_out::{DistinctCount, FanOut, FanOutEnded};
pub(super) use look::Looked;
pub(crate) use look::{Look, look};
pub(super) use publication::{Publication, PublicationResult};
