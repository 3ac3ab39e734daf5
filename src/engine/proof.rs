//! What proves that a list is complete.
//!
//! A list of followers: its rows can be compared with `total`, and its rows, `duplicates` and
//! `empty` add up to what its pages hold. A list of profiles: its outcomes add up to the rows of
//! the walk that it rests on, and its rows with a unionid have as many distinct unionids, but for
//! those in conflict. A list of changes: each person whom only one of two lists has is told, or is
//! a hole, or is asked about again.
//!
//! Before it: `deliver` writes it into the snapshot, which the decision fixes. Behind it: a later
//! delivery of the decided list counts no duplicates if there were none; the next run forecasts its
//! calls and orders its units by what the list has taken.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use fanout_sink::Snapshot;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::batch_walk::check_failed;
use super::tag_walk::TagOutcome;
use crate::journal::Gap;
use crate::rows::ProfileOutcome;
use crate::source::SourceError;

/// The proof of one kind of list, as the fields of a snapshot.
pub(super) trait Proof: Serialize + DeserializeOwned {
    /// Reads the proof of a list; `None` if `snapshot` is one of another kind.
    fn of(snapshot: &Snapshot) -> Option<Self> {
        Self::of_fields(&snapshot.proof)
    }

    /// Reads the proof from its fields; `None` if they are of another kind of list.
    fn of_fields(fields: &Map<String, Value>) -> Option<Self> {
        serde_json::from_value(Value::Object(fields.clone())).ok()
    }

    /// Returns the proof as the fields of a snapshot.
    fn into_fields(self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(fields)) => fields,
            _ => unreachable!("numbers and text are JSON"),
        }
    }
}

impl Proof for FollowerProof {}
impl Proof for ProfileProof {}
impl Proof for TagProof {}
impl Proof for ChangeProof {}

/// The fields of a follower list in [`Snapshot::proof`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FollowerProof {
    /// Pages in the journal, overlapping ones included.
    pub(super) pages: u64,
    /// The `total` that WeChat stated last.
    pub(super) total: u64,
    /// Rows dropped because an earlier row had the same `OpenID`.
    pub(super) duplicates: u64,
    /// Empty strings in the place of an `OpenID`, which were dropped.
    pub(super) empty: u64,
}

/// The fields of a list of profiles in [`Snapshot::proof`]. All of them follow from the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProfileProof {
    /// The walk of followers on which the list rests.
    pub(super) input_walk: String,
    /// The digest of that list.
    pub(super) input_digest: String,
    /// Its batches.
    pub(super) batches: u64,
    /// Replies in the journal that its rows are settled by.
    pub(super) replies: u64,
    /// Requests without a reply, though WeChat answered others.
    #[serde(default)]
    pub(super) unanswered: u64,
    /// How many of the day's calls a batch has taken; `None` if that was not measured.
    pub(super) calls_a_batch: Option<u64>,
    /// How many rows have each outcome, one for each of [`ProfileOutcome::ALL`].
    pub(super) outcomes: BTreeMap<String, u64>,
    /// Rows that were copied from an earlier list. The oldest of them is as old as the first reply
    /// of the list, [`Snapshot::first_fetched_at`].
    pub(super) copied: u64,
    /// Rows that were asked for.
    pub(super) asked: u64,
    /// The walk of the list from which rows were copied; `None` if everybody was asked for.
    pub(super) base_walk: Option<String>,
    /// `profiles.refresh_days`; `None` if no row was to be copied.
    pub(super) refresh_days: Option<u32>,
    /// Whether no row was copied because the account is bound to another Open Platform account than
    /// in the list before.
    pub(super) bound_anew: bool,
    /// Followers who were asked for by two batches in the first round, with the same answer.
    pub(super) seams: u64,
    /// Batches that were asked for a second time.
    pub(super) asked_again: u64,
    /// Replies about one follower alone.
    pub(super) asked_alone: u64,
    /// Batches in whose first round a follower had the unionid of somebody else.
    pub(super) shifts: u64,
    /// Rows of outcome `follows` without a unionid.
    pub(super) without_unionid: u64,
    /// Rows of replies that only the lenient reader could take.
    pub(super) lenient: u64,
    /// U+FFFD that replaced what is not UTF-8.
    pub(super) replaced: u64,
    /// Keys of rows that are not documented, and how often each was there.
    pub(super) unknown_keys: BTreeMap<String, u64>,
}

impl ProfileProof {
    /// Returns how many rows have an outcome.
    pub(super) fn rows(&self, outcome: ProfileOutcome) -> u64 {
        self.outcomes.get(outcome.name()).copied().unwrap_or(0)
    }

    /// Checks that enough of the `rows` tell about their follower for the list to count as
    /// complete.
    ///
    /// # Errors
    ///
    /// [`SourceError::TooManyRefused`] if more than `limit_percent` do not.
    pub(super) fn check(&self, rows: u64, limit_percent: f64) -> Result<(), SourceError> {
        let refused = self.rows(ProfileOutcome::Refused);
        let unreadable = self.rows(ProfileOutcome::Unreadable) + self.rows(ProfileOutcome::Conflict);
        check_failed(refused, unreadable, rows, limit_percent)
    }
}

