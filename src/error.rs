//! Why a run, or an account, did not reach its end, and the exit code of it.
//!
//! The errors of `config`, `source`, `journal` and the sinks are composed here once. The engine
//! puts them into its report; the command line prints message and hint, and exits with the code.

use std::borrow::Cow;
use std::fmt;

use chrono::NaiveDate;
use fanout_sink::schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use fanout_sink::{SinkError, SinkErrorKind};
use serde::{Deserialize, Serialize};

use crate::changes::Implausible;
use crate::config::ConfigErrors;
use crate::journal::JournalError;
use crate::source::{Reach, SourceError};
use crate::wechat::List;

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
    /// The list on which this one rests is not complete.
    #[error("there is no complete list `{list}` of {date}, on which this one rests")]
    InputMissing {
        /// The list on which this one rests.
        list: List,
        /// The date that both lists have.
        date: NaiveDate,
        /// The exit that the other list leads to.
        exit: Exit,
    },
    /// `tags.select` names tags that the account does not have.
    #[error(
        "`tags.select` names {}, and the account has {}{}",
        unknown.join(", "),
        if known.is_empty() { "no tag".to_owned() } else { known.join(", ") },
        if *more == 0 { String::new() } else { format!(" and {more} more") }
    )]
    UnknownTags {
        /// The tags that it does not have.
        unknown: Vec<String>,
        /// Some of those that it has.
        known: Vec<String>,
        /// How many more it has.
        more: usize,
    },
    /// WeChat lists no tag at all, though it did before.
    #[error("WeChat lists no tag at all, not even one of its own, and did before")]
    AllTagsGone,
    /// Some tags could not be read, so the list is not decided.
    #[error("{} of {} cannot be read: {}", failed.len(), tags(*of), some(failed))]
    TagsFailed {
        /// The tags, each with the reason.
        failed: Vec<String>,
        /// How many tags are read.
        of: usize,
    },
    /// The list is decided without some tags.
    #[error("the list lacks {} that could not be read: {}", tags(failed.len()), some(failed))]
    TagsLacking {
        /// The tags.
        failed: Vec<String>,
    },
    /// So much has changed between two lists that a person must look at it.
    #[error(transparent)]
    Implausible(#[from] Implausible),
    /// The list at which the changes go on is gone.
    #[error("walk {walk} of the followers, at which the last changes end, is no longer there")]
    ChainBroken {
        /// The walk.
        walk: String,
    },
    /// The list at which the changes go on can no longer be compared.
    #[error("the changes cannot go on from walk {walk} of the followers, at which the last ones end")]
    ChainUnreadable {
        /// The walk.
        walk: String,
        /// What is wrong with it, or with what the last changes have noted about it.
        #[source]
        error: Box<Error>,
    },
    /// A sink that has received changes asks for everybody now.
    #[error("sink `{sink}` has `baseline = true`, and was told changes already, without everybody at their beginning")]
    BaselineTooLate {
        /// The sink.
        sink: String,
    },
    /// The changes have gone on beyond a date.
    #[error("no changes of {date} can be told any more: those of {end} are, and they go on from there")]
    ChainBeyond {
        /// The date that was asked for.
        date: NaiveDate,
        /// The date of the last changes.
        end: NaiveDate,
    },
    /// The journal has no complete list that could be delivered again.
    #[error("the journal has no complete list{}", date.as_ref().map_or_else(String::new, |date| format!(" of {date}")))]
    NothingToReplay {
        /// The date that was asked for.
        date: Option<String>,
    },
    /// `--date` names a day that has not come.
    #[error("`--date {date}` is in the future: in Beijing it is {today}")]
    FutureDate {
        /// The date that was asked for.
        date: NaiveDate,
        /// Today in Beijing.
        today: NaiveDate,
    },
    /// `--date` names a day that is over, and there is no walk of it to finish.
    #[error(
        "no walk of {date} can be finished, and none can begin: in Beijing it is {today}, and WeChat tells only today's list"
    )]
    PastDate {
        /// The date that was asked for.
        date: NaiveDate,
        /// Today in Beijing.
        today: NaiveDate,
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

/// Returns how many tags there are, in words.
fn tags(count: usize) -> String {
    if count == 1 { "1 tag".to_owned() } else { format!("{count} tags") }
}

/// Returns some of the items of a list, in words.
fn some(items: &[String]) -> String {
    const SHOWN: usize = 5;
    let more = items.len().saturating_sub(SHOWN);
    let shown = items[..items.len() - more].join("; ");
    if more == 0 { shown } else { format!("{shown}; and {more} more") }
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
            Self::Config(_) | Self::FutureDate { .. } => Exit::Usage,
            Self::Sink { error, .. } if error.kind() == SinkErrorKind::Option => Exit::Usage,
            Self::Interrupted => Exit::Interrupted,
            Self::InputMissing { exit, .. } => *exit,
            Self::FailedFast { .. } | Self::Thread(_) => Exit::Later,
            Self::Source(error) if error.is_temporary() => Exit::Later,
            Self::Journal(error) if error.is_temporary() => Exit::Later,
            Self::Sink { error, .. } if error.is_temporary() || error.is_aborted() => Exit::Later,
            _ => Exit::Failed,
        }
    }

    /// Returns whether the failure of another account has stopped this one.
    pub(crate) fn has_stopped(&self) -> bool {
        matches!(self, Self::FailedFast { .. } | Self::Source(SourceError::Platform { reach: Reach::UnderWay, .. }))
    }

    /// Returns whether the failure of another account has kept this one from its first call.
    pub(crate) fn was_not_tried(&self) -> bool {
        matches!(self, Self::Source(SourceError::Platform { reach: Reach::NotTried, .. }))
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
            Self::FutureDate { .. } | Self::PastDate { .. } => Some(
                "a list begins for today or, with `--date`, for yesterday; without `--date` it gets the day of its first reply"
                    .to_owned(),
            ),
            Self::Implausible(error) => Some(error.hint().to_owned()),
            Self::ChainUnreadable { .. } => Some(
                "restore that walk from a backup, and the next run goes on; or `fanout run --accept-change` begins anew with the \
                 list that there is: sinks with `baseline = true` receive everybody, and what changed in between is not told"
                    .to_owned(),
            ),
            Self::ChainBroken { .. } => Some(
                "`fanout run --accept-change` begins anew with the list that there is: sinks with `baseline = true` receive \
                 everybody, and what changed in between is not told"
                    .to_owned(),
            ),
            Self::BaselineTooLate { .. } => Some(
                "give the sink another name and another place: it then begins with everybody; or leave `baseline` out, and it \
                 goes on with the changes"
                    .to_owned(),
            ),
            Self::ChainBeyond { .. } => Some("`fanout replay --date` delivers what was told of a date".to_owned()),
            Self::NothingToReplay { .. } => Some("`fanout run` reads one".to_owned()),
            Self::InputMissing { list, .. } => {
                Some(format!("see why `{list}` was not read to its end; a run reads it first, and then this list"))
            }
            Self::UnknownTags { .. } => {
                Some("name tags as the account's console does, or by their ids; without `tags.select` all tags are read".to_owned())
            }
            Self::AllTagsGone => Some(
                "see which tags the account's console has, and run again later; if it has none, `fanout run --accept-change` \
                 publishes that"
                    .to_owned(),
            ),
            Self::TagsFailed { .. } => Some(
                "run again: only what is missing is read; `tags.partial = true` publishes the other tags meanwhile; if WeChat \
                 counts a tag wrongly for long, raise `source.max_shortfall_percent`"
                    .to_owned(),
            ),
            Self::TagsLacking { .. } => {
                Some("the column `outcome` of the list `tags` says which; `--fresh` reads all tags anew".to_owned())
            }
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
