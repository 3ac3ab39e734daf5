//! One reply of `user/get`: its envelope, and its `OpenID`s.
//!
//! Two passes with the same parser. [`summarize`] checks every byte and keeps what the walk needs (the next cursor, the
//! total, how many `OpenID`s) before the page goes to the journal; [`decode`] collects the `OpenID`s into an Arrow array
//! behind it. Whatever JSON allows is understood: any key order, unknown keys, escapes, white space.
//!
//! ```text
//! body ──► envelope (keys) ──► array (elements) ──► kernel (28 characters at a time) ──► the answer
//!              │ anything odd      │                     │
//!              └───────────────────┴─────────────────────┴──► general (serde, from the first byte) ──► the answer
//! ```
//!
//! The fast path answers only where it has checked every byte and the reply is what WeChat sends today; the general path
//! decides everything else, so that both give one answer, and errors are always the general path's.
//!
//! Shapes: the documentation of
//! [`user/get`](https://developers.weixin.qq.com/doc/service/api/usermanage/userinfo/api_getfans), which says "may be empty"
//! where the wire says "absent".

mod array;
mod envelope;
mod escape;
mod general;
mod kernel;
#[cfg(test)]
mod equivalence;
#[cfg(test)]
mod tests;

use arrow::array::StringArray;
use fanout_sink::arrow;

use super::{ApiError, Cursor};
use kernel::{Kernel, Openids};

/// A reply that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A part of the list, perhaps an empty one.
    Page(Summary),
    /// `errcode` was not 0.
    Error(ApiError),
}

/// What a page says, apart from the `OpenID`s themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Followers of the account as WeChat states them; none where the field is absent or not a non-negative integer.
    pub total: Option<u64>,
    /// `OpenID`s in this page as WeChat states them. The array is what counts.
    pub count: Option<u64>,
    /// `OpenID`s in the array, without empty strings.
    pub openids: u64,
    /// Empty strings in the array.
    pub empty: u64,
    /// The cursor of the next page; none where it is absent, null or empty.
    pub next: Option<Cursor>,
}

/// A reply that is not what `user/get` sends.
#[derive(Debug, thiserror::Error)]
#[error("the reply is not a page of the list: {0}")]
pub struct Malformed(#[from] serde_json::Error);

/// A way to read a reply. All give the same answer; they differ in speed, and in the machines that have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodePath {
    /// The general parser alone.
    General,
    /// Eight bytes at a time, on any machine.
    Portable,
    /// 32 bytes at a time, on `x86-64` with AVX2.
    Avx2,
    /// 64 bytes at a time, on `x86-64` with AVX-512 (F, BW and VBMI).
    Avx512,
}

impl DecodePath {
    /// Every path, the slowest first.
    pub const ALL: [Self; 4] = [Self::General, Self::Portable, Self::Avx2, Self::Avx512];

    /// Returns whether this machine has the path.
    pub fn is_available(self) -> bool {
        self == Self::General || Kernel::new(self).is_some()
    }

    /// Returns the fastest path of this machine.
    pub fn fastest() -> Self {
        Self::ALL.into_iter().rfind(|path| path.is_available()).unwrap_or(Self::General)
    }
}

/// Checks a reply and returns its envelope.
///
/// # Errors
///
/// [`Malformed`] names line and column of the first byte that does not fit.
pub fn summarize(body: &[u8]) -> Result<Reply, Malformed> {
    summarize_with(DecodePath::fastest(), body)
}

/// Checks a reply, and returns its envelope and its `OpenID`s, in order and without empty strings.
///
/// # Errors
///
/// [`Malformed`] names line and column of the first byte that does not fit.
pub fn decode(body: &[u8]) -> Result<(Reply, StringArray), Malformed> {
    decode_with(DecodePath::fastest(), body)
}

/// Does what [`summarize`] does on a given path, to compare them. A path that this machine lacks is the general one.
///
/// # Errors
///
/// Those of [`summarize`], whatever the path.
pub fn summarize_with(path: DecodePath, body: &[u8]) -> Result<Reply, Malformed> {
    match Kernel::new(path).and_then(|kernel| envelope::read(kernel, body, None)) {
        Some(summary) => Ok(Reply::Page(summary)),
        None => general::summarize(body),
    }
}

/// Does what [`decode`] does on a given path, to compare them. A path that this machine lacks is the general one.
///
/// # Errors
///
/// Those of [`decode`], whatever the path.
pub fn decode_with(path: DecodePath, body: &[u8]) -> Result<(Reply, StringArray), Malformed> {
    match Kernel::new(path).and_then(|kernel| decode_fast(kernel, body)) {
        Some((summary, openids)) => Ok((Reply::Page(summary), openids)),
        None => general::decode(body),
    }
}

fn decode_fast(kernel: Kernel, body: &[u8]) -> Option<(Summary, StringArray)> {
    let mut openids = Openids::default();
    let summary = envelope::read(kernel, body, Some(&mut openids))?;
    Some((summary, openids.finish()))
}
