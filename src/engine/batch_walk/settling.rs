//! What the journal says of each batch: its answers, and what came of its elements.
//!
//! Before it: the replies in the journal, in whatever order they came. Behind it: the
//! [walk](super::walk) asks for what is missing; the delivery makes rows of what is settled. Both
//! see the same outcomes, because these are a function of the frames.

use std::ops::Range;

use super::answer::{answer, read_label};
use super::input::Input;
use super::openids::Openids;
use crate::batches::{
    Answer, Asked, BatchFacts, Bitmap, Form, Question, Round, Seam, Settled, Shared, Verdict, Verify, WIDTH, settle,
    shared,
};
use crate::config;
use crate::error::Error;
use crate::journal::{BatchJournal, JournalError, Numbered};
use crate::wechat::read_profiles;

/// A walk of batches, as its replies are read.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Settling<'a> {
    pub(in crate::engine) journal: &'a BatchJournal,
    pub(in crate::engine) input: &'a Input,
    pub(in crate::engine) asked: &'a Asked,
}

/// What all replies of a walk say together, and the rules want to know for each batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Hints {
    /// Whether any row has an identity.
    pub(in crate::engine) has_identities: bool,
    /// The most elements that a request may have.
    pub(in crate::engine) largest: usize,
}

/// What is known of a batch.
#[derive(Clone, Debug)]
pub(in crate::engine) struct BatchAnswers {
    /// The OpenIDs of all its places.
    pub(in crate::engine) openids: Openids,
    forms: Vec<Form>,
    /// Whether place 0 belongs to the batch before.
    has_seam: bool,
    is_last: bool,
    /// The answers so far, one a question.
    pub(in crate::engine) answers: Vec<(Question, Answer)>,
}

/// A batch whose elements are settled.
#[derive(Clone, Debug)]
pub(in crate::engine) struct SettledBatch {
    /// Its number.
    pub(in crate::engine) number: u64,
    /// The positions of its own elements, ascending.
    pub(in crate::engine) positions: Vec<u64>,
    /// One for each of its own elements.
    pub(in crate::engine) verdicts: Vec<Verdict>,
    pub(in crate::engine) answers: BatchAnswers,
    /// The replies, one for each of `answers.answers`, in the same order.
    pub(in crate::engine) replies: Vec<Numbered>,
}

/// Returns what the walk in `journal` asks for: all elements of its input, or all that were not
/// copied.
///
/// # Errors
///
/// [`JournalError`] if the copied rows cannot be read.
pub(in crate::engine) fn asked(journal: &BatchJournal) -> Result<Asked, JournalError> {
    let rows = journal.plan().asked();
    if journal.copied_rows() == 0 {
        return Ok(Asked::all(rows));
    }
    let mut copied = Bitmap::new(rows);
    for frame in journal.copied() {
        for (position, _) in frame?.rows {
            copied.mark(position);
        }
    }
    Ok(Asked::without(copied))
}

/// Returns the way of verifying that the pipeline file, or the plan of a walk, asks for.
pub(super) fn verify(verify: config::Verify) -> Verify {
    match verify {
        config::Verify::Seams => Verify::Seams,
        config::Verify::Twice => Verify::Twice,
    }
}

impl Default for Hints {
    fn default() -> Self {
        Self { has_identities: false, largest: WIDTH }
    }
}

impl Hints {
    /// Takes in one more answer. Returns whether that has changed anything.
    pub(super) fn learn(&mut self, question: &Question, answer: &Answer) -> bool {
        let before = *self;
        match answer {
            Answer::Rows { rows, .. } => {
                self.has_identities |= rows.iter().flatten().any(|row| row.identity.is_some());
            }
            Answer::TooMany if matches!(question.round, Round::First | Round::Again) => {
                self.largest = self.largest.min(question.places.len() - 1).max(1);
            }
            Answer::TooMany | Answer::Refused | Answer::Unreadable => {}
        }
        *self != before
    }
}

