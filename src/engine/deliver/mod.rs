//! From the journal to published sinks: the half of a run that is a pure function of the journal.
//!
//! Before it: the [walk](super::walk) has put pages into the journal. Behind it: the sinks, a
//! thread each.
//!
//! ```text
//! list_delivery: open the sinks, while the list is read or when it is complete
//!  │
//!  ▼
//! fan_out (a thread): decode, count (distinct), digest ──► queues ──► sink_task (a thread each)
//!  │
//!  ▼
//! publication: prepare all (staged_sinks) ──► decision ──► commit each ──► sinks that wait
//! ```

mod distinct;
mod fan_out;
mod list_delivery;
mod publication;
mod sink_task;
mod staged_sinks;

pub(super) use fan_out::{DistinctCount, FanOut, FanOutEnded};
pub(super) use publication::{Publication, PublicationResult, sink_outcome};
