//! The inside of JSON strings: bytes that stand for themselves, escapes ([RFC 8259, section
//! 7](https://www.rfc-editor.org/rfc/rfc8259#section-7)), and what a lenient reader takes besides.
//!
//! Before it: `scanner` has read an opening quote. Behind it: `scanner` expects the closing quote
//! where a function here has stopped.

use crate::wechat::escape::{code_unit, escape};

const fn repeat(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Returns the high bit of each byte that does not stand for itself in a string: control
/// characters, quotes and backslashes.
///
/// Exact up to the first of them: what is subtracted from one byte may be borrowed from the next.
fn special(word: u64) -> u64 {
    let control = word.wrapping_sub(repeat(b' '));
    let quote = (word ^ repeat(b'"')).wrapping_sub(repeat(1));
    let backslash = (word ^ repeat(b'\\')).wrapping_sub(repeat(1));
    // Bytes over 0x7F belong to characters beyond ASCII.
    (control | quote | backslash) & !word & repeat(0x80)
}

/// Returns how many bytes at the front of `bytes` stand for themselves in a string. They end where
/// a character ends, if `bytes` is UTF-8.
#[inline]
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    let (words, _) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let special = special(u64::from_le_bytes(*word));
        if special != 0 {
            return index * 8 + special.trailing_zeros() as usize / 8;
        }
    }
    let tail = words.len() * 8;
    tail + bytes[tail..].iter().take_while(|byte| !matches!(byte, ..b' ' | b'"' | b'\\')).count()
}

/// Appends the rest of a string to `text`, up to its closing quote or to what a string cannot have.
/// Returns its length as written, and how many halves of a surrogate pair became U+FFFD: strictly
/// none, because they end the string.
pub(super) fn unescape<const LENIENT: bool>(written: &str, text: &mut String) -> (usize, u64) {
    let (mut at, mut halves) = (0, 0);
    loop {
        let length = plain_length(&written.as_bytes()[at..]);
        text.push_str(&written[at..at + length]);
        at += length;
        let rest = &written.as_bytes()[at..];
        match rest.first() {
            Some(b'\\') => {
                let (character, length) = match escape(rest) {
                    Some(escape) => escape,
                    // What `escape` refuses and has four digits is half a surrogate pair.
                    None if LENIENT && code_unit(rest).is_some() => {
                        halves += 1;
                        (char::REPLACEMENT_CHARACTER, 6)
                    }
                    None => return (at, halves),
                };
                text.push(character);
                at += length;
            }
            Some(&control @ ..b' ') if LENIENT => {
                text.push(char::from(control));
                at += 1;
            }
            _ => return (at, halves),
        }
    }
}

/// Returns the length of a string as written, up to its closing quote or to what a string cannot
/// have. Its escapes are not decoded, so half a surrogate pair is an escape like any other.
pub(super) fn skip_string<const LENIENT: bool>(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        at += plain_length(&bytes[at..]);
        let rest = &bytes[at..];
        at += match rest {
            [b'\\', b'u', ..] if code_unit(rest).is_some() => 6,
            [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
            [..b' ', ..] if LENIENT => 1,
            _ => return at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_that_does_not_stand_for_itself_is_found_at_every_place() {
        for length in 0..40 {
            for filling in [" ", "!", "#", "[", "]", "~", "\u{7f}", "é", "粉", "😀"] {
                let plain = filling.repeat(length);
                assert_eq!(plain_length(plain.as_bytes()), plain.len(), "{filling:?}");
                for special in ["\"", "\\", "\0", "\u{1f}", "\n"] {
                    let written = format!("{plain}{special}{filling}{filling}\"            ");
                    assert_eq!(plain_length(written.as_bytes()), plain.len(), "{written:?}");
                }
            }
        }
    }

    #[test]
    fn half_a_surrogate_pair_is_replaced_leniently_and_ends_the_string_strictly() {
        for (written, expected, halves) in [
            (r#"a\ud83dz""#, "a\u{fffd}z", 1),
            (r#"a\ude00\ud83d\ude00z""#, "a\u{fffd}😀z", 1),
            (r#"\ud83d\ud83d\ude00""#, "\u{fffd}😀", 1),
            (r#"\ud83d\u0041""#, "\u{fffd}A", 1),
            (r#"\ud83d\ud83d""#, "\u{fffd}\u{fffd}", 2),
        ] {
            let mut text = String::new();
            assert_eq!(unescape::<true>(written, &mut text), (written.len() - 1, halves), "{written}");
            assert_eq!(text, expected);
            let (length, halves) = unescape::<false>(written, &mut String::new());
            assert!(written.as_bytes()[length] == b'\\' && halves == 0, "{written}");
        }
    }
}