impl BatchAnswers {
    /// Returns a batch without an answer.
    pub(super) fn none(asked: &Asked, input: &Input, batch: u64) -> Result<Self, JournalError> {
        let openids = input.openids(&asked.positions(batch))?;
        let forms = (0..openids.len()).map(|place| input.form(openids.get(place))).collect();
        Ok(Self { openids, forms, has_seam: batch > 0, is_last: asked.is_last(batch), answers: Vec::new() })
    }

    /// Returns the OpenIDs that `question` asks about, in its order.
    pub(super) fn asked_by(&self, question: &Question) -> Openids {
        question.places.iter().map(|&place| self.openids.get(place.into())).collect()
    }

    /// Returns what the first round says of its first and of its last place.
    pub(in crate::engine) fn shared(&self) -> (Shared, Shared) {
        shared(&self.forms, &self.answers)
    }

    /// Says what is to be asked next, or what came of each of its own elements.
    pub(super) fn settle(&self, seam: Seam, hints: Hints, verify: Verify) -> Settled {
        settle(&BatchFacts {
            forms: &self.forms,
            has_seam: self.has_seam,
            is_last: self.is_last,
            answers: &self.answers,
            seam,
            walk_has_identities: hints.has_identities,
            largest: hints.largest,
            verify,
        })
    }

    /// Returns the places of its own elements: all, or all but the seam.
    pub(in crate::engine) fn own(&self) -> Range<usize> {
        usize::from(self.has_seam)..self.forms.len()
    }

    /// Returns a place of its own that is asked for together with others.
    pub(super) fn travelling_place(&self) -> Option<u8> {
        self.own().find(|&place| self.forms[place] == Form::Travels).map(|place| place as u8)
    }

    /// Returns whether a question need not wait: it is about more than one element, or about one of
    /// which no reply said anything odd, because it does not travel or has no seam behind it.
    pub(super) fn asks_at_once(&self, question: &Question) -> bool {
        let &[place] = &question.places[..] else { return true };
        match question.round {
            Round::First | Round::Again => true,
            Round::Single => {
                let about = |asked: &Question| asked.places.iter().position(|&asked| asked == place);
                let mut said = self.answers.iter().filter_map(|(asked, answer)| Some((about(asked)?, answer)));
                let is_usual = |(at, answer): (usize, &Answer)| match answer {
                    Answer::Rows { rows, .. } => rows[at].is_some_and(|row| row.is_there),
                    Answer::Refused | Answer::TooMany | Answer::Unreadable => false,
                };
                let has_no_seam = self.is_last && usize::from(place) + 1 == self.forms.len();
                (self.forms[usize::from(place)] == Form::Alone || has_no_seam) && said.all(is_usual)
            }
            Round::SingleAgain => false,
        }
    }

    /// Returns the reply to a question, if there is one.
    pub(super) fn to(&self, round: Round, place: u8) -> Option<&Answer> {
        let is_it = |question: &Question| question.round == round && question.places == [place];
        self.answers.iter().find(|(question, _)| is_it(question)).map(|(_, answer)| answer)
    }
}

