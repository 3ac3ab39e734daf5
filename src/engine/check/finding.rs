//! What the check found, one finding a line.
//!
//! The files of `check` make findings; `cli` prints the report.

use serde::Serialize;

use crate::error::{Error, Exit};

/// What `fanout check --connect` found about a pipeline file.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct CheckReport {
    /// The pipeline's name.
    pub pipeline: String,
    /// The worst exit code of the findings.
    pub exit: Exit,
    /// The findings on each account, in the order of the pipeline file, then those on all of them.
    pub findings: Vec<Finding>,
}

/// One thing that was tried, and the result.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The account; `None` if the finding concerns all accounts.
    pub account: Option<String>,
    /// The list of the account; `None` if the finding concerns all accounts.
    pub list: Option<String>,
    /// What was tried.
    pub check: Check,
    /// How bad it is.
    pub severity: Severity,
    /// The exit code that this finding alone leads to.
    pub exit: Exit,
    /// What was found.
    pub found: String,
    /// What a person can do about it.
    pub hint: Option<String>,
}

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The state on disk and each sink, as `fanout check` sees them without a call.
    State,
    /// Whether a token can be obtained.
    Token,
    /// The calls that are left today.
    Quota,
    /// The first page of the list.
    Page,
    /// Whether a sink's folders can be written.
    Sink,
    /// Whether the journal's folder can be written.
    Journal,
    /// The free space on the disks.
    Disk,
    /// The clock of this machine.
    Clock,
}

impl Check {
    /// Returns the check as text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Token => "token",
            Self::Quota => "quota",
            Self::Page => "page",
            Self::Sink => "sink",
            Self::Journal => "journal",
            Self::Disk => "disk",
            Self::Clock => "clock",
        }
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A run would not fail because of it.
    Ok,
    /// A run would begin, but might not reach its end.
    Warning,
    /// A run would fail.
    Error,
}

impl Severity {
    /// Returns the severity as text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl CheckReport {
    pub(super) fn new(pipeline: &str, findings: Vec<Finding>) -> Self {
        let exit = findings.iter().fold(Exit::Done, |exit, finding| exit.worst(finding.exit));
        Self { pipeline: pipeline.to_owned(), exit, findings }
    }
}

impl Finding {
    fn new(check: Check, severity: Severity, exit: Exit, found: impl Into<String>) -> Self {
        Self { account: None, list: None, check, severity, exit, found: found.into(), hint: None }
    }

    pub(super) fn ok(check: Check, found: impl Into<String>) -> Self {
        Self::new(check, Severity::Ok, Exit::Done, found)
    }

    pub(super) fn warning(check: Check, found: impl Into<String>) -> Self {
        Self::new(check, Severity::Warning, Exit::Done, found)
    }

    pub(super) fn error(check: Check, exit: Exit, found: impl Into<String>) -> Self {
        Self::new(check, Severity::Error, exit, found)
    }

    /// Makes the finding that a run would fail with `error`.
    pub(super) fn of(check: Check, error: &Error) -> Self {
        Self { hint: error.hint(), ..Self::error(check, error.exit(), error.chain()) }
    }

    pub(super) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    pub(super) fn about(self, account: &str, list: &str) -> Self {
        Self { account: Some(account.to_owned()), list: Some(list.to_owned()), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_decides() {
        let findings = vec![
            Finding::warning(Check::Clock, "late"),
            Finding::error(Check::Quota, Exit::Later, "nothing left"),
            Finding::ok(Check::Token, "there is one"),
        ];
        assert_eq!(CheckReport::new("p", findings[..1].to_vec()).exit, Exit::Done);
        assert_eq!(CheckReport::new("p", findings).exit, Exit::Later);
    }
}
