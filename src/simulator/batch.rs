//! The reply about some people: what each row says, and the list of rows as JSON.
//!
//! `api` makes it of the people who were asked for and of their conditions, faults edit it, and
//! `reply` renders it when it is sent.

use std::ops::Range;

use bytes::Bytes;

use super::flaw::{Condition, Move};
use super::followers::Followers;
use super::page::Spacing;
use super::row::{ProfileStyle, Row, space, write_row};

/// A reply with profiles before it is written. Faults edit it.
#[derive(Debug)]
pub(super) struct Batch {
    followers: Followers,
    unionids: Option<Followers>,
    people: Vec<Entry>,
    is_single: bool,
    pub(super) style: ProfileStyle,
}

/// A row before it is written.
#[derive(Debug, Clone, Copy)]
struct Entry {
    index: u64,
    condition: Condition,
    /// The index of the person whose unionid it has.
    unionid: Option<u64>,
    /// Whether it is a person of another account, with the same index there.
    is_stranger: bool,
}

/// The bytes of a row, at the least. Most rows have some more.
const ROW: usize = 360;

impl Batch {
    /// Returns the reply about these people, each with its index and its condition, in the order in
    /// which they were asked for. `unionids` is `None` while the account is not bound.
    pub(super) fn new(
        followers: Followers,
        unionids: Option<Followers>,
        asked: &[(u64, Condition)],
        style: ProfileStyle,
    ) -> Self {
        let entry = |&(index, condition): &(u64, Condition)| {
            let has_left = condition.has_left || condition.is_left_in_batches;
            let has_unionid = !has_left && !condition.has_no_unionid && !condition.is_mute_in_batches;
            let unionid = has_unionid.then_some(index);
            Entry { index, condition: Condition { has_left, ..condition }, unionid, is_stranger: false }
        };
        let mut batch =
            Self { followers, unionids, people: asked.iter().map(entry).collect(), is_single: false, style };
        // From the last on: what a row before has moved, another row moves once more.
        for place in (0..asked.len()).rev() {
            if let Some(moves) = asked[place].1.moves {
                batch.move_unionids(place as u64, moves);
            }
        }
        batch.people.retain(|entry| entry.condition.is_missing.is_none());
        for place in (0..batch.people.len()).rev() {
            if batch.people[place].condition.is_doubled {
                batch.people.insert(place, batch.people[place]);
            }
        }
        batch
    }

    /// Returns the reply about one person who was asked for alone.
    pub(super) fn single(
        followers: Followers,
        unionids: Option<Followers>,
        (index, condition): (u64, Condition),
        style: ProfileStyle,
    ) -> Self {
        // What shows in batches only is not to show here.
        let condition = Condition {
            is_missing: condition.is_missing.filter(|&alone| alone),
            is_broken: condition.is_broken.filter(|&alone| alone),
            is_doubled: false,
            is_left_in_batches: false,
            is_mute_in_batches: false,
            moves: None,
            ..condition
        };
        Self { is_single: true, ..Self::new(followers, unionids, &[(index, condition)], style) }
    }

    /// Reverses the rows.
    pub(super) fn reverse(&mut self) {
        self.people.reverse();
    }

    /// Removes the rows at `places`, counted from 0.
    pub(super) fn omit(&mut self, places: &Range<u64>) {
        self.people.drain(self.bounded(places));
    }

    /// Repeats the rows at `places`, counted from 0, at the end.
    pub(super) fn duplicate(&mut self, places: &Range<u64>) {
        self.people.extend_from_within(self.bounded(places));
    }

    /// Adds the rows of this many people for whom nobody has asked.
    pub(super) fn add_strangers(&mut self, count: u64) {
        let Some(&last) = self.people.last() else { return };
        self.people.extend((0..count).map(|number| Entry { index: last.index + number, is_stranger: true, ..last }));
    }

    /// Replaces the people by as many of another account.
    pub(super) fn become_another_accounts(&mut self) {
        self.people.iter_mut().for_each(|entry| entry.is_stranger = true);
    }

    /// Says of the people at `places`, counted from 0, that they have unfollowed.
    pub(super) fn unsubscribe(&mut self, places: &Range<u64>) {
        let places = self.bounded(places);
        self.people[places].iter_mut().for_each(|entry| entry.condition.has_left = true);
    }

    /// Removes all unionids.
    pub(super) fn remove_unionids(&mut self) {
        self.people.iter_mut().for_each(|entry| entry.unionid = None);
    }

    /// Puts the unionids of the rows behind `place`, counted from 0, out of step.
    pub(super) fn move_unionids(&mut self, place: u64, moves: Move) {
        let from = match moves {
            Move::UpFromOwn => place,
            Move::Up | Move::Down | Move::Around => place + 1,
        };
        let from = (from as usize).min(self.people.len());
        let mut column: Vec<_> = self.people[from..].iter().map(|entry| entry.unionid).collect();
        match moves {
            _ if column.is_empty() => {}
            Move::Up | Move::UpFromOwn => {
                column.remove(0);
                column.push(None);
            }
            Move::Around => column.rotate_left(1),
            Move::Down => {
                column.pop();
                column.insert(0, self.people[from - 1].unionid);
            }
        }
        for (entry, unionid) in self.people[from..].iter_mut().zip(column) {
            entry.unionid = unionid;
        }
    }

    fn bounded(&self, places: &Range<u64>) -> Range<usize> {
        let bound = |place: u64| place.min(self.people.len() as u64) as usize;
        bound(places.start)..bound(places.end.max(places.start))
    }

    /// Returns the reply as JSON.
    pub(super) fn render(&self) -> Bytes {
        let mut bytes = Vec::with_capacity(64 + self.people.len() * ROW);
        if self.is_single {
            match self.people.first() {
                Some(entry) => write_row(&mut bytes, &self.row(entry), self.style, 0),
                None => bytes.extend_from_slice(b"{}"),
            }
            return bytes.into();
        }
        let spacing = self.style.spacing;
        bytes.push(b'{');
        space(&mut bytes, spacing, 1);
        bytes.extend_from_slice(b"\"user_info_list\":");
        if spacing != Spacing::Compact {
            bytes.push(b' ');
        }
        bytes.push(b'[');
        for (place, entry) in self.people.iter().enumerate() {
            if place > 0 {
                bytes.push(b',');
            }
            space(&mut bytes, spacing, 2);
            write_row(&mut bytes, &self.row(entry), self.style, 2);
        }
        space(&mut bytes, spacing, 1);
        bytes.push(b']');
        space(&mut bytes, spacing, 0);
        bytes.push(b'}');
        bytes.into()
    }

    fn row(&self, entry: &Entry) -> Row {
        let of = |list: Followers| if entry.is_stranger { list.of_another_account() } else { list };
        let followers = of(self.followers);
        let condition = &entry.condition;
        let person = condition.person(&followers, entry.index);
        let unionid = entry.unionid.filter(|_| !condition.has_left);
        Row {
            openid: followers.openid_bytes(entry.index),
            language: person.language,
            person: (!condition.has_left).then_some(person),
            unionid: unionid.and_then(|index| self.unionids.map(|unionids| of(unionids).openid_bytes(index))),
            odd_remark: condition.remark,
            is_broken: condition.is_broken.is_some(),
            salt: entry.index,
        }
    }
}
