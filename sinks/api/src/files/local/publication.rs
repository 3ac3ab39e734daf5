//! One list on its way from staging to its place.
//!
//! Before it: `publishing`, which makes it. Behind it: `folder` and `single_file`, which take the
//! place for it.

use super::attempt::Attempt;
use super::place::{Place, Standing, StandingList};
use super::target::Target;
use crate::error::SinkError;
use crate::files::manifest::StagedList;

/// A list, and the place that it takes.
#[derive(Debug)]
pub(super) struct Publication<'a> {
    pub(super) target: &'a Target,
    pub(super) attempt: &'a Attempt,
    pub(super) list: &'a StagedList,
    pub(super) place: Place,
}

impl Publication<'_> {
    /// Returns whether exactly this list stands there, whole.
    pub(super) fn is_ours(&self, found: &StandingList) -> bool {
        found.is(&self.list.manifest, &self.list.marker)
    }

    /// Returns whether nothing is left to do: this list is there, or a newer one of the same owner.
    pub(super) fn is_settled(&self, found: &StandingList) -> bool {
        self.is_ours(found) || (found.is_complete() && self.is_older_than(found))
    }

    pub(super) fn is_older_than(&self, found: &StandingList) -> bool {
        found.head.order() > self.list.head.order()
    }

    /// Returns whether what came out of the place may be replaced by this list.
    pub(super) fn may_replace(&self, came_out: &Place) -> bool {
        match came_out.look_once(&self.target.owner()) {
            Ok(Standing::Free) => true,
            Ok(Standing::List(found)) => !self.is_settled(&found),
            Err(_) => false,
        }
    }
}

/// Makes the error for a list that is no longer in staging.
pub(super) fn lost(staged: &Place) -> SinkError {
    let message = format!("the staged list is no longer in `{}`", staged.folder.display());
    SinkError::temporary(message).with_hint(
        "another process has taken it away; run again, and if hosts share this file system without sharing its locks, let \
         one of them publish",
    )
}
