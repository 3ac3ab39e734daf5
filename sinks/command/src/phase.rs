//! The steps of a program, and the time limit of each.

use std::fmt;
use std::num::NonZeroU32;

use crate::options::CommandOptions;

/// What fanout waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The message `ready`.
    Starting,
    /// The message `found`.
    Finding,
    /// That the program reads the batches and acknowledges them.
    Receiving,
    /// The message `prepared`.
    Preparing,
    /// The message `committed`.
    Committing,
    /// The end of a plain program after the end of its input, which is its commit.
    Ending,
}

impl Phase {
    /// Returns the option that bounds the phase, and its value.
    pub(crate) fn limit(self, options: &CommandOptions) -> (&'static str, NonZeroU32) {
        match self {
            Self::Starting | Self::Finding => ("start_timeout_secs", options.start_timeout_secs),
            Self::Receiving => ("batch_timeout_secs", options.batch_timeout_secs),
            Self::Preparing => ("prepare_timeout_secs", options.prepare_timeout_secs),
            Self::Committing | Self::Ending => ("commit_timeout_secs", options.commit_timeout_secs),
        }
    }

    /// Returns the messages that the program may send, for errors.
    pub(crate) fn expected(self) -> &'static str {
        match self {
            Self::Starting => "`ready` or `error`",
            Self::Finding => "`found` or `error`",
            Self::Receiving => "`written` or `error`",
            Self::Preparing => "`written`, `prepared` or `error`",
            Self::Committing => "`committed` or `error`",
            Self::Ending => "nothing",
        }
    }
}

/// The time of an event, for errors: "… before it said `ready`".
impl fmt::Display for Phase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Starting => "before it said `ready`",
            Self::Finding => "after `find`, before it said `found`",
            Self::Receiving => "while it was given the list",
            Self::Preparing => "after the list, before it said `prepared`",
            Self::Committing => "after `commit`, before it said `committed`",
            Self::Ending => "after the end of its input",
        })
    }
}
