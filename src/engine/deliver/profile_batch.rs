//! The rows of one settled batch of profiles.
//!
//! Before it: the [batch walk](crate::engine::batch_walk) says which reply each row is from. Behind
//! it: [`profile_feed`](super::profile_feed) puts all rows of a list into the order of positions.

use chrono::{DateTime, Utc};

use crate::batches::{Answer, Outcome, Question, Round, Row, Shared};
use crate::engine::batch_walk::SettledBatch;
use crate::engine::proof::ProfileProof;
use crate::error::Error;
use crate::rows::ProfileOutcome;
use crate::wechat::{Profile, ProfileReply, read_profile, read_profiles};

/// Keys that a proof names at most: what is no key of WeChat's may be anything.
const KEYS: usize = 100;

/// A row before it becomes Arrow.
pub(super) struct ProfileRow<'a> {
    pub(super) position: u64,
    pub(super) openid: &'a str,
    pub(super) outcome: ProfileOutcome,
    pub(super) fetched_at: DateTime<Utc>,
    pub(super) profile: Option<&'a Profile<'a>>,
}

impl ProfileRow<'_> {
    /// Returns the row of a follower whose unionid another one has, too. What the reply says is not
    /// to be trusted.
    pub(super) fn in_conflict(self) -> Self {
        Self { outcome: ProfileOutcome::Conflict, profile: None, ..self }
    }
}

/// Hands the rows of a batch to `take`, and counts in `proof` what its replies have shown.
/// `shared_before` is what the batch before says of its last place.
pub(super) fn each_row(
    batch: &SettledBatch,
    shared_before: &mut Shared,
    proof: &mut ProfileProof,
    take: &mut dyn FnMut(ProfileRow<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let answers = &batch.answers.answers;
    let read = answers.iter().zip(&batch.replies).map(|((question, _), reply)| read(question.round, &reply.body));
    let replies: Vec<ProfileReply<'_>> = read.collect();
    count(batch, &replies, proof);
    let (first, last) = batch.answers.shared();
    proof.seams += u64::from(agree(std::mem::replace(shared_before, last), first));
    for ((place, &position), verdict) in batch.answers.own().zip(&batch.positions).zip(&batch.verdicts) {
        let openid = batch.answers.openids.get(place);
        let (question, _) = &answers[verdict.answer];
        let outcome = match verdict.outcome {
            Outcome::There => ProfileOutcome::Follows,
            Outcome::Left => ProfileOutcome::Left,
            Outcome::Refused => ProfileOutcome::Refused,
            Outcome::Unreadable => ProfileOutcome::Unreadable,
        };
        let has_row = matches!(verdict.outcome, Outcome::There | Outcome::Left);
        let profile = has_row.then(|| {
            let rows = &replies[verdict.answer].rows;
            find(rows, place_in(question, place), openid).expect("the answer that settles it has its row")
        });
        take(ProfileRow { position, openid, outcome, fetched_at: batch.replies[verdict.answer].fetched_at, profile })?;
    }
    Ok(())
}

/// Reads a reply. One that has no rows is evidence all the same.
fn read(round: Round, body: &[u8]) -> ProfileReply<'_> {
    match round {
        Round::First | Round::Again => read_profiles(body),
        Round::Single | Round::SingleAgain => read_profile(body),
    }
    .unwrap_or_default()
}

fn place_in(question: &Question, place: usize) -> usize {
    question.places.iter().position(|&asked| usize::from(asked) == place).unwrap_or(0)
}

/// Returns the row of `openid`. Rows mostly come in the order of the question, so its place there
/// is tried first.
fn find<'a>(rows: &'a [Profile<'a>], place: usize, openid: &str) -> Option<&'a Profile<'a>> {
    rows.get(place).filter(|row| row.openid == openid).or_else(|| rows.iter().find(|row| row.openid == openid))
}

/// Counts what the replies of a batch have shown.
fn count(batch: &SettledBatch, replies: &[ProfileReply<'_>], proof: &mut ProfileProof) {
    let rounds = || batch.answers.answers.iter().map(|(question, _)| question.round);
    proof.batches += 1;
    let unanswered = batch.replies.iter().filter(|reply| reply.body.is_empty()).count() as u64;
    proof.unanswered += unanswered;
    proof.replies += replies.len() as u64 - unanswered;
    proof.asked_again += u64::from(rounds().any(|round| round == Round::Again));
    proof.asked_alone += rounds().filter(|round| matches!(round, Round::Single | Round::SingleAgain)).count() as u64;
    proof.shifts += u64::from(is_shifted(batch));
    for reply in replies {
        proof.lenient += reply.lenient;
        proof.replaced += reply.replaced;
        for (key, times) in &reply.unknown {
            if proof.unknown_keys.len() < KEYS || proof.unknown_keys.contains_key(&**key) {
                *proof.unknown_keys.entry(key.clone().into_owned()).or_default() += times;
            }
        }
    }
}

/// Returns whether two batches say the same of the follower that both have asked for.
fn agree(one: Shared, other: Shared) -> bool {
    let said = |row: Row| (row.is_there, row.identity);
    matches!((one, other), (Shared::Says(one), Shared::Says(other)) if said(one) == said(other))
}

/// Returns whether the first round of a batch had the identity of somebody else in one of the rows:
/// a later reply, which is delivered, has another one.
fn is_shifted(batch: &SettledBatch) -> bool {
    let answers = &batch.answers.answers;
    let identity = |(question, answer): &(Question, Answer), place: usize| match answer {
        Answer::Rows { rows, .. } => {
            rows.get(question.places.iter().position(|&at| usize::from(at) == place)?)?.as_ref()?.identity
        }
        _ => None,
    };
    batch.answers.own().zip(&batch.verdicts).any(|(place, verdict)| {
        let delivered = &answers[verdict.answer];
        delivered.0.round != Round::First
            && verdict.outcome == Outcome::There
            && answers
                .iter()
                .filter(|(question, _)| question.round == Round::First)
                .any(|first| identity(first, place).is_some_and(|first| Some(first) != identity(delivered, place)))
    })
}
