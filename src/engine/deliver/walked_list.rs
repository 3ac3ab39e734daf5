//! A walk whose list is delivered: of pages, or complete before.
//!
//! Before it: [`walk_run`](crate::engine::walk_run) has begun or opened the walk. Behind it:
//! [`list_delivery`](super::list_delivery) brings the list to sinks, and
//! [`publication`](super::publication) decides it.

use std::sync::Arc;

use super::complete_list::CompleteList;
use super::tag_member_list::TagMemberList;
use crate::journal::{Journal, RecordedDecision, WalkFolder};
use crate::source::Source;

/// A walk, with what is needed to deliver its list.
#[derive(Debug)]
pub(in crate::engine) enum WalkedList<'a> {
    /// A walk of pages. If the journal has no end, `source` reads the rest.
    Pages {
        /// Its journal.
        journal: Box<Journal>,
        /// The source of its list.
        source: &'a Source,
    },
    /// A walk of tags, which is complete.
    TagMembers(Box<TagMemberList>),
    /// A walk of batches, which is complete. A delivery that is under way holds it, too.
    Complete(Arc<dyn CompleteList>),
}

impl WalkedList<'_> {
    /// Returns the walk's folder.
    pub(in crate::engine) fn folder(&self) -> &WalkFolder {
        match self {
            Self::Pages { journal, .. } => journal.folder(),
            Self::TagMembers(list) => list.journal.folder(),
            Self::Complete(list) => list.journal().folder(),
        }
    }

    /// Returns how many pages or batches the journal has.
    pub(in crate::engine) fn replies(&self) -> u64 {
        match self {
            Self::Pages { journal, .. } => journal.pages(),
            Self::TagMembers(list) => list.pages(),
            Self::Complete(list) => list.journal().answered(),
        }
    }

    /// Takes the decision, which fixes the list and is recorded.
    pub(super) fn decided(&mut self, decision: RecordedDecision) {
        match self {
            Self::Pages { journal, .. } => journal.decided(decision),
            Self::Complete(list) => {
                let list = Arc::get_mut(list).expect("a list is decided between two deliveries");
                list.journal_mut().decided(decision);
            }
            Self::TagMembers(list) => list.journal.decided(decision),
        }
    }
}
