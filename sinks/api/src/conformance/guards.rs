//! What a case needs of a sink: a case that asks for more is skipped, with the reason.
//!
//! Before it: the cases. Behind it: the [`Scene`], which has the sink and its subject.

use super::outcome::{Step, Stop};
use super::scene::Scene;
use crate::delivery::{Delivery, Guarantee};

impl Scene<'_> {
    /// Skips the case for a sink that cannot take back what it has sent.
    pub(super) fn needs_staging(&self) -> Step {
        match self.sink().delivery() {
            Delivery::Staged => Ok(()),
            Delivery::WhenComplete { .. } => {
                Err(Stop::Skipped("the sink does not stage: it is delivered when the list is complete".to_owned()))
            }
            Delivery::OneShot => Err(is_one_shot()),
        }
    }

    /// Skips the case for a sink that gets one list after the other.
    pub(super) fn needs_several_at_once(&self) -> Step {
        if self.sink().delivery() == Delivery::OneShot { Err(is_one_shot()) } else { Ok(()) }
    }

    /// Skips the case for a sink whose readers may see a row again after a crash.
    pub(super) fn needs_exactly_once(&self) -> Step {
        match self.sink().delivery() {
            Delivery::WhenComplete { guarantee: Guarantee::AtLeastOnce } => {
                Err(Stop::Skipped("the sink delivers at least once".to_owned()))
            }
            Delivery::OneShot => Err(is_one_shot()),
            _ => Ok(()),
        }
    }

    /// Skips the case for a sink that writes no files.
    pub(super) fn needs_roots(&self) -> Step {
        if self.sink().roots().is_empty() {
            return Err(Stop::Skipped("the sink has no roots: it writes no files".to_owned()));
        }
        Ok(())
    }

    /// Skips the case for a sink that is configured for certain columns.
    pub(super) fn needs_any_columns(&self) -> Step {
        match self.subject().columns() {
            Some(_) => Err(Stop::Skipped("the sink is configured for certain columns".to_owned())),
            None => Ok(()),
        }
    }

    /// Skips the case if published lists cannot be read.
    pub(super) fn needs_reader(&self) -> Step {
        if self.subject().is_readable() {
            return Ok(());
        }
        Err(Stop::Skipped("nothing reads what the sink has published".to_owned()))
    }

    /// Skips the case if the suite can see neither files nor published rows of the sink.
    pub(super) fn needs_sight(&self) -> Step {
        if self.sink().roots().is_empty() { self.needs_reader() } else { Ok(()) }
    }
}

fn is_one_shot() -> Stop {
    Stop::Skipped("the sink is one-shot: each run delivers anew, one list after the other".to_owned())
}
