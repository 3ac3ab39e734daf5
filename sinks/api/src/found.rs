//! The answer of [`SinkFactory::find`](crate::SinkFactory::find), which a run asks for before it
//! skips a list that was committed.

/// The state of a list that was committed.
///
/// Only a list that is [`Gone`](Self::Gone) is delivered again. [`Unknown`](Self::Unknown) and
/// [`Replaced`](Self::Replaced) count as published. [`Taken`](Self::Taken) and
/// [`Altered`](Self::Altered) fail the sink until the user has acted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The list is there, unchanged since the commit.
    Held,
    /// A newer list of the same owner, whose walk began later, is in its place.
    Replaced,
    /// Another owner's data is in its place; the text names it.
    Taken(String),
    /// The list is there, but changed since the commit; the text names the difference.
    Altered(String),
    /// The list or a part of it is not there, and nothing else is in its place.
    Gone,
    /// The sink cannot look, because it appends to its destination or sends the list on.
    Unknown,
}
