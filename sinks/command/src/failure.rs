//! Why a program is given up.

use fanout_sink::SinkError;

/// An error that can be told again: a sink whose program has failed says the same to every call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) class: Class,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

/// What may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// The same call, a little later: the program is still there, or was not there yet.
    Temporary,
    /// The whole list, for a program that is started anew.
    Aborted,
    /// A person.
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
