//! Which positions of the input list are asked for, and how they fall into batches.
//!
//! Before it: the length of the input, and the rows that are copied from an older walk. Behind it:
//! the engine reads the OpenIDs of a batch's positions, and asks for them.

use super::bitmap::Bitmap;
use super::question::NEW;

/// The positions that a walk asks for. The same input and the same copied rows give the same
/// batches, so a batch is known by its number.
#[derive(Clone, Debug)]
pub struct Asked {
    len: u64,
    /// The copied positions, and how many positions before each of its words are not copied. `None`
    /// if nothing is copied.
    copied: Option<(Bitmap, Vec<u64>)>,
}

impl Asked {
    /// Asks for every position of an input of `rows` rows.
    pub fn all(rows: u64) -> Self {
        Self { len: rows, copied: None }
    }

    /// Asks for every position that is not marked.
    pub fn without(copied: Bitmap) -> Self {
        let before = copied.unmarked_before();
        let len = before.last().copied().unwrap_or(0);
        Self { len, copied: Some((copied, before)) }
    }

    /// Returns how many positions are asked for.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Returns whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns how many batches there are, numbered from 0.
    pub fn batches(&self) -> u64 {
        self.len.div_ceil(NEW as u64)
    }

    /// Returns how many elements a batch has of its own.
    pub fn own(&self, batch: u64) -> u64 {
        self.len.saturating_sub(batch * NEW as u64).min(NEW as u64)
    }

    /// Returns whether no batch follows `batch`.
    pub fn is_last(&self, batch: u64) -> bool {
        batch + 1 >= self.batches()
    }

    /// Returns the positions of a batch, in ascending order: first the last one of the batch
    /// before, which is its seam (batch 0 has none), then up to [`NEW`] of its own. A batch that
    /// does not exist has none.
    pub fn positions(&self, batch: u64) -> Vec<u64> {
        if batch >= self.batches() {
            return Vec::new();
        }
        let first = (batch * NEW as u64).saturating_sub(1);
        let end = ((batch + 1) * NEW as u64).min(self.len);
        let Some((copied, before)) = &self.copied else { return (first..end).collect() };
        let word = before.partition_point(|before| *before <= first) - 1;
        copied.unmarked_from(word, first - before[word]).take((end - first) as usize).collect()
    }
}
