//! Why a run, or an account, did not reach its end, and the exit code of it.
//!
//! The errors of `config`, `source`, `journal` and the sinks are composed here once. The engine
//! puts them into its report; the command line prints message and hint, and exits with the code.

use std::borrow::Cow;
use std::fmt;

use fanout_sink::schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use fanout_sink::{SinkError, SinkErrorKind};
use serde::{Deserialize, Serialize};

use crate::config::ConfigErrors;
use crate::journal::JournalError;
use crate::source::SourceError;

/// What a person can do if the system refuses a thread.
pub(crate) const LIMIT_OF_THREADS: &str = "raise the limit of processes (`ulimit -u`, or `pids` of the container), or \
                                           lower `limits.deliveries` and `limits.accounts`";

/// Why an account, or a whole run, did not reach its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The pipeline file is wrong.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The list could not be read from WeChat.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The state on disk failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A sink failed.
    #[error("sink `{sink}`")]
    Sink {
        /// The sink's name in the pipeline file.
        sink: String,
        /// The sink's error.
        #[source]
        error: SinkError,
    },
    /// The system does not give this process what the run needs at the same time.
    #[error("{what}")]
    Limit {
        /// What is needed, and what there is.
        what: String,
        /// The numbers that would do.
        hint: String,
    },
    /// The system refused a thread in the middle of a run.
    #[error("the thread of a delivery cannot be started")]
    Thread(#[source] std::io::Error),
    /// The list differs from the one that was decided on.
    #[error("the list of walk {walk} is not the one that was decided on: {what}")]
    Changed {
        /// The walk.
        walk: String,
        /// What differs.
        what: String,
    },
    /// The journal has no complete list that could be delivered again.
    #[error("the journal has no complete list{}", date.as_ref().map_or_else(String::new, |date| format!(" of {date}")))]
    NothingToReplay {
        /// The date that was asked for.
        date: Option<String>,
    },
    /// Another account has failed, and `--fail-fast` ends the run with the first failure.
    #[error("stopped because account `{account}` has failed")]
    FailedFast {
        /// The account that failed.
        account: String,
    },
    /// The run was interrupted, by a signal or by its caller.
    #[error("interrupted")]
    Interrupted,
}

/// The exit code of a process. It is an interface: schedulers act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum Exit {
    /// Every selected account and list is complete and published.
    Done,
    /// A person must act.
    Failed,
    /// The command line or the pipeline file is wrong; no API call was made.
    Usage,
    /// The same command may succeed later.
    Later,
    /// The run was interrupted; the same command continues it.
    Interrupted,
}

impl Exit {
    const ALL: [Self; 5] = [Self::Done, Self::Failed, Self::Usage, Self::Later, Self::Interrupted];

    /// Returns the code as a number.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            // EX_TEMPFAIL of sysexits.h, which schedulers know.
            Self::Later => 75,
            // 128 + SIGINT, as a shell reports it.
            Self::Interrupted => 130,
        }
    }

    /// Returns the worse of two codes; from worst to best they are 2, 130, 1, 75, 0.
    #[must_use]
    pub fn worst(self, other: Self) -> Self {
        let severity = |exit| match exit {
            Self::Usage => 4,
            Self::Interrupted => 3,
            Self::Failed => 2,
            Self::Later => 1,
            Self::Done => 0,
        };
        if severity(other) > severity(self) { other } else { self }
    }
}

impl From<Exit> for u8 {
    fn from(exit: Exit) -> Self {
        exit.code()
    }
}

impl TryFrom<u8> for Exit {
    type Error = String;

    fn try_from(code: u8) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|exit| exit.code() == code)
            .ok_or_else(|| format!("{code} is not an exit code of fanout"))
    }
}

impl JsonSchema for Exit {
    fn schema_name() -> Cow<'static, str> {
        "Exit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "0: complete and published; 1: a person must act; 2: the pipeline file is wrong; 75: try again \
                            later; 130: interrupted",
            "enum": Self::ALL.map(Self::code),
        })
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.code().fmt(formatter)
    }
}

impl Error {
    /// Returns the exit code that this error leads to.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Config(_) => Exit::Usage,
            Self::Sink { error, .. } if error.kind() == SinkErrorKind::Option => Exit::Usage,
            Self::Interrupted => Exit::Interrupted,
            Self::FailedFast { .. } | Self::Thread(_) => Exit::Later,
            Self::Source(error) if error.is_temporary() => Exit::Later,
            Self::Journal(error) if error.is_temporary() => Exit::Later,
            Self::Sink { error, .. } if error.is_temporary() || error.is_aborted() => Exit::Later,
            _ => Exit::Failed,
        }
    }

    /// Returns what a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Source(error) => error.hint(),
            Self::Journal(error) => error.hint(),
            Self::Sink { error, .. } => error.hint().map(str::to_owned),
            Self::Limit { hint, .. } => Some(hint.clone()),
            Self::Thread(_) => Some(LIMIT_OF_THREADS.to_owned()),
            Self::Changed { .. } => Some(
                "the journal or the program has changed since; run the version that decided, or start a new walk with `--fresh`"
                    .to_owned(),
            ),
            Self::NothingToReplay { .. } => Some("`fanout run` reads one".to_owned()),
            Self::FailedFast { .. } => Some("run without `--fail-fast` to read the others as well".to_owned()),
            // How to continue depends on the command, and `engine::RunOptions` says it.
            Self::Interrupted | Self::Config(_) => None,
        }
    }

    /// Returns the error that leads to the worse exit code, of two equal ones `self`.
    pub(crate) fn worse(self, other: Self) -> Self {
        if self.exit().worst(other.exit()) == self.exit() { self } else { other }
    }

    /// Returns the message with its causes, on one line.
    pub fn chain(&self) -> String {
        crate::causes::error_chain(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_of_a_sinks_error_ends_with_its_cause() {
        let full = std::io::Error::other("no space left");
        let error = SinkError::permanent("cannot write `out/a`").with_source(full);
        let error = Error::Sink { sink: "archive".to_owned(), error };
        assert_eq!(error.chain(), "sink `archive`: cannot write `out/a`: no space left");
    }

    #[test]
    fn of_several_accounts_the_worst_decides() {
        use Exit::{Done, Failed, Interrupted, Later, Usage};
        let order = [Usage, Interrupted, Failed, Later, Done];
        for (place, worse) in order.iter().enumerate() {
            for better in &order[place..] {
                assert_eq!(worse.worst(*better), *worse);
                assert_eq!(better.worst(*worse), *worse);
            }
        }
        assert_eq!(order.map(Exit::code), [2, 130, 1, 75, 0]);
    }
}
