//! Who belongs to an account now: who follows, in which order the list has them, who is on the
//! blacklist, who has which tag.
//!
//! `api` keeps one for each account and answers from it; an [`Event`] changes it. A test reads in
//! it what is true.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use chrono::NaiveDate;

use super::event::{Event, Place};
use super::followers::Followers;
use super::night::Nights;
use super::profile::{Follow, TagIds};
use super::sequence::Sequence;
use super::tag::{Tag, system_tags};

/// The people of one simulated account, as they stood when it was asked for.
///
/// A person is an index, which stays the same whatever happens: [`openid`](Self::openid) has their
/// OpenID.
#[derive(Debug, Clone)]
pub struct Roster {
    /// Those who follow at some time, events aside.
    people: Followers,
    nights: Nights,
    date: NaiveDate,
    following: Arc<Sequence>,
    /// Those of `following` who are not hidden.
    listed: Arc<Sequence>,
    /// The people whom the list lacks, and whether `total` counts them.
    hidden: BTreeMap<u64, bool>,
    /// The people who have begun to follow by an event: how they last did.
    follows: BTreeMap<u64, Follow>,
    /// Those who have left, and are refused.
    refused: BTreeSet<u64>,
    blocked: Arc<Sequence>,
    /// By id, with the system's.
    tags: Vec<Tag>,
    /// Whether there are others than the system's.
    has_tags: bool,
    /// The tags that are deleted, and whether `tags/get` names them.
    deleted: BTreeMap<i32, bool>,
}

/// Where a person stands with the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tie {
    Follows,
    Left,
    /// Has left, and is refused.
    Refused,
    /// Has never followed, or is of another account.
    Stranger,
}

impl Roster {
    /// Returns the people of an account on `date`. About `count` of them follow, `blocked` people
    /// are on the blacklist, and the account has these tags besides the system's.
    pub(super) fn new(
        seed: u64,
        app_id: &str,
        (count, blocked): (u64, u64),
        nights: Nights,
        tags: &[Tag],
        date: NaiveDate,
    ) -> Self {
        // The blacklist has people who follow, and if it is long enough, people who do not.
        let blocked = Sequence::of(std::iter::once(count / 2..count / 2 + blocked));
        let system = system_tags().into_iter().filter(|tag| tags.iter().all(|given| given.id != tag.id));
        let has_tags = !tags.is_empty();
        let mut tags: Vec<_> = system.chain(tags.iter().cloned()).collect();
        tags.sort_by_key(|tag| tag.id);
        let mut roster = Self {
            people: Followers::new(seed, app_id, nights.people(count)),
            nights,
            date,
            following: Arc::default(),
            listed: Arc::default(),
            hidden: BTreeMap::new(),
            follows: BTreeMap::new(),
            refused: BTreeSet::new(),
            blocked: Arc::new(blocked),
            tags,
            has_tags,
            deleted: BTreeMap::new(),
        };
        roster.begin_night(date);
        roster
    }

    /// Makes it those who follow on `date`, and forgets who has joined and left by events.
    fn begin_night(&mut self, date: NaiveDate) {
        self.date = date;
        self.following = Arc::new(self.nights.following(&self.people, date));
        let holes = self.nights.holes(&self.people, &self.following, date);
        self.hidden = holes.into_iter().map(|index| (index, false)).collect();
        self.follows.clear();
        self.refused.clear();
        self.list();
    }

    /// Makes it the people on `date`, if the account's list changes by night and has not yet.
    pub(super) fn reach(&mut self, date: NaiveDate) {
        if self.date != date && !self.nights.is_quiet() {
            self.begin_night(date);
        }
    }

    /// Whether [`reach`](Self::reach) changes nothing.
    pub(super) fn has_reached(&self, date: NaiveDate) -> bool {
        self.date == date || self.nights.is_quiet()
    }

    /// Lists those who follow and are not hidden.
    fn list(&mut self) {
        self.listed = if self.hidden.is_empty() {
            Arc::clone(&self.following)
        } else {
            Arc::new(self.following.without(&self.hidden.keys().copied().collect()))
        };
    }

    /// Does what happens.
    pub(super) fn meet(&mut self, event: &Event) {
        match event {
            Event::Follow { who, at, place } => self.follow(who, at.timestamp(), *place),
            Event::Leave { who, refused } => {
                let gone = self.those(who, true);
                self.following = Arc::new(self.following.without(&gone));
                self.hidden.retain(|index, _| !gone.contains(index));
                if *refused {
                    self.refused.extend(gone);
                }
            }
            Event::Hide { who, counted } => {
                let hidden = self.those(who, true);
                self.hidden.extend(hidden.into_iter().map(|index| (index, *counted)));
            }
            Event::Show { who } => {
                for index in who {
                    self.hidden.remove(index);
                }
            }
            Event::Block { who } => {
                let mut seen = BTreeSet::new();
                let new = |index: &&u64| self.blocked.position(**index).is_none() && seen.insert(**index);
                let new: Vec<u64> = who.iter().filter(new).copied().collect();
                self.blocked = Arc::new(self.blocked.with(&new, u64::MAX));
            }
            Event::Unblock { who } => self.blocked = Arc::new(self.blocked.without(&who.iter().copied().collect())),
            Event::DeleteTag { id, named } => {
                self.deleted.insert(*id, *named);
            }
        }
        self.list();
    }

