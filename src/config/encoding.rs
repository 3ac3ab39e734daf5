//! The bytes of a file that a person has written, as text. Editors and Excel write other things
//! than UTF-8, and the error says which one it is.
//!
//! `load` reads the pipeline file with it, `accounts_file` the accounts file.

/// Returns the bytes as text, without the byte order mark of UTF-8.
///
/// # Errors
///
/// What the bytes are instead, and what to do.
pub(super) fn text(bytes: &[u8]) -> Result<&str, String> {
    if let Some(found) = foreign(bytes) {
        return Err(format!("found {found}, expected text in UTF-8; {ADVICE}"));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].split(|&byte| byte == b'\n').count();
        let looks_like = if is_gbk(bytes) { ", which looks like GBK (ANSI)" } else { "" };
        format!("found text that is not UTF-8 in line {line}{looks_like}, expected UTF-8; {ADVICE}")
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

const ADVICE: &str =
    "Excel writes it as “CSV UTF-8 (comma delimited)”, an editor when it saves with the encoding UTF-8";

/// Returns what a file is that is no text of one byte a letter.
fn foreign(bytes: &[u8]) -> Option<&'static str> {
    let is_wide = |place: usize| {
        // Every second byte of a Latin letter in UTF-16 is 0.
        bytes.len() >= 4 && bytes.iter().skip(place).step_by(2).take(32).filter(|&&byte| byte == 0).count() >= 2
    };
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16 (Excel's “Unicode text”)"),
        [b'P', b'K', 3, 4, ..] => Some("a workbook or another zip file"),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => Some("an old workbook of Excel"),
        [0x1f, 0x8b, ..] => Some("a gzip file"),
        _ if is_wide(0) != is_wide(1) => Some("UTF-16"),
        _ if bytes.contains(&0) => Some("a file that is no text"),
        _ => None,
    }
}

/// Returns whether all bytes are GBK, the encoding of a Chinese Windows.
fn is_gbk(bytes: &[u8]) -> bool {
    let mut bytes = bytes.iter();
    while let Some(&first) = bytes.next() {
        let is_letter = match first {
            0..=0x80 => true,
            0x81..=0xfe => bytes.next().is_some_and(|second| matches!(second, 0x40..=0x7e | 0x80..=0xfe)),
            0xff => false,
        };
        if !is_letter {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_of_utf_8_is_no_part_of_the_text() {
        assert_eq!(text("\u{feff}name,店".as_bytes()), Ok("name,店"));
        assert_eq!(text(b""), Ok(""));
    }

    #[test]
    fn what_is_no_utf_8_is_named() {
        let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        for (bytes, name) in [
            (wide("\u{feff}name,app_id\n"), "UTF-16 (Excel's “Unicode text”)"),
            (wide("name,app_id\n"), "UTF-16"),
            ("name\n".encode_utf16().flat_map(u16::to_be_bytes).collect(), "UTF-16"),
            (b"name,app_id\n\xb5\xea\xc6\xcc,wx1\n".to_vec(), "not UTF-8 in line 2, which looks like GBK (ANSI)"),
            (b"name\n\xff\n".to_vec(), "not UTF-8 in line 2, expected"),
            (b"PK\x03\x04\x14\x00\x06\x00\x08".to_vec(), "a workbook or another zip file"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1".to_vec(), "an old workbook of Excel"),
            (b"\x1f\x8b\x08\x00".to_vec(), "a gzip file"),
            (b"name = \"a\x00\"".to_vec(), "a file that is no text"),
        ] {
            let error = text(&bytes).unwrap_err();
            assert!(error.contains(&format!("found {name}")) || error.contains(name), "{name}: {error}");
        }
    }
}
