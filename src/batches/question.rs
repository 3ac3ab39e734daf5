//! What one request asks for.
//!
//! Before it: the rules want the request. Behind it: the engine sends it, and the
//! journal keeps its label beside the reply, so that a later run knows what the reply answers.

/// The most elements of one request.
pub const WIDTH: usize = 100;

/// The elements of a batch that no other batch has. Before them stands the last element of the
/// batch before, the seam.
pub const NEW: usize = WIDTH - 1;

/// Why a request is made. The order is that in which the rounds of a batch follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Round {
    /// The elements of the batch for the first time, or a part of them.
    First,
    /// The elements that were not odd in the first round, in an order in which each has other
    /// neighbours: a shift by places gives it the row of somebody else then.
    Again,
    /// One element alone.
    Single,
    /// The same element alone, once more.
    SingleAgain,
}

/// One request of a batch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question {
    /// Why it is made.
    pub round: Round,
    /// The places in the batch that it asks for (below [`WIDTH`]), in the order in which they are
    /// sent.
    pub places: Vec<u8>,
}
