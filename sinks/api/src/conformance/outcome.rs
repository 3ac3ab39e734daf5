//! The outcome of a case, and of the whole suite.
//!
//! Before it: the cases and `scene`. Behind it: `run`, and the command `fanout sinks test`.

use std::error::Error;
use std::fmt;

/// The outcome of a case that found no broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The promise was kept.
    Kept,
    /// The promise does not apply to this sink, or the subject cannot provoke the case.
    Skipped {
        /// Why the case was skipped.
        reason: String,
    },
}

/// A case that was skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    /// The name of the case.
    pub case: &'static str,
    /// Why it was skipped.
    pub reason: String,
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The name of the case.
    pub case: &'static str,
    /// The promise, with its place in the contract.
    pub promise: &'static str,
    /// What was expected, and what was found.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {} ({})", self.case, self.message, self.promise)
    }
}

impl Error for Failure {}

/// The outcome of a whole suite.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The cases whose promise was kept.
    pub kept: Vec<&'static str>,
    /// The cases that were skipped.
    pub skipped: Vec<Skip>,
    /// The promises that were broken.
    pub failures: Vec<Failure>,
}

impl Summary {
    /// Adds what [`Case::run`](super::Case::run) returned for the case `case`.
    pub fn record(&mut self, case: &'static str, result: Result<Outcome, Failure>) {
        match result {
            Ok(Outcome::Kept) => self.kept.push(case),
            Ok(Outcome::Skipped { reason }) => self.skipped.push(Skip { case, reason }),
            Err(failure) => self.failures.push(failure),
        }
    }
}

/// The reason for which a case ends early.
#[derive(Debug)]
pub(super) enum Stop {
    /// The case does not apply.
    Skipped(String),
    /// The promise is broken.
    Broken(String),
}

/// The result of one step of a case.
pub(super) type Step<T = ()> = Result<T, Stop>;

/// Returns that the promise of the running case is broken, and what was found.
pub(super) fn broken<T>(message: impl Into<String>) -> Step<T> {
    Err(Stop::Broken(message.into()))
}

/// Returns that the promise of the running case is broken because a call failed. The message has
/// the error and its causes in one line.
pub(super) fn failed(call: &str, error: &dyn Error) -> Stop {
    let mut message = format!("{call} failed: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        message.push_str(": ");
        message.push_str(&error.to_string());
        cause = error.source();
    }
    Stop::Broken(message)
}
