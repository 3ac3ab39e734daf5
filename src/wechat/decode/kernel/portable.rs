//! The kernel for any machine: eight bytes at a time.
//!
//! `dispatch` calls it.

use super::shape::{CHARACTERS, QUOTED, Shape};
use crate::wechat::decode::plain::{HIGH, plain};

/// Takes the elements of `shape` that `bytes` begins with. Returns how many.
pub(super) fn take(bytes: &[u8], shape: &Shape, mut values: Option<&mut Vec<u8>>) -> usize {
    if let Some(values) = &mut values {
        values.reserve(bytes.len() / shape.stride() * CHARACTERS);
    }
    let mut elements = bytes.chunks_exact(shape.stride());
    let fits = |element: &&[u8]| {
        let Some((quoted, separator)) = element.split_first_chunk::<QUOTED>() else { return false };
        let same = if shape.is_compact() { separator[0] == b',' } else { separator == shape.separator() };
        let [b'"', characters @ .., b'"'] = quoted else { return false };
        if !(same && all_plain(characters)) {
            return false;
        }
        if let Some(values) = &mut values {
            values.extend_from_slice(characters);
        }
        true
    };
    elements.by_ref().take_while(fits).count()
}

/// Returns whether a JSON string holds all of `characters` unescaped. The last word overlaps the
/// one before it.
fn all_plain(characters: &[u8; CHARACTERS]) -> bool {
    let word = |at: usize| {
        let bytes: &[u8; 8] = characters[at..at + 8].try_into().expect("eight bytes");
        plain(u64::from_le_bytes(*bytes))
    };
    word(0) & word(8) & word(16) & word(CHARACTERS - 8) == HIGH
}
