//! Whose fault it is that a call has failed for good: that of the followers it asked about, or
//! WeChat's as a whole.
//!
//! Before it: all tries of a call of the [walk](super::walk) have failed. Behind it: the journal
//! says that there was no reply, and the walk goes on with the halves; or it stops, and a later run
//! asks again.
//!
//! WeChat is asked about somebody else, of whom it has told before. If it answers now, it is up,
//! and the followers of the call are the reason. If it does not, nothing is known of them.

use super::call::{Call, Replied};
use super::walk::{Run, settling};
use crate::batches::{Answer, Round};
use crate::error::Error;
use crate::source::SourceError;

/// Batches that are searched for somebody of whom WeChat has told.
const SEARCHED: usize = 100;

impl Run<'_, '_> {
    /// Decides about a call that has failed with `error` for good. Returns what takes the place of
    /// its reply.
    ///
    /// # Errors
    ///
    /// The [`SourceError`] with which the walk stops, if the followers of the call are not the
    /// reason.
    pub(super) async fn no_reply(
        &mut self,
        call: &Call,
        error: SourceError,
    ) -> Result<Result<Replied, SourceError>, Error> {
        if !error.may_be_of_elements() {
            return Ok(Err(error));
        }
        let Some(other) = self.somebody_else(call)? else { return Ok(Err(error)) };
        let source = self.walk.source;
        let run = &self.walk.context.run;
        let answered = match call.question.round {
            Round::First | Round::Again => run.or_stopped(source.batch(call.batch, &[&other])).await?,
            Round::Single | Round::SingleAgain => run.or_stopped(source.single(call.batch, &other)).await?,
        };
        match answered {
            Ok(_) => {
                let (batch, elements) = (call.batch, call.question.places.len());
                let error = crate::causes::error_chain(&error);
                tracing::warn!(batch, elements, error, "WeChat answers, but not about these followers");
                let at = run.pipeline.clock.now();
                let batch = self.known.batch(settling(self.walk, self.asked), call.batch)?;
                Ok(Ok(Replied::none(call, batch, at)))
            }
            Err(of_other) if of_other.may_be_of_elements() => Ok(Err(error)),
            Err(of_other) => Ok(Err(of_other)),
        }
    }

    /// Returns the OpenID of somebody of whom WeChat has told in this walk, and about whom `call`
    /// does not ask.
    fn somebody_else(&mut self, call: &Call) -> Result<Option<String>, Error> {
        let asked = self.known.batch(settling(self.walk, self.asked), call.batch)?.asked_by(&call.question);
        let asked = asked.to_vec();
        let answered = (0..self.asked.batches()).filter(|&batch| self.walk.journal.has(batch));
        for number in answered.take(SEARCHED) {
            let batch = self.known.batch(settling(self.walk, self.asked), number)?;
            for (question, answer) in &batch.answers {
                let Answer::Rows { rows, .. } = answer else { continue };
                let there = question.places.iter().zip(rows).filter(|(_, row)| row.is_some_and(|row| row.is_there));
                let mut openids = there.map(|(&place, _)| batch.openids.get(place.into()));
                if let Some(other) = openids.find(|openid| !asked.contains(openid)) {
                    return Ok(Some(other.to_owned()));
                }
            }
        }
        Ok(None)
    }
}
