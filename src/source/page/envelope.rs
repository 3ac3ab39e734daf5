//! The fast path through a reply: the keys that WeChat sends, each at most once, with the values that it sends.
//!
//! Everything here returns none where a byte is not of that form, which is no verdict: the general path then decides.

use super::Summary;
use super::array;
use super::escape::unescape;
use super::kernel::{Kernel, Openids, unescaped_length};
use crate::source::Cursor;

/// Reads a whole reply whose `errcode` is 0 or absent; the `OpenID`s go to `openids`, if given.
pub(super) fn read(kernel: Kernel, body: &[u8], mut openids: Option<&mut Openids>) -> Option<Summary> {
    // Arrow counts the bytes of an array in 31 bits.
    i32::try_from(body.len()).ok()?;
    let mut scanner = Scanner { body, at: 0, text: Vec::new() };
    let mut summary = Summary::default();
    let mut seen: Vec<&[u8]> = Vec::with_capacity(6);
    scanner.token(b'{')?;
    loop {
        let key = scanner.string()?;
        if seen.contains(&key) {
            return None;
        }
        seen.push(key);
        scanner.token(b':')?;
        match key {
            b"total" => summary.total = Some(scanner.natural()?),
            b"count" => summary.count = Some(scanner.natural()?),
            b"next_openid" => summary.next = Cursor::after(str::from_utf8(scanner.text()?).ok()?),
            b"data" => scanner.data(kernel, &mut summary, openids.as_deref_mut())?,
            b"errcode" if scanner.natural()? == 0 => {}
            b"errmsg" => drop(scanner.text()?),
            _ => return None,
        }
        match scanner.punctuation()? {
            b',' => {}
            b'}' => break,
            _ => return None,
        }
    }
    (scanner.peek().is_none()).then_some(summary)
}

/// A place in the JSON of a reply, and the tokens from there on.
pub(super) struct Scanner<'a> {
    pub(super) body: &'a [u8],
    pub(super) at: usize,
    /// Room for a string that cannot be taken as it is written.
    text: Vec<u8>,
}

impl<'a> Scanner<'a> {
    /// Skips white space and returns the byte behind it, which stays unread; none at the end.
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.body.get(self.at)?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// Reads the next byte that is no white space.
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

    /// Reads a number of at most 18 digits, which every integer type here holds.
    fn natural(&mut self) -> Option<u64> {
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

    /// Reads any string; what it says is UTF-8.
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

    /// Reads the object under `data`, which holds the array and nothing else.
    fn data(&mut self, kernel: Kernel, summary: &mut Summary, openids: Option<&mut Openids>) -> Option<()> {
        self.token(b'{')?;
        if self.string()? != b"openid" {
            return None;
        }
        self.token(b':')?;
        array::read(kernel, self, summary, openids)?;
        self.token(b'}')
    }
}
