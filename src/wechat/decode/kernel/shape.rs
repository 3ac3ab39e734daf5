//! The form that the kernels expect of an element.
//!
//! `array` guesses it from the last separator, and each kernel compares the elements with it.

/// Characters of an `OpenID` as WeChat makes them.
pub(super) const CHARACTERS: usize = 28;

/// The length of an element without its separator: the characters and two quotes.
pub(super) const QUOTED: usize = CHARACTERS + 2;

/// The longest element, with its separator, that the kernels take.
pub(super) const WIDEST: usize = 64;

/// Bytes behind the last `OpenID` that a kernel may write, because it stores whole registers.
#[cfg(target_arch = "x86_64")]
pub(super) const SLACK: usize = 64;

/// An element of [`CHARACTERS`] characters in quotes, and the separator behind it.
#[derive(Debug)]
pub(in crate::wechat::decode) struct Shape {
    stride: usize,
    /// Quotes and separator in their places, and zeros.
    pub(super) frame: [u8; WIDEST],
}

impl Shape {
    /// Returns the shape of elements with `separator` behind each, or `None` if it is too long for
    /// the kernels.
    pub(in crate::wechat::decode) fn with(separator: &[u8]) -> Option<Self> {
        let stride = QUOTED + separator.len();
        if stride > WIDEST {
            return None;
        }
        let mut frame = [0; WIDEST];
        frame[0] = b'"';
        frame[QUOTED - 1] = b'"';
        frame[QUOTED..stride].copy_from_slice(separator);
        Some(Self { stride, frame })
    }

    /// Returns the number of bytes from one opening quote to the next.
    pub(in crate::wechat::decode) fn stride(&self) -> usize {
        self.stride
    }

    /// Returns the bytes between two elements: a comma, with or without white space.
    pub(in crate::wechat::decode) fn separator(&self) -> &[u8] {
        &self.frame[QUOTED..self.stride]
    }

    /// Returns whether the separator is a comma alone.
    pub(super) fn is_compact(&self) -> bool {
        self.separator() == b","
    }
}

impl Default for Shape {
    fn default() -> Self {
        Self::with(b",").expect("a comma is not too long")
    }
}