/// The fields of a list of tags, or of their people, in [`Snapshot::proof`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TagProof {
    /// The tags that were read.
    pub(super) tags: u64,
    /// Pages in the journals of all tags, overlapping ones included; 0 for the list of tags.
    pub(super) pages: u64,
    /// Rows dropped because an earlier row of the same tag had the same `OpenID`.
    pub(super) duplicates: u64,
    /// Empty strings in the place of an `OpenID`, which were dropped.
    pub(super) empty: u64,
    /// How many tags have each outcome, one for each of [`TagOutcome::ALL`].
    pub(super) outcomes: BTreeMap<String, u64>,
    /// The tags that have another length than WeChat counts: their ids and names.
    pub(super) lagging: BTreeMap<String, String>,
    /// The tags that could not be read.
    pub(super) failed: BTreeMap<String, String>,
    /// For the list of tags, the walk of their people on which it rests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) input_walk: Option<String>,
    /// For the list of tags, the digest of that list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) input_digest: Option<String>,
}

impl TagProof {
    /// Makes the proof of tags, each with its id, its name and its outcome. The rest is empty.
    pub(super) fn of_tags<'a>(tags: impl Iterator<Item = (i32, &'a str, TagOutcome)>) -> Self {
        let outcomes = TagOutcome::ALL.map(|outcome| (outcome.name().to_owned(), 0)).into();
        let mut proof = Self { outcomes, ..Self::default() };
        for (id, name, outcome) in tags {
            proof.tags += 1;
            *proof.outcomes.entry(outcome.name().to_owned()).or_default() += 1;
            match outcome {
                TagOutcome::Lagging => drop(proof.lagging.insert(id.to_string(), name.to_owned())),
                TagOutcome::Failed => drop(proof.failed.insert(id.to_string(), name.to_owned())),
                TagOutcome::Complete | TagOutcome::Deleted => {}
            }
        }
        proof
    }

    /// Returns the tags that the list lacks, as an error names them.
    pub(super) fn lacking(&self) -> Vec<String> {
        self.failed.iter().map(|(id, name)| format!("{name:?} ({id})")).collect()
    }
}

/// The fields of a list of changes in [`Snapshot::proof`]. All of them follow from the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ChangeProof {
    /// The walk of followers at which the changes begin; `None` if the list tells who follows.
    pub(super) from_walk: Option<String>,
    /// The logical date of that list.
    #[serde(default)]
    pub(super) from_date: Option<NaiveDate>,
    /// The walk of followers at which they end.
    pub(super) to_walk: String,
    /// The digest of that list.
    pub(super) to_digest: String,
    /// How many rows tell each change, one for each of [`Change::ALL`].
    pub(super) changes: BTreeMap<String, u64>,
    /// Rows of a change that WeChat was not asked about, or about which it did not tell.
    pub(super) unverified: u64,
    /// People whom the list at which the changes begin lacks and the other one has.
    pub(super) joined: u64,
    /// People whom the first list has and the other one lacks, those of `carried` included.
    pub(super) missing: u64,
    /// People whom the list at which the changes end lacks, though they follow.
    pub(super) holes: u64,
    /// People whom that list lacks, and about whom nothing is known: they are asked about again.
    pub(super) open: u64,
    /// People who were holes, or not known, before these changes.
    pub(super) carried: u64,
    /// People of both lists who were asked about, to see whether the token is the account's.
    pub(super) controls: u64,
    /// People who share a unionid with another one, so that nothing about them is believed.
    pub(super) conflicts: u64,
    /// The batches of people who were asked about.
    pub(super) batches: u64,
    /// Replies in the journal by which the rows are settled.
    pub(super) replies: u64,
    /// How many of the day's calls a batch has taken; `None` if that was not measured.
    pub(super) calls_a_batch: Option<u64>,
    /// By how much WeChat's `total` has grown between the two lists; `None` without a first one.
    pub(super) total_difference: Option<i64>,
    /// By how much it should have, by the rows.
    pub(super) expected_difference: i64,
    /// The sinks that were away and are not told what has changed since, with the list behind which
    /// each of them misses changes, up to the one at which these begin.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) gaps: BTreeMap<String, Gap>,
}

impl ChangeProof {
    /// Returns how many people the next changes begin with beside the list at which these end.
    pub(super) fn carries(&self) -> u64 {
        // A list that tells who follows asks nobody, and passes on those that it has.
        if self.from_walk.is_some() { self.holes + self.open } else { self.carried }
    }
}

/// Returns how many pages or batches a decided list has taken; `None` if it does not say.
pub(super) fn replies_of(snapshot: &Snapshot) -> Option<u64> {
    let of_pages = FollowerProof::of(snapshot).map(|proof| proof.pages);
    let of_profiles = || ProfileProof::of(snapshot).map(|proof| proof.batches);
    let of_changes = || ChangeProof::of(snapshot).map(|proof| proof.batches);
    let of_tags = || TagProof::of(snapshot).map(|proof| proof.pages);
    of_pages.or_else(of_profiles).or_else(of_changes).or_else(of_tags)
}

/// Returns how many of the day's calls a batch of a decided list has taken; `None` if it does not
/// say.
pub(super) fn cost_of(snapshot: &Snapshot) -> Option<u64> {
    match ProfileProof::of(snapshot) {
        Some(proof) => proof.calls_a_batch,
        None => ChangeProof::of(snapshot)?.calls_a_batch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_read_back_by_the_names_of_the_type() {
        let proof = FollowerProof { pages: 1, total: 2, duplicates: 3, empty: 4 };
        let fields = proof.into_fields();
        assert_eq!(serde_json::to_value(proof).unwrap(), Value::Object(fields.clone()));
        assert_eq!(serde_json::from_value::<FollowerProof>(Value::Object(fields)).unwrap(), proof);
    }
}
