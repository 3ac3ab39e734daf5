//! Collects the `OpenID`s of a page for an Arrow array.
//!
//! The kernels and `array` add to it, and `paths` takes the array.

use std::sync::LazyLock;

use arrow::array::StringArray;
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use fanout_sink::arrow;

use super::shape::CHARACTERS;
use crate::wechat::decode::escape::unescape;

/// The most `OpenID`s of a page, as WeChat documents it.
const FULL_PAGE: usize = 10_000;

/// The offsets of every page up to a full one whose `OpenID`s all have [`CHARACTERS`] characters.
/// All such pages share them.
static REGULAR: LazyLock<OffsetBuffer<i32>> =
    LazyLock::new(|| OffsetBuffer::from_repeated_length(CHARACTERS, FULL_PAGE));

/// The bytes of the `OpenID`s, one behind the other, and where each ends.
///
/// Only whole strings of UTF-8 are added. Only this folder can write here, and the `unsafe` code of
/// [`finish`](Self::finish) rests on that.
#[derive(Debug, Default)]
pub(in crate::wechat::decode) struct Openids {
    pub(super) values: Vec<u8>,
    /// The offsets of the array, from the first `OpenID` of another length on. Until then they are
    /// computed.
    offsets: Option<Vec<i32>>,
}

impl Openids {
    /// Adds the JSON string that `bytes` begins with, behind its opening quote. Returns its length
    /// as written.
    ///
    /// An empty string is not added. Returns `None` if the string is not valid, or has no end.
    pub(in crate::wechat::decode) fn push(&mut self, bytes: &[u8]) -> Option<usize> {
        let before = self.values.len();
        let Some(written) = unescape(bytes, &mut self.values) else {
            self.values.truncate(before);
            return None;
        };
        let length = self.values.len() - before;
        if length != CHARACTERS && length > 0 && self.offsets.is_none() {
            let count = before / CHARACTERS;
            self.offsets = Some((0..=count).map(|index| (index * CHARACTERS) as i32).collect());
        }
        if let Some(offsets) = &mut self.offsets
            && length > 0
        {
            offsets.push(self.values.len() as i32);
        }
        Some(written)
    }

    /// Notes that `count` `OpenID`s of the usual length were appended to `values`.
    pub(super) fn appended(&mut self, count: usize) {
        if let Some(offsets) = &mut self.offsets {
            let before = self.values.len() - count * CHARACTERS;
            offsets.extend((1..=count).map(|index| (before + index * CHARACTERS) as i32));
        }
    }

    /// Returns the `OpenID`s as an array.
    pub(in crate::wechat::decode) fn finish(self) -> StringArray {
        let offsets = match self.offsets {
            Some(offsets) => OffsetBuffer::new(ScalarBuffer::from(offsets)),
            None => match self.values.len() / CHARACTERS {
                count @ ..=FULL_PAGE => REGULAR.slice(0, count),
                count => OffsetBuffer::from_repeated_length(CHARACTERS, count),
            },
        };
        let values = Buffer::from_vec(self.values);
        #[expect(unsafe_code, reason = "validating UTF-8 again would double the time of a page")]
        // SAFETY: the values are whole strings of UTF-8 (those of the kernels are ASCII), and every
        // offset is the end of one. The offsets start at 0 and grow, which `OffsetBuffer` checks or
        // ensures; the last is the length of the values.
        unsafe {
            StringArray::new_unchecked(offsets, values, None)
        }
    }
}
