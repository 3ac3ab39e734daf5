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
//!
//! A list that is read in batches is complete when it comes here (`complete_list`). In the place of
//! the fan-out stands its `row_feed`. The rows of profiles come from `profile_feed`, which takes
//! those of batches (`profile_batch`) and those that were copied from an earlier list
//! (`copied_profiles`) in the order of their positions; those of changes come from `change_feed`,
//! and those of tags from `tag_feed`. The people of tags are complete as well, and go through the
//! fan-out tag after tag (`tag_member_list`).

mod change_feed;
mod complete_list;
mod copied_profiles;
mod distinct;
mod fan_out;
mod list_delivery;
mod list_digest;
mod look;
mod profile_batch;
mod profile_feed;
mod publication;
mod row_digest;
mod row_feed;
mod sink_task;
mod staged_sinks;
mod tag_feed;
mod tag_member_list;
mod walked_list;

pub(super) use change_feed::ChangeList;
pub(super) use complete_list::{CompleteList, conflicts};
pub(super) use distinct::{DistinctCounter, Duplicates};
pub(super) use fan_out::{DistinctCount, FanOut, FanOutEnded};
pub(crate) use look::{Look, look};
pub(super) use look::{Looked, ask, ask_once, is_due};
pub(super) use profile_feed::ProfileList;
pub(super) use publication::Publication;
pub(super) use tag_feed::TagList;
pub(super) use tag_member_list::TagMemberList;
pub(super) use walked_list::WalkedList;
