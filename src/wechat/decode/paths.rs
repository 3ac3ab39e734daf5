//! The choice of the path: the fast one if it answers, else the general one.
//!
//! `source`, the journal and the engine enter the decoder here.

use arrow::array::StringArray;
use fanout_sink::arrow;

use super::kernel::{DecodePath, Kernel, Openids};
use super::{envelope, general};
use crate::wechat::page::{Malformed, PageReply, Summary};

/// Checks a reply and returns its envelope.
///
/// # Errors
///
/// [`Malformed`] names the line and the column of the first byte that does not fit.
pub fn summarize(body: &[u8]) -> Result<PageReply, Malformed> {
    summarize_with(DecodePath::fastest(), body)
}

/// Checks a reply, and returns its envelope and its `OpenID`s, in order and without empty strings.
///
/// # Errors
///
/// [`Malformed`] names the line and the column of the first byte that does not fit.
pub fn decode(body: &[u8]) -> Result<(PageReply, StringArray), Malformed> {
    decode_with(DecodePath::fastest(), body)
}

/// Does what [`summarize`] does, on a given path, to compare paths. On a machine that lacks the
/// path, the general one is taken.
///
/// # Errors
///
/// Those of [`summarize`], whatever the path.
pub fn summarize_with(path: DecodePath, body: &[u8]) -> Result<PageReply, Malformed> {
    match Kernel::new(path).and_then(|kernel| envelope::read(kernel, body, None)) {
        Some(summary) => Ok(PageReply::Page(summary)),
        None => general::summarize(body),
    }
}

/// Does what [`decode`] does, on a given path, to compare paths. On a machine that lacks the path,
/// the general one is taken.
///
/// # Errors
///
/// Those of [`decode`], whatever the path.
pub fn decode_with(path: DecodePath, body: &[u8]) -> Result<(PageReply, StringArray), Malformed> {
    match Kernel::new(path).and_then(|kernel| decode_fast(kernel, body)) {
        Some((summary, openids)) => Ok((PageReply::Page(summary), openids)),
        None => general::decode(body),
    }
}

pub(super) fn decode_fast(kernel: Kernel, body: &[u8]) -> Option<(Summary, StringArray)> {
    let mut openids = Openids::default();
    let summary = envelope::read(kernel, body, Some(&mut openids))?;
    Some((summary, openids.finish()))
}
