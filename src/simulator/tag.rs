//! The tags of an account: what they are called, who has them, and how wrong their counts are.
//!
//! `roster` keeps them for each account, and `api` answers with them. Like the followers, the
//! members of a tag are computed: they are the people at a range of indices who follow now.

use std::fmt::Write as _;
use std::ops::Range;

use super::followers::{Followers, mix};

/// A tag of every account of a simulator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// The id. 0, 1 and 2 are the system's.
    pub id: i32,
    /// The name.
    pub name: String,
    /// How many people have the tag, if so many follow the account: those at a range of indices
    /// that begins somewhere.
    pub members: u64,
    /// How the count in `tags/get` is wrong; `None` if it is right.
    pub lag: Option<Lag>,
}

/// The wrong count of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lag {
    /// The count that `tags/get` states.
    pub count: u64,
    /// When it states the right one.
    pub heals: Heals,
}

/// When the count of a tag becomes right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heals {
    /// It stays wrong.
    Never,
    /// As soon as somebody has called `user/tag/get` for the tag.
    WhenRead,
    /// After this many answers of `tags/get` to the account.
    After(u64),
}

/// The names of made-up tags, in turn. Some need an escape, some hold what splits a line or a cell.
const NAMES: [&str; 10] = [
    "会员",
    "VIP",
    "😀 happy",
    "👍🏽",
    "says \"hi\", again",
    "two\nlines",
    "a\ttab",
    "C:\\shop\\",
    "bell\u{7} and \u{14}",
    "a/b; c",
];

/// The id of the first tag that is not the system's.
const FIRST_ID: i32 = 100;

/// The most members of a made-up tag. WeChat deletes no tag with 100,000 members or more, so real
/// accounts have larger ones.
const MOST_MEMBERS: u64 = 200_000;

impl Tag {
    /// Returns a tag whose count is right.
    pub fn new(id: i32, name: impl Into<String>, members: u64) -> Self {
        Self { id, name: name.into(), members, lag: None }
    }

    /// Makes the count wrong.
    #[must_use]
    pub fn lagging(mut self, count: u64, heals: Heals) -> Self {
        self.lag = Some(Lag { count, heals });
        self
    }

    /// Returns `count` made-up tags with ids from 100 on. The first has no members, the second has
    /// one, the third 200,000, and the others any number between them; many have few.
    pub fn some(count: u64) -> Vec<Self> {
        let tag = |number: u64| {
            let bits = mix(number);
            let members = match number {
                0 | 1 => number,
                2 => MOST_MEMBERS,
                // Each order of magnitude is as likely as the others.
                _ => ((bits >> 8) % (2 << (bits % 18))).min(MOST_MEMBERS),
            };
            let mut name = NAMES[(number % NAMES.len() as u64) as usize].to_owned();
            if number >= NAMES.len() as u64 {
                let _ = write!(name, " {number}");
            }
            Self::new(FIRST_ID + number as i32, name, members)
        };
        (0..count).map(tag).collect()
    }

    /// Returns the indices of those who have the tag while they follow.
    pub(super) fn range(&self, people: &Followers) -> Range<u64> {
        const TAG: u64 = 6;
        let members = self.members.min(people.count());
        let start = people.bits(self.id as u64, TAG) % (people.count() - members + 1);
        start..start + members
    }
}

/// The tags that every account has. People cannot be given the first two.
pub(super) fn system_tags() -> [Tag; 3] {
    [Tag::new(0, "未分组", 0), Tag::new(1, "黑名单", 0), Tag::new(2, "星标组", 0)]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn made_up_tags_are_of_all_sizes_and_no_two_have_one_name() {
        let tags = Tag::some(100);
        assert_eq!(tags.iter().map(|tag| tag.id).collect::<Vec<_>>(), (100..200).collect::<Vec<_>>());
        assert_eq!(tags.iter().map(|tag| &tag.name).collect::<HashSet<_>>().len(), 100);
        assert_eq!(tags[..3].iter().map(|tag| tag.members).collect::<Vec<_>>(), [0, 1, MOST_MEMBERS]);
        for bounds in [1..10, 10..100, 100..1_000, 1_000..10_000, 10_000..MOST_MEMBERS + 1] {
            assert!(tags.iter().any(|tag| bounds.contains(&tag.members)), "{bounds:?}");
        }
        assert_eq!(Tag::some(5), tags[..5], "more tags are the same ones and others");
    }

    #[test]
    fn the_members_of_a_tag_are_people_of_the_account() {
        let people = Followers::new(1, "wxtag", 1_000);
        for members in [0, 1, 999, 1_000, 1_001] {
            let range = Tag::new(134, "x", members).range(&people);
            assert_eq!(range.end - range.start, members.min(1_000));
            assert!(range.end <= 1_000);
        }
        let starts: HashSet<_> =
            Tag::some(9).iter().map(|tag| tag.range(&Followers::new(1, "wxtag", 10_000_000)).start).collect();
        assert!(starts.len() > 6, "{starts:?}");
    }
}
