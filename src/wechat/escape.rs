//! The escapes of JSON strings ([RFC 8259, section
//! 7](https://www.rfc-editor.org/rfc/rfc8259#section-7)), one at a time.
//!
//! Before it: `decode` or `profile` has met a backslash. Behind it: they go on behind the escape,
//! or end the string.

/// Reads the escape at the front of `bytes`. Returns its character and its length as written.
pub(super) fn escape(bytes: &[u8]) -> Option<(char, usize)> {
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

/// Reads `\uXXXX`, whatever it stands for.
pub(super) fn code_unit(bytes: &[u8]) -> Option<u16> {
    let digits = bytes.get(..6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)? as u16))
}
