//! Why a program is given up.

use fanout_sink::SinkError;

/// An error that can be told again: a sink whose program has failed says the same to every call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) is_temporary: bool,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Failure {
    pub(crate) fn permanent(message: impl Into<String>) -> Self {
        Self { is_temporary: false, message: message.into(), hint: None }
    }

    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl From<Failure> for SinkError {
    fn from(failure: Failure) -> Self {
        let Failure { is_temporary, message, hint } = failure;
        let error = if is_temporary { Self::temporary(message) } else { Self::permanent(message) };
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}
