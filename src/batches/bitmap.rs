//! One bit a position of an input list.
//!
//! Before it: the engine marks the positions whose rows are copied from an older walk, or which
//! only one of two lists has. Behind it: [`Asked`](super::asked::Asked) finds those that are not
//! copied, and the engine goes through the others.

/// The bits of one word.
const WORD: u64 = 64;

/// Marks of positions, one bit each: 1.25 MB for ten million.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bitmap {
    words: Vec<u64>,
    len: u64,
}

impl Bitmap {
    /// Creates a bitmap of `len` positions, none of them marked.
    pub fn new(len: u64) -> Self {
        Self { words: vec![0; len.div_ceil(WORD) as usize], len }
    }

    /// Marks a position.
    ///
    /// # Panics
    ///
    /// If there is no such position.
    pub fn mark(&mut self, position: u64) {
        assert!(position < self.len, "position {position} of {}", self.len);
        self.words[(position / WORD) as usize] |= 1 << (position % WORD);
    }

    /// Returns whether a position is marked. One that does not exist is not.
    pub fn is_marked(&self, position: u64) -> bool {
        position < self.len && self.words[(position / WORD) as usize] >> (position % WORD) & 1 == 1
    }

    /// Returns how many positions there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Returns whether there are no positions.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns how many positions are marked.
    pub fn marked_count(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// Returns the marked positions, in ascending order.
    pub fn marked(&self) -> impl Iterator<Item = u64> + '_ {
        (0..).zip(&self.words).flat_map(|(word, &bits)| positions(word, bits))
    }

    /// Returns the position that is not marked and has `rank` such positions before it.
    pub fn unmarked(&self, rank: u64) -> Option<u64> {
        self.unmarked_from(0, rank).next()
    }

    /// Returns, for every word and at the end, how many positions before it are not marked.
    pub(super) fn unmarked_before(&self) -> Vec<u64> {
        let mut before = Vec::with_capacity(self.words.len() + 1);
        let mut sum = 0;
        before.push(sum);
        for word in 0..self.words.len() {
            sum += u64::from(self.unmarked_bits(word).count_ones());
            before.push(sum);
        }
        before
    }

    /// Returns the positions that are not marked, in ascending order, from the `skip`th one of
    /// word `word` on.
    pub(super) fn unmarked_from(&self, word: usize, skip: u64) -> impl Iterator<Item = u64> + '_ {
        (word..self.words.len()).flat_map(|word| positions(word as u64, self.unmarked_bits(word))).skip(skip as usize)
    }

    /// Returns a word in which the bits of positions are set that exist and are not marked.
    fn unmarked_bits(&self, word: usize) -> u64 {
        let exist = self.len - word as u64 * WORD;
        let existing = if exist < WORD { (1 << exist) - 1 } else { u64::MAX };
        !self.words[word] & existing
    }
}

/// Returns the positions of the bits that are set in word `word`, in ascending order.
fn positions(word: u64, mut bits: u64) -> impl Iterator<Item = u64> {
    std::iter::from_fn(move || {
        let bit = (bits != 0).then(|| u64::from(bits.trailing_zeros()))?;
        bits &= bits - 1;
        Some(word * WORD + bit)
    })
}
