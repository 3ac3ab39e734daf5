//! Puts text into lines, with the escapes of JSON: the innermost step of the encoders.
//!
//! Every function takes the lines and the place of a text in them, and returns the place after the
//! text; the bytes behind that place have no meaning. The place is not the length of the `Vec`,
//! because each text waits for the place of the one before, and a register passes it on faster
//! than memory.

/// Values of up to this many bytes are put by a copy of exactly this width, because the compiler
/// turns a copy of known width into a few moves, and one of unknown width into a call.
const WIDTH: usize = 32;

/// Returns `N` bytes from `at` on. The lines grow if they are too short.
#[inline]
pub(crate) fn slot<const N: usize>(lines: &mut Vec<u8>, at: usize) -> &mut [u8; N] {
    reserve(lines, at + N);
    (&mut lines[at..at + N]).try_into().expect("the slot has this length")
}

#[inline]
fn reserve(lines: &mut Vec<u8>, length: usize) {
    #[cold]
    fn grow(lines: &mut Vec<u8>, length: usize) {
        lines.resize(length.next_power_of_two(), 0);
    }
    if lines.len() < length {
        grow(lines, length);
    }
}

/// Puts the first `length` bytes of `front`: copies all of `front`.
#[inline]
pub(crate) fn put_front<const N: usize>(front: &[u8; N], length: usize, lines: &mut Vec<u8>, at: usize) -> usize {
    *slot(lines, at) = *front;
    at + length
}

/// Puts text of any length.
#[inline]
pub(crate) fn put(text: &[u8], lines: &mut Vec<u8>, at: usize) -> usize {
    let end = at + text.len();
    reserve(lines, end);
    lines[at..end].copy_from_slice(text);
    end
}

/// Puts `length` bytes of `bytes`, beginning at `start`.
#[inline]
pub(crate) fn put_range(bytes: &[u8], start: usize, length: usize, lines: &mut Vec<u8>, at: usize) -> usize {
    let rest = &bytes[start..];
    match rest.first_chunk::<WIDTH>() {
        Some(front) if length <= WIDTH => put_front(front, length, lines, at),
        _ => put(&rest[..length], lines, at),
    }
}

/// Puts a text of up to [`WIDTH`] bytes: the first half and the second, which may overlap.
#[inline]
pub(crate) fn put_short(text: &[u8], lines: &mut Vec<u8>, at: usize) -> usize {
    if let (Some(front), Some(back)) = (text.first_chunk::<16>(), text.last_chunk::<16>()) {
        let slot: &mut [u8; WIDTH] = slot(lines, at);
        slot[..16].copy_from_slice(front);
        slot[text.len() - 16..][..16].copy_from_slice(back);
        at + text.len()
    } else {
        put(text, lines, at)
    }
}

/// Wider than [`WIDTH`]: keys and constants together are longer than values.
const FRAGMENT_WIDTH: usize = 64;

/// Text that is written to every row, with its front padded for a copy of a fixed width.
#[derive(Debug)]
pub(crate) struct Fragment {
    front: [u8; FRAGMENT_WIDTH],
    rest: Vec<u8>,
    length: usize,
}

impl Fragment {
    pub(crate) fn new(text: &[u8]) -> Self {
        let (front, rest) = text.split_at(text.len().min(FRAGMENT_WIDTH));
        let mut fragment = Self { front: [0; FRAGMENT_WIDTH], length: text.len(), rest: rest.to_vec() };
        fragment.front[..front.len()].copy_from_slice(front);
        fragment
    }

    /// Puts the text.
    #[inline]
    pub(crate) fn put(&self, lines: &mut Vec<u8>, at: usize) -> usize {
        put_front(&self.front, self.length, lines, at);
        if self.length > FRAGMENT_WIDTH {
            put(&self.rest, lines, at + FRAGMENT_WIDTH);
        }
        at + self.length
    }
}

const fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Returns whether any byte needs an escape in a JSON string. It does not stop early within a
/// piece, so that the compiler can look at many bytes at once.
pub(crate) fn needs_escape(bytes: &[u8]) -> bool {
    const PIECE: usize = 4 * 1024;
    bytes.chunks(PIECE).any(|piece| piece.iter().fold(false, |found, byte| found | is_special(*byte)))
}

/// Puts a string in quotes, with escapes.
pub(crate) fn put_quoted(text: &[u8], lines: &mut Vec<u8>, at: usize) -> usize {
    let mut at = put_front(b"\"", 1, lines, at);
    let (chunks, rest) = text.as_chunks::<CHUNK>();
    for chunk in chunks {
        at = if needs_escape(chunk) { escape(chunk, lines, at) } else { put_front(chunk, CHUNK, lines, at) };
    }
    at = escape(rest, lines, at);
    put_front(b"\"", 1, lines, at)
}

/// So many bytes of a string are looked at together.
const CHUNK: usize = 16;

/// Puts up to [`CHUNK`] bytes with the escapes that `serde_json` writes: a copy for each byte, and
/// no branch.
#[inline]
fn escape(chunk: &[u8], lines: &mut Vec<u8>, at: usize) -> usize {
    let slot: &mut [u8; 8 * CHUNK] = slot(lines, at);
    at + chunk.iter().fold(0, |end, byte| {
        let text = &ESCAPES[usize::from(*byte)];
        slot[end..][..8].copy_from_slice(text);
        end + usize::from(text[7])
    })
}

/// The text of each byte in a string; the last of the eight bytes is its length.
static ESCAPES: [[u8; 8]; 256] = {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut escapes = [[0; 8]; 256];
    let mut index = 0;
    while index < 256 {
        let byte = index as u8;
        let short = match byte {
            b'"' | b'\\' => byte,
            0x08 => b'b',
            0x0C => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            _ => 0,
        };
        escapes[index] = if !is_special(byte) {
            [byte, 0, 0, 0, 0, 0, 0, 1]
        } else if short > 0 {
            [b'\\', short, 0, 0, 0, 0, 0, 2]
        } else {
            [b'\\', b'u', b'0', b'0', HEX[index / 16], HEX[index % 16], 0, 6]
        };
        index += 1;
    }
    escapes
};
