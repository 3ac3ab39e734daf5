//! What a reply in the journal answers, and what it says of each element that it was asked about.
//!
//! Before it: a reply as it came. Behind it: [`settling`](super::settling) gives the answers of a
//! batch to the rules.
//!
//! ```text
//! label = calls that the batch took u16 (0: not measured), label of the question
//! ```
//!
//! A row is found by its OpenID, never by its place. A row that does not say whether its person
//! follows counts as missing.

use std::sync::LazyLock;

use ahash::RandomState;
use bytes::Bytes;

use super::openids::Openids;
use crate::batches::{Answer, LabelError, Question, Round, Row};
use crate::wechat::{ApiError, Profile, ProfileError, read_profile, read_profiles};

/// The bytes of a label before that of the question.
const COST: usize = 2;

/// Hashes identities. Equal ones have equal hashes; the few that have equal hashes by chance are
/// told apart by the count of distinct ones, which compares them as they are.
static HASHER: LazyLock<RandomState> = LazyLock::new(|| RandomState::with_seeds(5, 6, 7, 8));

/// Returns the label that stands beside a reply. `cost` is how many of the day's calls the request
/// has taken, if that was measured.
pub(super) fn label(question: &Question, ids: &[&str], cost: Option<u64>) -> Bytes {
    let cost = cost.map_or(0, |cost| u16::try_from(cost).unwrap_or(u16::MAX));
    [&cost.to_le_bytes()[..], &question.label(ids)].concat().into()
}

/// Returns how many of the day's calls a batch takes, if `label` says so, which stands beside a
/// reply.
pub(crate) fn cost(label: &[u8]) -> Option<u64> {
    let cost = u16::from_le_bytes(*label.first_chunk::<COST>()?);
    (cost > 0).then_some(cost.into())
}

/// Reads a label: the question about elements of a batch of `ids`, and the cost if it was measured.
///
/// # Errors
///
/// If it is no label, or one of a question about other elements.
pub(super) fn read_label(label: &[u8], ids: &[&str]) -> Result<(Question, Option<u64>), LabelError> {
    let question = label.get(COST..).ok_or(LabelError::Malformed)?;
    Ok((Question::read(question, ids)?, cost(label)))
}

/// Returns what a reply says of the elements of `question`, whose OpenIDs are `asked`, in its
/// order.
pub(super) fn answer(question: &Question, asked: &Openids, body: &[u8]) -> Answer {
    let read = match question.round {
        Round::First | Round::Again => read_profiles(body),
        Round::Single | Round::SingleAgain => read_profile(body),
    };
    match read {
        Ok(reply) => rows(asked, &reply.rows),
        Err(ProfileError::Api(ApiError { code: ApiError::REFUSED_ELEMENT, .. })) => Answer::Refused,
        Err(ProfileError::Api(ApiError { code: ApiError::TOO_MANY_ELEMENTS, .. })) => Answer::TooMany,
        // `BatchSource` keeps no other error reply.
        Err(ProfileError::Api(_) | ProfileError::Malformed(_)) => Answer::Unreadable,
    }
}

fn rows(asked: &Openids, profiles: &[Profile<'_>]) -> Answer {
    let mut rows = vec![None; asked.len()];
    let mut seen = vec![false; asked.len()];
    let mut is_strange = false;
    // Rows mostly come in the order of the question, so the next place is tried first.
    let mut next = 0;
    for profile in profiles {
        let is_at = |place: usize| asked.get(place) == profile.openid;
        let is_next = next < asked.len() && is_at(next);
        let Some(place) = is_next.then_some(next).or_else(|| (0..asked.len()).find(|&place| is_at(place))) else {
            is_strange = true;
            continue;
        };
        next = place + 1;
        if std::mem::replace(&mut seen[place], true) {
            is_strange = true;
            rows[place] = None;
        } else {
            rows[place] = row(profile);
        }
    }
    Answer::Rows { rows, is_strange }
}

fn row(profile: &Profile<'_>) -> Option<Row> {
    Some(Row {
        is_there: profile.subscribe?,
        identity: profile.unionid.as_deref().map(|unionid| HASHER.hash_one(unionid)),
        since: profile.subscribe_time,
    })
}
