//! What the check found: one line each.

use serde::Serialize;

use crate::error::{Error, Exit};

/// What `fanout check --connect` found about a pipeline file.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct CheckReport {
    /// The pipeline's name.
    pub pipeline: String,
    /// The worst of the findings.
    pub exit: Exit,
    /// The findings: those of each account, in the order of the pipeline file, then those that concern all of them.
    pub findings: Vec<Finding>,
}

/// One thing that was tried, and what came of it.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The account; none where it concerns all of them.
    pub account: Option<String>,
    /// What was tried.
    pub check: Check,
    /// How bad it is.
    pub severity: Severity,
    /// What it alone would end the process with.
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
    /// What `fanout check` looks at without a call: the state on disk, and each sink.
    State,
    /// Whether a token can be had.
    Token,
    /// The calls that are left today.
    Quota,
    /// The first page of the list.
    Page,
    /// Whether a sink's folders can be written.
    Sink,
    /// Whether the journal's folder can be written.
    Journal,
    /// The room on the disks.
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
    /// Nothing stands in the way.
    Ok,
    /// A run would begin, and may not reach its end.
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
        Self { account: None, check, severity, exit, found: found.into(), hint: None }
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

    pub(super) fn for_account(self, account: &str) -> Self {
        Self { account: Some(account.to_owned()), ..self }
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
