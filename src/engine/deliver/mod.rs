//! From the journal to published sinks: the half of a run that is a function of the journal.
//!
//! Before it: the [walk](super::walk) has put pages into the journal. Behind it: the sinks, a thread each.
//!
//! ```text
//! journal ──► fan_out (a thread): decode, count, digest ──► sink queues ──► sink_task (a thread each)
//!                │ DistinctCount
//!                ▼
//! staging ──► publication: prepare all ──► decision ──► commit each ──► the sinks that wait for a complete list
//! ```

mod distinct;
mod fan_out;
mod publication;
mod sink_task;
mod staged_sinks;
mod staging;

pub(super) use fan_out::{DistinctCount, FanOut, footprint};
pub(super) use publication::{Publication, PublicationResult, sink_outcome};
