//! Reads tokens of JSON one after the other, strictly or leniently.
//!
//! The parameter `LENIENT` of a method says whether it also takes what JSON does not allow within a
//! text, and numbers as text. Whatever a method takes strictly, it takes leniently with the same
//! result.
//!
//! Before it: `read` has made text of the bytes. Behind it: `reader` knows what the tokens mean.

use std::borrow::Cow;

use super::strings::{plain_length, skip_string, unescape};

/// What a reader expected at the place where it stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expected(pub(super) &'static str);

/// What was read, or what was expected in its place.
pub(super) type Read<T> = Result<T, Expected>;

/// The deepest nesting of a value that is skipped. Deeper ones are refused, so that no reply can
/// use up the stack.
const DEEPEST: usize = 100;

/// The most digits that every integer of eight bytes can hold.
const SHORT: usize = 18;

/// A position in a text.
pub(super) struct Scanner<'t> {
    text: &'t str,
    /// The place of the next byte.
    pub(super) at: usize,
    /// How many U+FFFD were put in for half a surrogate pair.
    pub(super) halves: u64,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0, halves: 0 }
    }

    /// Returns the bytes from here on.
    #[inline]
    pub(super) fn rest(&self) -> &'t [u8] {
        &self.text.as_bytes()[self.at..]
    }

    /// Returns the text from `start` to here. Both are places before or behind a byte of ASCII.
    #[inline]
    pub(super) fn since(&self, start: usize) -> &'t str {
        &self.text[start..self.at]
    }

    /// Returns the text between two places, which are before or behind a byte of ASCII.
    pub(super) fn between(&self, start: usize, end: usize) -> &'t str {
        &self.text[start..end]
    }

    /// Skips white space and returns the next byte without reading it; `None` at the end.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.as_bytes().get(self.at)?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// Reads the next byte that is not white space, if it is this one.
    #[inline]
    pub(super) fn takes(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    /// Reads what stands between the elements of an array or object, or behind the last one, which
    /// ends with `end`. Returns whether another one follows.
    #[inline]
    pub(super) fn comma_or(&mut self, end: u8, expected: &'static str) -> Read<bool> {
        match self.peek() {
            Some(b',') => self.at += 1,
            Some(byte) if byte == end => {
                self.at += 1;
                return Ok(false);
            }
            _ => return Err(Expected(expected)),
        }
        Ok(true)
    }

    /// Reads the key of an object with the colon behind it.
    pub(super) fn key<const LENIENT: bool>(&mut self) -> Read<Cow<'t, str>> {
        if self.peek() != Some(b'"') {
            return Err(Expected("a key"));
        }
        let key = self.string::<LENIENT>()?;
        if self.takes(b':') { Ok(key) } else { Err(Expected("`:`")) }
    }

    /// Reads a string. Its opening quote is next.
    #[inline]
    fn string<const LENIENT: bool>(&mut self) -> Read<Cow<'t, str>> {
        self.at += 1;
        let start = self.at;
        self.at += plain_length(self.rest());
        let plain = self.since(start);
        if self.rest().first() == Some(&b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(plain));
        }
        self.escaped::<LENIENT>(plain)
    }

    /// Reads the rest of a string that begins with `plain` and cannot be taken as it is written.
    #[cold]
    fn escaped<const LENIENT: bool>(&mut self, plain: &str) -> Read<Cow<'t, str>> {
        let mut text = plain.to_owned();
        let (length, halves) = unescape::<LENIENT>(&self.text[self.at..], &mut text);
        self.at += length;
        self.halves += halves;
        self.end_of_string()?;
        Ok(Cow::Owned(text))
    }

    fn end_of_string(&mut self) -> Read<()> {
        if self.rest().first() != Some(&b'"') {
            return Err(Expected("the end of a string, or a character that a string can have"));
        }
        self.at += 1;
        Ok(())
    }

    /// Reads a text; `null` is none. Leniently, a number is the text that it is written with.
    #[inline]
    pub(super) fn text<const LENIENT: bool>(&mut self) -> Read<Option<Cow<'t, str>>> {
        match self.peek() {
            Some(b'"') => Ok(Some(self.string::<LENIENT>()?)),
            Some(b'n') => self.null(),
            Some(b'0'..=b'9' | b'-') if LENIENT => {
                let start = self.at;
                self.skip_number()?;
                Ok(Some(Cow::Borrowed(self.since(start))))
            }
            _ => Err(Expected("a string")),
        }
    }

    fn null<T>(&mut self) -> Read<Option<T>> {
        self.literal("null")?;
        Ok(None)
    }

    fn literal(&mut self, literal: &'static str) -> Read<()> {
        if !self.rest().starts_with(literal.as_bytes()) {
            return Err(Expected("a value"));
        }
        self.at += literal.len();
        Ok(())
    }

    /// Reads an integer from `least` to `most`; `null` is none. Leniently, it may be text, and an
    /// empty text is none too.
    #[inline]
    pub(super) fn integer<const LENIENT: bool>(&mut self, least: i64, most: i64) -> Read<Option<i64>> {
        let start = self.at;
        let number = match self.peek() {
            Some(b'0'..=b'9' | b'-') => self.digits::<LENIENT>()?,
            Some(b'n') => return self.null(),
            Some(b'"') if LENIENT => {
                let text = self.string::<true>()?;
                let digits = text.trim();
                if digits.is_empty() {
                    return Ok(None);
                }
                digits.parse().map_err(|_| Expected("an integer"))?
            }
            _ => return Err(Expected("an integer")),
        };
        if (least..=most).contains(&number) {
            return Ok(Some(number));
        }
        self.at = start;
        Err(Expected("an integer of the field's range"))
    }

    /// Reads an integer that is written with digits. JSON has no leading zeros; `-0` is no integer.
    #[inline]
    fn digits<const LENIENT: bool>(&mut self) -> Read<i64> {
        let bytes = self.rest();
        // Most numbers of a profile have one digit.
        if let [digit @ b'0'..=b'9', b',', ..] = bytes {
            self.at += 1;
            return Ok(i64::from(digit - b'0'));
        }
        let sign = usize::from(bytes.first() == Some(&b'-'));
        let (mut number, mut length) = (0_i64, sign);
        while let Some(digit @ b'0'..=b'9') = bytes.get(length) {
            number = number.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
            length += 1;
        }
        let is_zero = length == sign + 1 && number == 0;
        let has_zero_before = bytes.get(sign) == Some(&b'0') && !is_zero;
        if length == sign || has_zero_before || (is_zero && sign == 1 && !LENIENT) {
            return Err(Expected("an integer"));
        }
        let start = self.at;
        self.at += length;
        if length - sign > SHORT {
            return self.since(start).parse().map_err(|_| Expected("an integer of eight bytes"));
        }
        Ok(if sign == 1 { -number } else { number })
    }

    /// Reads any value, and keeps nothing of it.
    pub(super) fn skip<const LENIENT: bool>(&mut self) -> Read<()> {
        self.skip_nested::<LENIENT>(0)
    }

    fn skip_nested<const LENIENT: bool>(&mut self, depth: usize) -> Read<()> {
        match self.peek() {
            Some(b'"') => self.skip_string::<LENIENT>(),
            Some(b'0'..=b'9' | b'-') => self.skip_number(),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            Some(b'[' | b'{') if depth == DEEPEST => Err(Expected("a value of less depth")),
            Some(b'[') => {
                self.at += 1;
                if self.takes(b']') {
                    return Ok(());
                }
                loop {
                    self.skip_nested::<LENIENT>(depth + 1)?;
                    if !self.comma_or(b']', "`,` or `]`")? {
                        return Ok(());
                    }
                }
            }
            Some(b'{') => {
                self.at += 1;
                if self.takes(b'}') {
                    return Ok(());
                }
                loop {
                    if self.peek() != Some(b'"') {
                        return Err(Expected("a key"));
                    }
                    self.skip_string::<LENIENT>()?;
                    if !self.takes(b':') {
                        return Err(Expected("`:`"));
                    }
                    self.skip_nested::<LENIENT>(depth + 1)?;
                    if !self.comma_or(b'}', "`,` or `}`")? {
                        return Ok(());
                    }
                }
            }
            _ => Err(Expected("a value")),
        }
    }

    fn skip_string<const LENIENT: bool>(&mut self) -> Read<()> {
        self.at += 1;
        self.at += skip_string::<LENIENT>(self.rest());
        self.end_of_string()
    }

    /// Reads a number of any form that JSON has.
    fn skip_number(&mut self) -> Read<()> {
        const NUMBER: Expected = Expected("a number");
        self.at += usize::from(self.rest().first() == Some(&b'-'));
        if self.rest().first() == Some(&b'0') {
            self.at += 1;
        } else if self.skip_digits() == 0 {
            return Err(NUMBER);
        }
        if self.rest().first() == Some(&b'.') {
            self.at += 1;
            if self.skip_digits() == 0 {
                return Err(NUMBER);
            }
        }
        if matches!(self.rest().first(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.rest().first(), Some(b'+' | b'-')));
            if self.skip_digits() == 0 {
                return Err(NUMBER);
            }
        }
        Ok(())
    }

    fn skip_digits(&mut self) -> usize {
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += digits;
        digits
    }
}
