//! Why a program is given up.

use fanout_sink::SinkError;

/// A cloneable error. After a program has failed, every call of its sink returns the same error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) class: Class,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

/// What can be retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// The same call, a little later: the program still runs, or was not ready yet.
    Temporary,
    /// The whole list, with a new start of the program.
    Aborted,
    /// Nothing: a person must act.
    Permanent,
}

impl Failure {
    pub(crate) fn permanent(message: impl Into<String>) -> Self {
        Self { class: Class::Permanent, message: message.into(), hint: None }
    }

    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl From<Failure> for SinkError {
    fn from(failure: Failure) -> Self {
        let Failure { class, message, hint } = failure;
        let error = match class {
            Class::Temporary => Self::temporary(message),
            Class::Aborted => Self::aborted(message),
            Class::Permanent => Self::permanent(message),
        };
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}
