//! What a batch says of the elements that it shares with the batches beside it.
//!
//! Before it: the replies to the first round of a batch. Behind it: the seam of its neighbours.

use super::answer::Answer;
use super::facts::{Form, Shared};
use super::question::{Question, Round};
use super::replies::Replies;

/// Returns what the first round of a batch says of its first and of its last place. `forms` has one
/// form a place, `answers` the replies so far in any order.
pub fn shared(forms: &[Form], answers: &[(Question, Answer)]) -> (Shared, Shared) {
    let replies = Replies::new(answers);
    let last = forms.len().saturating_sub(1) as u8;
    let says = |place: u8| match replies.about(Round::First, place).next() {
        Some(said) => said.row.map_or(Shared::Nothing, Shared::Says),
        None if replies.failed_alone(Round::First, place) => Shared::Nothing,
        None if forms.get(usize::from(place)) == Some(&Form::Alone) => Shared::Nothing,
        None => Shared::NotYet,
    };
    (says(0), says(last))
}
