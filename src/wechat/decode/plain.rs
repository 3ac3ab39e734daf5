//! Finds the bytes that a JSON string holds unescaped, eight at a time.
//!
//! `scanner`, `escape` and the portable kernel use it.

/// The high bit of each byte.
pub(super) const HIGH: u64 = repeat(0x80);

const fn repeat(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Returns the high bit of each byte that a JSON string holds unescaped: ASCII, but no control
/// character, quote or backslash.
///
/// Exact up to the first other byte: a byte over 0x7F carries into the next one.
pub(super) fn plain(word: u64) -> u64 {
    let no_control = word.wrapping_add(repeat(0x80 - b' '));
    let no_quote = (word ^ repeat(b'"')).wrapping_add(repeat(0x7F));
    let no_backslash = (word ^ repeat(b'\\')).wrapping_add(repeat(0x7F));
    no_control & no_quote & no_backslash & !word & HIGH
}

/// Returns how many bytes at the front of `bytes` a JSON string holds unescaped.
pub(super) fn unescaped_length(bytes: &[u8]) -> usize {
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
