//! What became of a published list.

/// What [`SinkFactory::find`](crate::SinkFactory::find) has found of a list that was committed.
///
/// Only [`Gone`](Self::Gone) is delivered again. [`Unknown`](Self::Unknown) and [`Replaced`](Self::Replaced) count as published;
/// [`Taken`](Self::Taken) and [`Altered`](Self::Altered) fail the sink, until a person has looked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The list is there as the commit left it.
    Held,
    /// A newer list of the same owner has taken its place: one whose walk began later.
    Replaced,
    /// Something of another owner lies there; the text says what.
    Taken(String),
    /// The list is there, but not as the commit left it; the text says what differs.
    Altered(String),
    /// Nothing of the list is there.
    Gone,
    /// The sink cannot look: it appends, or sends what it is given away.
    Unknown,
}
