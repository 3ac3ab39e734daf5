//! The replies of a walk of batches without their bodies: where those of each number lie in the
//! file.
//!
//! Before it: [`Frames`](super::frames::Frames) reads the replies of a file. Behind it:
//! [`BatchJournal`](super::BatchJournal) finds the replies of a number.

use std::collections::BTreeSet;

use super::frame::{FramedReply, ReplyKind};
use super::frames::Index;
use super::record::Plan;

/// The replies of a walk of batches, by their numbers. It takes 8 bytes a number, and about 20 more
/// for each reply after the first of its number.
#[derive(Clone, Debug)]
pub(super) struct BatchIndex {
    /// The elements that are asked for. Each batch asks for one at least, so there are no more
    /// batches.
    rows: u64,
    /// The offset of the first reply of each number; 0, where the header lies, if there is none.
    first: Vec<u64>,
    /// Number and offset of the other replies.
    others: BTreeSet<(u64, u64)>,
    answered: u64,
    /// The offset of each frame of copied rows.
    copied: Vec<u64>,
    copied_rows: u64,
    last_copied: Option<u64>,
    /// The number of the first element of each frame of elements, and the offset of the frame.
    elements: Vec<(u64, u64)>,
    /// The elements in the journal; `None` if the walk has none of its own.
    own: Option<u64>,
    /// The elements in the frames so far.
    elements_read: u64,
}

impl BatchIndex {
    /// Returns the index of a walk without a reply.
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            rows: plan.asked(),
            first: Vec::new(),
            others: BTreeSet::new(),
            answered: 0,
            copied: Vec::new(),
            copied_rows: 0,
            last_copied: None,
            elements: Vec::new(),
            own: plan.own.map(|own| own.count),
            elements_read: 0,
        }
    }

    /// Adds a reply of batch `number`, or returns what is wrong with it.
    pub(super) fn add_reply(&mut self, offset: u64, number: u64) -> Result<(), String> {
        if number >= self.rows {
            return Err(format!("batch {number} is beyond the {} elements that are asked for", self.rows));
        }
        if self.lacks_elements() {
            return Err("a reply stands before the elements".to_owned());
        }
        let place = number as usize;
        if self.first.len() <= place {
            self.first.resize(place + 1, 0);
        }
        if self.first[place] == 0 {
            self.first[place] = offset;
            self.answered += 1;
        } else {
            self.others.insert((number, offset));
        }
        Ok(())
    }

    /// Adds a frame of copied rows of the positions `first` to `last`, or returns what is wrong
    /// with it.
    pub(super) fn add_copied(&mut self, offset: u64, span: CopiedSpan) -> Result<(), String> {
        let CopiedSpan { first, last, rows } = span;
        if self.answered > 0 {
            return Err("copied rows follow a reply".to_owned());
        }
        let is_ascending = self.last_copied.is_none_or(|before| before < first) && first <= last;
        if !is_ascending || last >= self.rows || rows == 0 || rows > last - first + 1 {
            return Err(format!("copied rows {first} to {last} do not follow from those before them"));
        }
        self.copied.push(offset);
        self.copied_rows += rows;
        self.last_copied = Some(last);
        Ok(())
    }

    /// Adds a frame of `count` elements from number `first` on, or returns what is wrong with it.
    pub(super) fn add_elements(&mut self, offset: u64, first: u64, count: u64) -> Result<(), String> {
        let is_next = first == self.elements_read && count > 0;
        let end = first.checked_add(count).filter(|end| self.own.is_some_and(|own| *end <= own));
        let Some(end) = end.filter(|_| is_next) else {
            return Err(format!("{count} elements from number {first} on do not follow from those before them"));
        };
        self.elements.push((first, offset));
        self.elements_read = end;
        Ok(())
    }

    /// Returns whether not all elements of the walk are in its frames.
    pub(super) fn lacks_elements(&self) -> bool {
        self.own.is_some_and(|own| self.elements_read < own)
    }

    /// Returns the number of the first element of each frame of elements, and its offset; and the
    /// number of all elements.
    pub(super) fn elements(&self) -> (&[(u64, u64)], u64) {
        (&self.elements, self.elements_read)
    }

    /// Returns whether batch `number` has a reply.
    pub(super) fn has(&self, number: u64) -> bool {
        self.offsets(number).next().is_some()
    }

    /// Returns the offsets of the replies of batch `number`, in the order of the journal.
    pub(super) fn offsets(&self, number: u64) -> impl Iterator<Item = u64> {
        let first = self.first.get(number as usize).copied().filter(|&offset| offset > 0);
        let others = self.others.range((number, 0)..=(number, u64::MAX)).map(|&(_, offset)| offset);
        first.into_iter().chain(others)
    }

    /// Returns the number of batches with at least one reply.
    pub(super) fn answered(&self) -> u64 {
        self.answered
    }

    /// Returns the offsets of the frames of copied rows, in the order of the journal.
    pub(super) fn copied(&self) -> &[u64] {
        &self.copied
    }

    /// Returns the number of copied rows.
    pub(super) fn copied_rows(&self) -> u64 {
        self.copied_rows
    }
}