    fn follow(&mut self, who: &[u64], since: i64, place: Place) {
        let new = self.those(who, false);
        // In the order in which the event names them.
        let mut left = new.clone();
        let joined: Vec<u64> = who.iter().copied().filter(|index| left.remove(index)).collect();
        let at = match place {
            Place::End => u64::MAX,
            Place::At(position) => position,
        };
        self.following = Arc::new(self.following.with(&joined, at));
        for index in joined {
            let number = self.follows.get(&index).map_or(0, |follow| follow.number) + 1;
            self.follows.insert(index, Follow { since, number });
            self.refused.remove(&index);
        }
    }

    /// Returns those of these people who follow, or those who do not.
    fn those(&self, who: &[u64], follow: bool) -> BTreeSet<u64> {
        who.iter().copied().filter(|&index| self.follows(index) == follow).collect()
    }

    /// Returns the OpenID of the person at `index`, whether they follow or not.
    pub fn openid(&self, index: u64) -> String {
        self.people.openid(index)
    }

    /// Returns the index of a person of the account who follows or has followed.
    pub fn index(&self, openid: &str) -> Option<u64> {
        self.everybody().index(openid).filter(|&index| self.tie(index) != Tie::Stranger)
    }

    /// Returns how many people follow.
    pub fn count(&self) -> u64 {
        self.following.len()
    }

    /// Returns the `total` of the list.
    pub fn total(&self) -> u64 {
        self.following.len() - self.hidden.values().filter(|&&counted| !counted).count() as u64
    }

    /// Whether the person at `index` follows.
    pub fn follows(&self, index: u64) -> bool {
        self.following.position(index).is_some()
    }

    /// Returns the indices of those who follow, in list order, with those whom the list lacks at
    /// their places.
    pub fn following(&self) -> impl Iterator<Item = u64> + use<> {
        indices(&self.following)
    }

    /// Returns the indices of those who are in the list, in its order.
    pub fn listed(&self) -> impl Iterator<Item = u64> + use<> {
        indices(&self.listed)
    }

    /// Returns the indices of those who are on the blacklist, in its order.
    pub fn blocked(&self) -> impl Iterator<Item = u64> + use<> {
        indices(&self.blocked)
    }

    /// Returns the tags that `tags/get` names, by id. Each has as many `members` as people follow
    /// and have it.
    pub fn tags(&self) -> Vec<Tag> {
        let named = self.tags.iter().filter(|tag| self.deleted.get(&tag.id) != Some(&false));
        named.map(|tag| Tag { members: self.having(tag).len(), ..tag.clone() }).collect()
    }

    /// Returns the indices of those who follow and have the tag, in the order of its list; none if
    /// the tag is deleted.
    pub fn members(&self, tag: i32) -> impl Iterator<Item = u64> + use<> {
        indices(&self.tagged(tag).unwrap_or_default())
    }

    /// Returns a list of people, for the pages that are cut from it.
    pub(super) fn list_of_followers(&self) -> Arc<Sequence> {
        Arc::clone(&self.listed)
    }

    /// Returns the blacklist.
    pub(super) fn blacklist(&self) -> Arc<Sequence> {
        Arc::clone(&self.blocked)
    }

    /// Returns those who have a tag; `None` if there is no such tag.
    pub(super) fn tagged(&self, id: i32) -> Option<Arc<Sequence>> {
        let tag = self.tags.iter().find(|tag| tag.id == id && !self.deleted.contains_key(&id))?;
        Some(Arc::new(self.having(tag)))
    }

    fn having(&self, tag: &Tag) -> Sequence {
        self.following.within(&self.range(tag))
    }

    fn range(&self, tag: &Tag) -> Range<u64> {
        tag.range(&self.people)
    }

    /// Returns the ids of a person's tags, or `None` if the account has none but the system's.
    pub(super) fn tag_ids(&self, index: u64) -> Option<TagIds> {
        let has = |tag: &&Tag| !self.deleted.contains_key(&tag.id) && self.range(tag).contains(&index);
        self.has_tags.then(|| TagIds::of(self.tags.iter().filter(has).map(|tag| tag.id)))
    }

    /// Returns the OpenIDs of all indices.
    pub(super) fn everybody(&self) -> Followers {
        self.people.endless()
    }

    pub(super) fn tie(&self, index: u64) -> Tie {
        if self.follows(index) {
            Tie::Follows
        } else if self.refused.contains(&index) {
            Tie::Refused
        } else if index < self.people.count() || self.follows.contains_key(&index) {
            Tie::Left
        } else {
            Tie::Stranger
        }
    }

    /// Returns how the person at `index` last began to follow, or `None` if nothing but what is
    /// computed of everyone is known.
    pub(super) fn follow_of(&self, index: u64) -> Option<Follow> {
        let told = self.follows.get(&index).copied();
        told.or_else(|| self.nights.follow(&self.people, index, self.date))
    }
}

fn indices(sequence: &Arc<Sequence>) -> impl Iterator<Item = u64> + use<> {
    let ranges: Vec<_> = sequence.ranges().collect();
    ranges.into_iter().flatten()
}
