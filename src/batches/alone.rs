//! What comes of an element that is asked for alone.
//!
//! Before it: something about the element, or about its batch, is odd. Behind it: the verdict.
//!
//! Alone, an element cannot be taken for another one. So a row alone is believed where it says that
//! the element is there. WeChat has said of followers that they do not follow, so that is believed
//! only if a second reply, to another question, says so too.

use super::answer::Answer;
use super::question::{Question, Round};
use super::replies::Replies;
use super::verdict::{Outcome, Verdict};

/// The next question about an element, or what came of it.
#[derive(Debug)]
pub(super) enum Next {
    Ask(Question),
    Is(Verdict),
}

/// What a reply to a question about one element says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    There,
    NotThere,
    Refused,
    Unreadable,
    /// It has no row of the element, or a row of another one.
    Nothing,
}

/// What the replies about the batch of an element say of its absence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// None says that it is not there.
    NotSaid,
    /// One says so, and other rows of the batch are contradicted.
    Doubted,
    /// One says so, and the batch is believed.
    Said,
}

/// Judges an element by the replies about it alone, and by what its batch says of its absence.
pub(super) fn judge(replies: &Replies<'_>, place: u8, absence: Absence) -> Next {
    let single = heard(replies, Round::Single, place);
    let again = heard(replies, Round::SingleAgain, place);
    let newest_first = [again, single];
    let last_that = |wanted: Says| newest_first.into_iter().flatten().find(|(_, says)| *says == wanted);
    let is = |outcome, (answer, _)| Next::Is(Verdict { outcome, answer });
    let ask = |round| Next::Ask(Question { round, places: vec![place] });

    let (there, gone) = (last_that(Says::There), last_that(Says::NotThere));
    let say_gone = newest_first.iter().flatten().filter(|(_, says)| *says == Says::NotThere).count();
    let has_left = say_gone + usize::from(absence == Absence::Said) >= 2;
    let is_gone_newest = there.is_none() || again.is_some_and(|(_, says)| says == Says::NotThere);
    if let Some(gone) = gone.filter(|_| has_left && is_gone_newest) {
        return is(Outcome::Left, gone);
    }
    if let Some(there) = there {
        return is(Outcome::There, there);
    }
    // No reply says that it is there, and not enough say that it is not.
    for (failure, outcome) in [(Says::Refused, Outcome::Refused), (Says::Unreadable, Outcome::Unreadable)] {
        if let Some(reply) = last_that(failure) {
            return is(outcome, reply);
        }
    }
    match (single, again, gone) {
        (None, ..) => ask(Round::Single),
        (_, None, _) => ask(Round::SingleAgain),
        // The other reply alone says nothing, and there is none left to ask.
        (.., Some(gone)) if absence == Absence::Doubted => is(Outcome::Left, gone),
        (_, Some(again), _) => is(Outcome::Unreadable, again),
    }
}

/// Returns whether a reply about the element alone does not say that it is there.
pub(super) fn is_doubted(replies: &Replies<'_>, place: u8) -> bool {
    [Round::Single, Round::SingleAgain]
        .into_iter()
        .any(|round| heard(replies, round, place).is_some_and(|(_, says)| says != Says::There))
}

/// Returns whether there is a reply about the element alone.
pub(super) fn is_asked(replies: &Replies<'_>, place: u8) -> bool {
    [Round::Single, Round::SingleAgain].into_iter().any(|round| replies.to(round, &[place]).is_some())
}

/// Returns the reply to a question about one element, and what it says.
fn heard(replies: &Replies<'_>, round: Round, place: u8) -> Option<(usize, Says)> {
    let reply = replies.to(round, &[place])?;
    let says = match reply.answer {
        Answer::Rows { rows, is_strange: false } => match rows.as_slice() {
            [Some(row)] if row.is_there => Says::There,
            [Some(_)] => Says::NotThere,
            _ => Says::Nothing,
        },
        Answer::Rows { .. } => Says::Nothing,
        Answer::Refused => Says::Refused,
        Answer::TooMany | Answer::Unreadable => Says::Unreadable,
    };
    Some((reply.index, says))
}
