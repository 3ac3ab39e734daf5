//! Appends text to a line, with the escapes of JSON: the innermost step of the encoders.

use std::io::Write;

/// Values of up to this many bytes are appended by a copy of exactly this width, because the
/// compiler turns a copy of known width into a few moves, and one of unknown width into a call.
const WIDTH: usize = 32;

/// Appends the first `length` bytes of `front`: copies all of `front`, then truncates.
#[inline]
pub(crate) fn append_front<const N: usize>(front: &[u8; N], length: usize, line: &mut Vec<u8>) {
    let end = line.len() + length;
    line.extend_from_slice(front);
    line.truncate(end);
}

/// Appends `length` bytes of `bytes`, beginning at `start`.
#[inline]
pub(crate) fn append_range(bytes: &[u8], start: usize, length: usize, line: &mut Vec<u8>) {
    let rest = &bytes[start..];
    match rest.first_chunk::<WIDTH>() {
        Some(front) if length <= WIDTH => append_front(front, length, line),
        _ => line.extend_from_slice(&rest[..length]),
    }
}

/// Wider than [`WIDTH`]: keys and constants together are longer than values.
const FRAGMENT_WIDTH: usize = 64;

/// Text that is appended to every row, padded for copies of a fixed width.
#[derive(Debug, Default)]
pub(crate) struct Fragment {
    chunks: Vec<[u8; FRAGMENT_WIDTH]>,
    length: usize,
}

impl Fragment {
    pub(crate) fn new(text: &[u8]) -> Self {
        let chunk = |piece: &[u8]| {
            let mut chunk = [0; FRAGMENT_WIDTH];
            chunk[..piece.len()].copy_from_slice(piece);
            chunk
        };
        Self { chunks: text.chunks(FRAGMENT_WIDTH).map(chunk).collect(), length: text.len() }
    }

    #[inline]
    pub(crate) fn append(&self, line: &mut Vec<u8>) {
        let end = line.len() + self.length;
        for chunk in &self.chunks {
            line.extend_from_slice(chunk);
        }
        line.truncate(end);
    }
}

fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Returns whether any byte needs an escape in a JSON string. It does not stop early within a
/// piece, so that the compiler can look at many bytes at once.
pub(crate) fn needs_escape(bytes: &[u8]) -> bool {
    const PIECE: usize = 4 * 1024;
    bytes.chunks(PIECE).any(|piece| piece.iter().fold(false, |found, byte| found | is_special(*byte)))
}

/// Appends a string in quotes, with escapes.
pub(crate) fn quote(text: &[u8], line: &mut Vec<u8>) {
    line.push(b'"');
    if needs_escape(text) {
        escape(text, line);
    } else {
        line.extend_from_slice(text);
    }
    line.push(b'"');
}

/// Appends a string without its quotes, with the escapes that `serde_json` writes.
pub(crate) fn escape(text: &[u8], line: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| is_special(*byte)) {
        line.extend_from_slice(&rest[..at]);
        match rest[at] {
            b'"' => line.extend_from_slice(b"\\\""),
            b'\\' => line.extend_from_slice(b"\\\\"),
            0x08 => line.extend_from_slice(b"\\b"),
            0x0C => line.extend_from_slice(b"\\f"),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            b'\t' => line.extend_from_slice(b"\\t"),
            control => write!(line, "\\u{control:04x}").expect("memory takes every write"),
        }
        rest = &rest[at + 1..];
    }
    line.extend_from_slice(rest);
}
