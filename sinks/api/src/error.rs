//! The error of a sink. Its kind decides what the engine does next; its message and hint reach the
//! user.

use std::error::Error;
use std::fmt;

use crate::arrow::datatypes::Field;

type Cause = Box<dyn Error + Send + Sync>;

/// What the engine does after a [`SinkError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SinkErrorKind {
    /// The same call may succeed later: the engine waits and repeats it.
    Temporary,
    /// What the sink had accepted is gone, for a cause that may pass. The sink has failed; opened
    /// again, it may accept the list from the beginning.
    Aborted,
    /// The same call will not succeed later: the sink has failed.
    Permanent,
    /// An option is wrong: the pipeline file must be changed.
    Option,
}

/// An error of a sink: what failed, and what the user can do about it.
///
/// The message names the place (a path, a topic, a table) and what was expected. It never repeats
/// the cause, which is [`Error::source`].
pub struct SinkError {
    kind: SinkErrorKind,
    message: String,
    key: Option<String>,
    hint: Option<String>,
    source: Option<Cause>,
}

impl SinkError {
    fn new(kind: SinkErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), key: None, hint: None, source: None }
    }

    /// Makes an error after which the same call may succeed later. From
    /// [`Sink::write`](crate::Sink::write) it also means that nothing of the batch was accepted.
    pub fn temporary(message: impl Into<String>) -> Self {
        Self::new(SinkErrorKind::Temporary, message)
    }

    /// Makes an error after which nothing of the list is left, and all of it may be delivered again
    /// at once. To a sink that receives the list when it is complete, the engine delivers it once
    /// more if the guarantee is exactly once.
    pub fn aborted(message: impl Into<String>) -> Self {
        Self::new(SinkErrorKind::Aborted, message)
    }

    /// Makes an error that stays until the user acts.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self::new(SinkErrorKind::Permanent, message)
    }

    /// Makes an error about the option `key` (a dotted path below `[sinks.<name>.options]`).
    pub fn option(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { key: Some(key.into()), ..Self::new(SinkErrorKind::Option, message) }
    }

    /// Makes the error about a column whose type the sink cannot take.
    pub fn column_type(field: &Field) -> Self {
        let (name, data_type) = (field.name(), field.data_type());
        let message = format!("the column `{name}` has the type `{data_type}`, which this sink cannot take");
        Self::permanent(message).with_hint("leave it out with `columns`")
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(self, source: impl Into<Cause>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    /// Adds what the user can do.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Returns the kind, which decides what the engine does.
    pub fn kind(&self) -> SinkErrorKind {
        self.kind
    }

    /// Returns whether the same call may succeed later.
    pub fn is_temporary(&self) -> bool {
        self.kind == SinkErrorKind::Temporary
    }

    /// Returns whether nothing of the list is left, so that it may be delivered again at once.
    pub fn is_aborted(&self) -> bool {
        self.kind == SinkErrorKind::Aborted
    }

    /// Returns the key of the option that is wrong; `None` if the error is about something else.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Returns what the user can do.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for SinkError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl fmt::Debug for SinkError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SinkError")
            .field("kind", &self.kind)
            .field("message", &self.message)
            .field("key", &self.key)
            .field("hint", &self.hint)
            .field("source", &self.source)
            .finish()
    }
}

impl Error for SinkError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
