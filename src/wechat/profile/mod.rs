//! Reads the replies of `user/info/batchget` and `user/info`: what WeChat knows of a follower.
//!
//! ```text
//! body ──► text ──► envelope ──► row, strictly ──► Profile (its texts point into the body)
//!           │                     │ does not fit
//!           │ no UTF-8            └──► row, leniently ──► Profile, counted
//!           └──► text with U+FFFD, then the same
//! ```
//!
//! The strict reader takes exactly what JSON allows, with the types that WeChat documents. What
//! operators and followers have typed does not always keep to that: the lenient reader takes
//! control characters within texts, bytes that are no UTF-8, halves of surrogate pairs, and
//! numbers as text. Nothing is ever read by its position: a row is whose `openid` it has.
//!
//! The strict reader is fast because rows look alike. It expects the key that stood there in the
//! row before (`keys`), and compares the fields that WeChat no longer fills as a whole (`repeat`).
//! A row that looks otherwise is read key by key.
//!
//! Before it: `source` has a reply, or the [`journal`](crate::journal) gives it back. Behind it:
//! the engine compares the rows with what it asked for, and [`rows`](crate::rows) makes Arrow of
//! them.

mod fields;
mod keys;
mod read;
mod reader;
mod repeat;
mod reply;
mod scanner;
mod strings;
#[cfg(test)]
mod tests;

pub use fields::Profile;
pub use read::{read_profile, read_profiles};
pub use reply::{MalformedProfiles, ProfileError, ProfileReply};