impl Index for BatchIndex {
    fn add(&mut self, offset: u64, reply: &FramedReply) -> Result<(), String> {
        match reply.kind {
            ReplyKind::Page | ReplyKind::Tags => Err("another reply is in the place of a batch".to_owned()),
            ReplyKind::Batch => self.add_reply(offset, reply.number),
            ReplyKind::Copied => {
                let span = CopiedSpan::read(reply).ok_or("the label of copied rows cannot be read")?;
                self.add_copied(offset, span)
            }
            ReplyKind::Elements => {
                let count = count_of(&reply.label).ok_or("the label of elements cannot be read")?;
                self.add_elements(offset, reply.number, count)
            }
        }
    }
}

/// Reads the label of a frame of elements: how many it has.
pub(super) fn count_of(label: &[u8]) -> Option<u64> {
    label.try_into().ok().map(u64::from_le_bytes)
}

/// Which positions a frame of copied rows has: what is known of it without decompressing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CopiedSpan {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) rows: u64,
}

impl CopiedSpan {
    fn read(reply: &FramedReply) -> Option<Self> {
        let (last, rest) = reply.label.split_first_chunk()?;
        let rows = rest.try_into().ok()?;
        Some(Self { first: reply.number, last: u64::from_le_bytes(*last), rows: u64::from_le_bytes(rows) })
    }

    /// Returns the label of the frame; its number is the first position.
    pub(super) fn label(self) -> [u8; 16] {
        let mut label = [0; 16];
        label[..8].copy_from_slice(&self.last.to_le_bytes());
        label[8..].copy_from_slice(&self.rows.to_le_bytes());
        label
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::RestsOn;
    use super::*;

    #[test]
    fn a_number_takes_eight_bytes_and_only_further_replies_of_it_take_more() {
        let input = RestsOn { walk: "000001-20261122T000000Z".parse().unwrap(), rows: 1 << 40, digest: String::new() };
        let (verify, made_at) = (crate::config::Verify::Seams, chrono::DateTime::UNIX_EPOCH);
        let plan = Plan {
            input,
            base: None,
            refresh_days: None,
            bound_anew: false,
            verify,
            own: None,
            changes: None,
            made_at,
        };
        let mut index = BatchIndex::new(&plan);
        let numbers = 100_000;
        for number in (0..numbers).rev() {
            index.add_reply(number + 1, number).unwrap();
        }
        assert_eq!((size_of_val(&index.first[..]) as u64, index.others.len()), (8 * numbers, 0));
        index.add_reply(numbers + 1, 7).unwrap();
        index.add_reply(numbers + 2, 7).unwrap();
        assert_eq!((size_of_val(&index.first[..]) as u64, index.others.len()), (8 * numbers, 2));
        assert_eq!(index.offsets(7).collect::<Vec<_>>(), [8, numbers + 1, numbers + 2]);
        assert_eq!(index.answered(), numbers);
    }
}
