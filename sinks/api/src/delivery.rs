//! When a sink receives its batches, and what its readers can rely on.
//!
//! Before it: [`SinkFactory::delivery`](crate::SinkFactory::delivery). Behind it: the engine, and
//! the cases of the suite that apply to the sink.

use std::fmt;

/// When a sink receives its batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// During the walk; the sink stages the batches, and publishes them exactly once, at commit.
    Staged,
    /// From the journal, when the walk is complete and every required staged sink has committed:
    /// for a sink that cannot take back what it has sent.
    WhenComplete {
        /// What a reader can rely on.
        guarantee: Guarantee,
    },
    /// As [`WhenComplete`](Self::WhenComplete), but in each run anew, whatever was delivered
    /// before: for a sink whose readers are there only during the run. The engine keeps no record
    /// of it, so no list is ever owed to it, and delivers one list after the other to it, also
    /// those of several accounts.
    OneShot,
}

impl Delivery {
    /// Returns what a reader can rely on.
    pub fn guarantee(self) -> Guarantee {
        match self {
            Self::Staged => Guarantee::ExactlyOnce,
            Self::WhenComplete { guarantee } => guarantee,
            Self::OneShot => Guarantee::OnceARun,
        }
    }
}

/// How often a reader of the sink sees a row of a published list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarantee {
    /// Once, also after a crash.
    ExactlyOnce,
    /// Once; after a crash possibly again.
    AtLeastOnce,
    /// Once in each run; of a list that fails, possibly the first part.
    OnceARun,
}

impl fmt::Display for Guarantee {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::ExactlyOnce => "exactly once",
            Self::AtLeastOnce => "at least once",
            Self::OnceARun => "once a run",
        })
    }
}
