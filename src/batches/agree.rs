//! Whether the replies about a batch contradict each other.
//!
//! Before it: the second round, and replies about single elements. Behind it: a batch that is
//! contradicted is not believed, and each of its elements is asked for alone.

use super::answer::{Answer, Row};
use super::batch::Batch;
use super::question::Round;
use super::replies::Reply;

/// Returns whether the rows of a batch cannot be believed: two replies say different things of an
/// element, the second round has rows of others, or an element alone has another identity.
pub(super) fn is_contradicted(batch: &Batch<'_>) -> bool {
    batch.replies.of(Round::Again).any(Reply::is_strange)
        || batch.travelling().any(|place| is_told_differently(batch, place) || is_another_alone(batch, place))
}

/// Returns whether two replies about the batch say different things of an element.
fn is_told_differently(batch: &Batch<'_>, place: u8) -> bool {
    let first = batch.first_row(place);
    rounds(batch, place).any(|row| row != first)
}

/// Returns whether a reply about the element alone shows that the batch has the row of another.
fn is_another_alone(batch: &Batch<'_>, place: u8) -> bool {
    alone(batch, place).any(|alone| rounds(batch, place).flatten().any(|row| is_another(&row, &alone)))
}

/// Returns whether the row of a batch is not the row of the element, of which `alone` is the later,
/// undoubted row. People come and go, so a new presence or a later `since` proves nothing.
fn is_another(row: &Row, alone: &Row) -> bool {
    let are_there = row.is_there && alone.is_there;
    match (row.identity, alone.identity) {
        (Some(one), Some(other)) if one != other => true,
        (Some(_), None) => are_there,
        // Without an identity, `since` is all that tells one element from another.
        (None, None) => are_there && differs(row, alone, |one, other| one != other),
        // Nobody follows at an earlier time than before.
        _ => are_there && differs(row, alone, |one, other| one > other),
    }
}

/// Compares `since`, if both rows have it.
fn differs(row: &Row, alone: &Row, differ: fn(i64, i64) -> bool) -> bool {
    row.since.zip(alone.since).is_some_and(|(one, other)| differ(one, other))
}

/// Returns what the first and the second round say of an element.
fn rounds(batch: &Batch<'_>, place: u8) -> impl Iterator<Item = Option<Row>> {
    [Round::First, Round::Again]
        .into_iter()
        .flat_map(move |round| batch.replies.about(round, place))
        .map(|said| said.row)
}

/// Returns the rows of the element in replies about it alone. A reply that has rows of others
/// as well is left out.
fn alone(batch: &Batch<'_>, place: u8) -> impl Iterator<Item = Row> {
    [Round::Single, Round::SingleAgain].into_iter().filter_map(move |round| {
        match batch.replies.to(round, &[place])?.answer {
            Answer::Rows { rows, is_strange: false } => rows.first().copied().flatten(),
            _ => None,
        }
    })
}
