//! What came of each tag of a walk, as its journal says.
//!
//! Before it: the replies about all tags, and the journal of each. Behind it: the
//! [walk](super::walk) ends, or not; the delivery tells it in its rows.
//!
//! | outcome | the tag | the people |
//! | --- | --- | --- |
//! | complete | has as many people as one of WeChat's counts says | are in the list |
//! | lagging | has more people than WeChat counts, or a few fewer: it counts late | are in the list |
//! | deleted | is not in the last reply | are not in the list |
//! | failed | was not read to its end, or is far too short for WeChat's count | are not in the list |
//!
//! The [walk](super::walk) leaves no end to a tag that is far too short. So the outcome of a
//! decided walk does not depend on `source.max_shortfall_percent`, which may be another one later.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::selection::select;
use crate::config::TagName;
use crate::engine::walk::is_far_too_short;
use crate::error::Error;
use crate::journal::{JournalError, TagJournal, TagsReply};
use crate::wechat::{Tag, read_tags};

/// What came of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::engine) enum TagOutcome {
    Complete,
    Lagging,
    Deleted,
    Failed,
}

impl TagOutcome {
    pub(in crate::engine) const ALL: [Self; 4] = [Self::Complete, Self::Lagging, Self::Deleted, Self::Failed];

    /// Returns the value of the column `outcome`.
    pub(in crate::engine) fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Lagging => "lagging",
            Self::Deleted => "deleted",
            Self::Failed => "failed",
        }
    }

    /// Returns whether the people of the tag are in the list.
    pub(in crate::engine) fn has_people(self) -> bool {
        matches!(self, Self::Complete | Self::Lagging)
    }
}

/// A tag of a walk, with what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) struct SettledTag {
    /// As the last reply has it that has it.
    pub(in crate::engine) tag: Tag,
    pub(in crate::engine) outcome: TagOutcome,
    /// The distinct people, if they are in the list.
    pub(in crate::engine) members: Option<u64>,
    /// When that reply was fetched.
    pub(in crate::engine) fetched_at: DateTime<Utc>,
}

/// The replies about all tags, in the order of the journal.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Counts(Vec<Count>);

/// A reply about all tags.
#[derive(Clone, Debug)]
pub(super) struct Count {
    pub(super) fetched_at: DateTime<Utc>,
    /// How many tags had been read to their end then.
    pub(super) ended: u64,
    pub(super) tags: Vec<Tag>,
}

impl Counts {
    /// Reads them from the journal.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if one cannot be read.
    pub(in crate::engine) fn of(journal: &TagJournal) -> Result<Self, JournalError> {
        let read = |TagsReply { fetched_at, ended, body }| {
            let damaged = |error| journal.damaged(&format!("a reply about the tags: {error}"));
            Ok(Count { fetched_at, ended, tags: read_tags(&body).map_err(damaged)? })
        };
        Ok(Self(journal.replies()?.into_iter().map(read).collect::<Result<_, JournalError>>()?))
    }

    pub(super) fn push(&mut self, count: Count) {
        self.0.push(count);
    }

