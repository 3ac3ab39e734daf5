//! The walk of tags: all tags of an account, then the people of each that is selected, page by
//! page, and then the tags once more.
//!
//! Before it: [`walk_run`](super::walk_run) has one walk of a unit. Behind it: all replies are in
//! the journal, and [deliver](super::deliver) brings the people of the tags to the sinks.
//!
//! ```text
//! tags/get ──► selection ──► for each tag, by its id: walk/follow ──► tags/get ──► outcome of each
//!                                                                       └─ counts differ: once more
//! ```
//!
//! What comes of a tag is a function of the journal: the replies about all tags, and the end of the
//! tag's own journal. A tag that cannot be read has no end there.

mod all_tags;
mod begin;
mod failure;
mod outcome;
mod selection;
mod walk;

pub(super) use begin::{TagsFound, begin, look_at_tags};
pub(super) use outcome::{SettledTag, TagOutcome, settle};
pub(super) use walk::TagWalk;
