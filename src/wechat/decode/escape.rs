//! JSON strings that cannot be copied as they are: escapes, and characters beyond ASCII ([RFC 8259,
//! section 7](https://www.rfc-editor.org/rfc/rfc8259#section-7)).
//!
//! `scanner` calls it for such strings, and `kernel::openids` for each `OpenID` that no kernel
//! took.

use super::plain::unescaped_length;
use crate::wechat::escape::escape;

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
