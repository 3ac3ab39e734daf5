//! Reads tokens of JSON one after the other, for `envelope` and `array`.
//!
//! Every method returns `None` at a byte that does not fit; the general path then decides.

use super::escape::unescape;
use super::plain::unescaped_length;

/// A position in the JSON of a reply.
pub(super) struct Scanner<'a> {
    pub(super) body: &'a [u8],
    pub(super) at: usize,
    /// Room for the text of a string that cannot be taken as it is written.
    text: Vec<u8>,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self { body, at: 0, text: Vec::new() }
    }

    /// Skips white space and returns the next byte without reading it; `None` at the end.
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.body.get(self.at)?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// Reads the next byte that is not white space.
    pub(super) fn punctuation(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    pub(super) fn token(&mut self, expected: u8) -> Option<()> {
        (self.punctuation()? == expected).then_some(())
    }

    /// Reads a string of ASCII without escapes and returns what is between the quotes.
    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        self.token(b'"')?;
        let rest = &self.body[self.at..];
        let length = unescaped_length(rest);
        self.at += length + 1;
        (rest.get(length) == Some(&b'"')).then(|| &rest[..length])
    }

    /// Reads a number of at most 18 digits, which every integer type here can hold.
    pub(super) fn natural(&mut self) -> Option<u64> {
        self.peek()?;
        let rest = &self.body[self.at..];
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let digits = &rest[..length];
        if length == 0 || length > 18 || (length > 1 && digits[0] == b'0') {
            return None;
        }
        self.at += length;
        Some(digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
    }

    /// Reads any string. Returns its text, which is UTF-8.
    pub(super) fn text(&mut self) -> Option<&[u8]> {
        self.token(b'"')?;
        let rest = &self.body[self.at..];
        let length = unescaped_length(rest);
        let (length, text) = if rest.get(length) == Some(&b'"') {
            (length, &rest[..length])
        } else {
            self.text.clear();
            (unescape(rest, &mut self.text)?, &*self.text)
        };
        self.at += length + 1;
        Some(text)
    }
}
