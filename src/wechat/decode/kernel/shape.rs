//! What the kernels expect an element to look like.

/// Characters of an `OpenID` as WeChat makes them.
pub(super) const CHARACTERS: usize = 28;

/// An element without its separator: the characters and two quotes.
pub(super) const QUOTED: usize = CHARACTERS + 2;

/// The longest element with its separator that the kernels look at.
pub(super) const WIDEST: usize = 64;

/// Bytes behind the last `OpenID` that a kernel may write: a register less than it fills.
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
    /// Makes the shape of elements with `separator` behind each; none if it is too long for the kernels.
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

    /// Returns the bytes from one opening quote to the next.
    pub(in crate::wechat::decode) fn stride(&self) -> usize {
        self.stride
    }

    /// Returns what stands between two elements: a comma, with or without white space.
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
