//! What a reply says of the elements that were asked for.
//!
//! Before it: the engine reads a journaled reply. Behind it: the rules that settle a batch.

/// What the reply to a [`Question`](super::Question) says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// It has rows.
    Rows {
        /// One for each place of the question, in its order; `None` if the element is missing from
        /// the reply, or stands in it twice.
        rows: Vec<Option<Row>>,
        /// Whether the reply has rows of elements that were not asked for, or one element twice.
        is_strange: bool,
    },
    /// WeChat refused the request because of an element in it (errcode 40003).
    Refused,
    /// WeChat found too many elements in the request (errcode 40032).
    TooMany,
    /// The reply cannot be read, not even leniently.
    Unreadable,
}

/// What a reply says of one element, as far as two replies must agree on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// Whether the element is there: for a profile, whether the person follows.
    pub is_there: bool,
    /// A hash of what is unique to the element (the unionid); `None` if the row has none.
    pub identity: Option<u64>,
    /// What may change with time but not within a walk unless the element changes (the time of the
    /// follow); `None` if the row has none.
    pub since: Option<i64>,
}