    /// Returns how many replies have come, from number `first` (from 0) on, when `ended` tags had
    /// been read.
    pub(super) fn since(&self, first: usize, ended: u64) -> usize {
        self.0.iter().skip(first).filter(|count| count.ended == ended).count()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether any reply has a tag.
    pub(super) fn have_tags(&self) -> bool {
        self.0.iter().any(|count| !count.tags.is_empty())
    }

    /// Returns the ids of the tags that the walk reads. The first reply says which there are.
    pub(in crate::engine) fn selected(&self, wanted: Option<&[TagName]>) -> Result<Vec<i32>, Error> {
        select(wanted, self.0.first().map_or(&[], |count| &count.tags))
    }

    /// Returns when the last reply was fetched.
    pub(super) fn last_fetched_at(&self) -> Option<DateTime<Utc>> {
        self.0.last().map(|count| count.fetched_at)
    }

    /// Returns whether the last reply lacks a tag.
    pub(super) fn is_gone(&self, tag: i32) -> bool {
        self.0.last().is_none_or(|count| find(&count.tags, tag).is_none())
    }

    /// Returns a tag as the last reply has it that has it, and when that one was fetched.
    pub(in crate::engine) fn last_of(&self, tag: i32) -> (DateTime<Utc>, &Tag) {
        let found = self.0.iter().rev().find_map(|count| Some((count.fetched_at, find(&count.tags, tag)?)));
        found.expect("a tag is selected from the first reply")
    }

    /// Returns whether any reply counts so many people of a tag.
    pub(super) fn agree(&self, tag: i32, people: u64) -> bool {
        self.0.iter().any(|count| find(&count.tags, tag).is_some_and(|tag| tag.count == people))
    }

    /// Returns whether a tag that has `people` lacks more than `limit_percent` of those that the
    /// last reply counts, and no reply agrees with it.
    pub(super) fn are_short(&self, tag: i32, people: u64, limit_percent: f64) -> bool {
        let count = self.last_of(tag).1.count;
        !self.agree(tag, people) && (people == 0 || is_far_too_short(people, count, limit_percent))
    }

    /// Returns what came of a tag that has `people`; `None` if it was not read to its end.
    pub(super) fn outcome(&self, tag: i32, people: Option<u64>) -> TagOutcome {
        match people {
            _ if self.is_gone(tag) => TagOutcome::Deleted,
            None => TagOutcome::Failed,
            Some(people) if self.agree(tag, people) => TagOutcome::Complete,
            Some(_) => TagOutcome::Lagging,
        }
    }
}

fn find(tags: &[Tag], id: i32) -> Option<&Tag> {
    tags.binary_search_by_key(&id, |tag| tag.id).ok().map(|place| &tags[place])
}

/// Returns what came of each tag of a walk that has ended, by their ids.
///
/// # Errors
///
/// [`JournalError`] if the journal cannot be read.
pub(in crate::engine) fn settle(journal: &TagJournal, wanted: Option<&[TagName]>) -> Result<Vec<SettledTag>, Error> {
    let counts = Counts::of(journal)?;
    let mut settled = Vec::new();
    for id in counts.selected(wanted)? {
        let people = journal.contents_of(id)?.and_then(|contents| contents.end().map(|end| end.total));
        let outcome = counts.outcome(id, people);
        let (fetched_at, tag) = counts.last_of(id);
        let members = people.filter(|_| outcome.has_people());
        settled.push(SettledTag { tag: tag.clone(), outcome, members, fetched_at });
    }
    Ok(settled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_complete_if_any_count_agrees_and_deleted_if_the_last_reply_lacks_it() {
        let reply = |counts: &[(i32, u64)]| {
            let tag = |&(id, count): &(i32, u64)| Tag { id, name: String::new(), count };
            Count { fetched_at: DateTime::UNIX_EPOCH, ended: 0, tags: counts.iter().map(tag).collect() }
        };
        let counts = Counts(vec![reply(&[(1, 5), (2, 5), (3, 5), (4, 0)]), reply(&[(1, 7), (3, 5), (4, 0)])]);
        for (tag, people, expected) in [
            (1, Some(5), TagOutcome::Complete),
            (1, Some(7), TagOutcome::Complete),
            (1, Some(6), TagOutcome::Lagging),
            (2, Some(5), TagOutcome::Deleted),
            (2, None, TagOutcome::Deleted),
            (3, None, TagOutcome::Failed),
            (4, Some(0), TagOutcome::Complete),
        ] {
            assert_eq!(counts.outcome(tag, people), expected, "{tag} {people:?}");
        }
        for (tag, people, expected) in [(1, 5, false), (1, 6, true), (1, 8, false), (3, 4, true), (4, 1, false)] {
            assert_eq!(counts.are_short(tag, people, 2.0), expected, "{tag} {people}");
        }
        assert!(!counts.are_short(3, 4, 20.0) && counts.are_short(3, 0, 100.0), "nobody is never everybody");
        assert_eq!(counts.last_of(2).1.count, 5);
        assert_eq!(counts.last_of(1).1.count, 7);
    }
}