impl Settling<'_> {
    /// Returns the way of verifying of this walk.
    pub(super) fn verify(&self) -> Verify {
        verify(self.journal.plan().verify)
    }

    /// Reads the replies of a batch, and what they say. Of two replies to one question the first
    /// counts.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if a reply is no longer what was written, or answers another question than
    /// one of this walk.
    pub(in crate::engine) fn read(&self, batch: u64) -> Result<(BatchAnswers, Vec<Numbered>), JournalError> {
        let mut known = BatchAnswers::none(self.asked, self.input, batch)?;
        let mut replies = Vec::new();
        for reply in self.journal.replies(batch)? {
            let ids = known.openids.to_vec();
            let read = read_label(&reply.label, &ids);
            let (question, _) = read.map_err(|error| self.damaged(batch, &error))?;
            if known.answers.iter().any(|(earlier, _)| *earlier == question) {
                continue;
            }
            let answer = answer(&question, &known.asked_by(&question), &reply.body);
            known.answers.push((question, answer));
            replies.push(reply);
        }
        Ok((known, replies))
    }

    /// Returns how many of the day's calls a batch takes, as it was measured at the beginning of
    /// the walk; `None` if that was not possible.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub(in crate::engine) fn cost(&self) -> Result<Option<u64>, JournalError> {
        for batch in 0..self.asked.batches().min(MEASURED) {
            let openids = self.input.openids(&self.asked.positions(batch))?;
            for reply in self.journal.replies(batch)? {
                let read = read_label(&reply.label, &openids.to_vec());
                let (_, cost) = read.map_err(|error| self.damaged(batch, &error))?;
                if cost.is_some() {
                    return Ok(cost);
                }
            }
        }
        Ok(None)
    }

    /// Returns the batches in order, each with what came of its elements. The walk must be
    /// complete. Two batches are in memory at the same time.
    pub(in crate::engine) fn settled(&self, hints: Hints) -> SettledBatches<'_> {
        SettledBatches { settling: *self, hints, next: 0, before: Shared::NotYet, ahead: None }
    }

    /// Returns what the replies of a complete walk say together. It reads no more of them than it
    /// must: how large a request may be no longer matters.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub(in crate::engine) fn hints(&self) -> Result<Hints, JournalError> {
        let mut hints = self.first_hints()?;
        for batch in 0..self.asked.batches() {
            if hints.has_identities {
                break;
            }
            for (question, answer) in &self.read(batch)?.0.answers {
                hints.learn(question, answer);
            }
        }
        Ok(hints)
    }

    /// Returns what is known before the first reply: whether the first of the copied rows have
    /// identities.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if they cannot be read.
    pub(super) fn first_hints(&self) -> Result<Hints, JournalError> {
        let mut hints = Hints::default();
        if self.journal.copied_frames() > 0 {
            let first = self.journal.copied_frame(0)?;
            let rows = read_profiles(&first.body).unwrap_or_default().rows;
            hints.has_identities = rows.iter().any(|profile| profile.unionid.is_some());
        }
        Ok(hints)
    }

    fn damaged(&self, batch: u64, error: &dyn std::error::Error) -> JournalError {
        let path = self.journal.folder().path().to_owned();
        JournalError::Damaged { path, what: format!("batch {batch}: {error}") }
    }
}

/// The first batches, around which the cost is measured.
pub(super) const MEASURED: u64 = 4;

/// The batches of a complete walk, in order.
#[derive(Debug)]
pub(in crate::engine) struct SettledBatches<'a> {
    settling: Settling<'a>,
    hints: Hints,
    next: u64,
    /// What the batch before says of its last place.
    before: Shared,
    /// The next batch, if it was read already.
    ahead: Option<(BatchAnswers, Vec<Numbered>)>,
}

impl SettledBatches<'_> {
    fn read_next(&mut self) -> Result<SettledBatch, Error> {
        let (settling, number) = (self.settling, self.next);
        let (answers, replies) = match self.ahead.take() {
            Some(read) => read,
            None => settling.read(number)?,
        };
        let after = if answers.is_last {
            Shared::NotYet
        } else {
            let read = settling.read(number + 1)?;
            self.ahead.insert(read).0.shared().0
        };
        let seam = Seam { before: self.before, after };
        let Settled::Done(verdicts) = answers.settle(seam, self.hints, settling.verify()) else {
            let path = settling.journal.folder().path().to_owned();
            let what = format!("its end says that it is complete, but batch {number} has elements without an outcome");
            return Err(JournalError::Damaged { path, what }.into());
        };
        self.before = answers.shared().1;
        self.next += 1;
        let positions = settling.asked.positions(number)[answers.own()].to_vec();
        Ok(SettledBatch { number, positions, verdicts, answers, replies })
    }
}

impl Iterator for SettledBatches<'_> {
    type Item = Result<SettledBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.settling.asked.batches() {
            return None;
        }
        let read = self.read_next();
        if read.is_err() {
            // Nothing behind a batch that cannot be read is of use.
            self.next = self.settling.asked.batches();
        }
        Some(read)
    }
}
