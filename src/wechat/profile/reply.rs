//! A reply with profiles, and why a reply has none.
//!
//! Before it: `read` has read a reply. Behind it: the engine compares the rows with what it asked
//! for, and counts the rest for the proof.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::fields::Profile;
use crate::wechat::api_error::ApiError;

/// A reply with profiles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileReply<'a> {
    /// The rows in the order of the reply, which says nothing: WeChat promises no order.
    pub rows: Vec<Profile<'a>>,
    /// How many of the rows only the lenient reader could take.
    pub lenient: u64,
    /// How many U+FFFD stand in the reply for bytes that are no UTF-8, or in its rows for half a
    /// surrogate pair.
    pub replaced: u64,
    /// The keys that no version of WeChat's documentation has, and how often each was there.
    pub unknown: BTreeMap<Cow<'a, str>, u64>,
}

impl ProfileReply<'_> {
    /// Returns the same reply with texts of its own.
    pub fn into_owned(self) -> ProfileReply<'static> {
        ProfileReply {
            rows: self.rows.into_iter().map(Profile::into_owned).collect(),
            lenient: self.lenient,
            replaced: self.replaced,
            unknown: self.unknown.into_iter().map(|(key, count)| (Cow::Owned(key.into_owned()), count)).collect(),
        }
    }
}

/// Why a reply has no profiles to read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// WeChat's error reply: `errcode` is not 0.
    #[error("{0}")]
    Api(ApiError),
    /// It cannot be read, not even leniently.
    #[error("{0}")]
    Malformed(MalformedProfiles),
}

/// A reply that has no profiles, or has something in it that cannot be read. Shows nothing of the
/// reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the reply has no profiles that can be read: expected {expected} at byte {at}")]
pub struct MalformedProfiles {
    /// The place in the reply, in bytes from its beginning. Bytes that are no UTF-8 count as the
    /// U+FFFD that replace them.
    pub at: usize,
    /// What the reader expected there.
    pub expected: &'static str,
}
