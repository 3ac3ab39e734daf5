//! JSON strings that cannot be copied as they are: escapes, and characters beyond ASCII ([RFC 8259,
//! section 7](https://www.rfc-editor.org/rfc/rfc8259#section-7)).
//!
//! `scanner` calls it for such strings, and `kernel::openids` for each `OpenID` that no kernel
//! took.

use super::plain::unescaped_length;

/// Appends the text of a JSON string to `text`, up to its closing quote. Returns its length as
/// written.
///
/// `bytes` begins behind the opening quote. Returns `None` if the string has no end, a control
/// character, an escape that JSON does not have, half a surrogate pair, or bytes that are not
/// UTF-8. Even then, what was appended is UTF-8.
pub(super) fn unescape(bytes: &[u8], text: &mut Vec<u8>) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = &bytes[at..];
        let plain = unescaped_length(rest);
        text.extend_from_slice(&rest[..plain]);
        let rest = &rest[plain..];
        at += plain;
        match rest.first()? {
            b'"' => return Some(at),
            b'\\' => {
                let (character, length) = escape(rest)?;
                text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                at += length;
            }
            0x80.. => {
                // All bytes of a character beyond ASCII are beyond ASCII, so this run holds whole
                // characters.
                let length = rest.iter().take_while(|byte| !byte.is_ascii()).count();
                let characters = str::from_utf8(&rest[..length]).ok()?;
                text.extend_from_slice(characters.as_bytes());
                at += length;
            }
            _ => return None,
        }
    }
}

/// Reads the escape at the front of `bytes`. Returns its character and its length as written.
fn escape(bytes: &[u8]) -> Option<(char, usize)> {
    let character = match bytes.get(1)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return code_point(bytes),
        _ => return None,
    };
    Some((character, 2))
}

/// Reads `\uXXXX`, or two of them that form a surrogate pair.
fn code_point(bytes: &[u8]) -> Option<(char, usize)> {
    let first = code_unit(bytes)?;
    if !(0xD800..0xE000).contains(&first) {
        return Some((char::from_u32(first.into())?, 6));
    }
    let pair = [first, code_unit(&bytes[6..])?];
    let character = char::decode_utf16(pair).next()?.ok()?;
    Some((character, 12))
}

fn code_unit(bytes: &[u8]) -> Option<u16> {
    let digits = bytes.get(..6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)? as u16))
}
