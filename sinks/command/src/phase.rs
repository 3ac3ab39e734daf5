//! How far a program has come: what it is to do next, and how long that may take.

use std::fmt;
use std::num::NonZeroU32;

use crate::options::CommandOptions;

/// What a program is waited for to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// To say `ready`.
    Starting,
    /// To take batches.
    Receiving,
    /// To say `prepared`.
    Preparing,
    /// To say `committed`.
    Committing,
    /// To end after the end of its input, which commits a plain program.
    Ending,
}

impl Phase {
    /// Returns the option that bounds the phase, and its value.
    pub(crate) fn limit(self, options: &CommandOptions) -> (&'static str, NonZeroU32) {
        match self {
            Self::Starting => ("start_timeout_secs", options.start_timeout_secs),
            Self::Receiving => ("batch_timeout_secs", options.batch_timeout_secs),
            Self::Preparing => ("prepare_timeout_secs", options.prepare_timeout_secs),
            Self::Committing | Self::Ending => ("commit_timeout_secs", options.commit_timeout_secs),
        }
    }

    /// Returns what may be said, for errors.
    pub(crate) fn expected(self) -> &'static str {
        match self {
            Self::Starting => "`ready` or `error`",
            Self::Receiving => "`written` or `error`",
            Self::Preparing => "`written`, `prepared` or `error`",
            Self::Committing => "`committed` or `error`",
            Self::Ending => "nothing",
        }
    }
}

/// Says when something happened: "… before it said `ready`".
impl fmt::Display for Phase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Starting => "before it said `ready`",
            Self::Receiving => "while it was given the list",
            Self::Preparing => "after the list, before it said `prepared`",
            Self::Committing => "after `commit`, before it said `committed`",
            Self::Ending => "after the end of its input",
        })
    }
}
