//! Eight bytes at a time, in the registers that every machine has.

use super::shape::{CHARACTERS, QUOTED, Shape};

/// The high bit of each byte.
const HIGH: u64 = repeat(0x80);

const fn repeat(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Returns the high bit of each byte that a JSON string holds as it is: ASCII, no control, no quote, no backslash.
///
/// Exact up to the first byte that is not: a byte over 0x7F carries into the next one.
fn plain(word: u64) -> u64 {
    let no_control = word.wrapping_add(repeat(0x80 - b' '));
    let no_quote = (word ^ repeat(b'"')).wrapping_add(repeat(0x7F));
    let no_backslash = (word ^ repeat(b'\\')).wrapping_add(repeat(0x7F));
    no_control & no_quote & no_backslash & !word & HIGH
}

/// Returns how many bytes from the first on a JSON string holds as they are.
pub(in crate::source::page) fn unescaped_length(bytes: &[u8]) -> usize {
    let (words, _) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let special = plain(u64::from_le_bytes(*word)) ^ HIGH;
        if special != 0 {
            return index * 8 + special.trailing_zeros() as usize / 8;
        }
    }
    let tail = words.len() * 8;
    let plain = |byte: &u8| (b' '..0x80).contains(byte) && !matches!(byte, b'"' | b'\\');
    tail + bytes[tail..].iter().take_while(|byte| plain(byte)).count()
}

/// Takes the elements of `shape` that `bytes` begins with; returns how many.
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

/// Returns whether a JSON string holds all of `characters` as they are. The last word overlaps the one before.
fn all_plain(characters: &[u8; CHARACTERS]) -> bool {
    let word = |at: usize| {
        let bytes: &[u8; 8] = characters[at..at + 8].try_into().expect("eight bytes");
        plain(u64::from_le_bytes(*bytes))
    };
    word(0) & word(8) & word(16) & word(CHARACTERS - 8) == HIGH
}
