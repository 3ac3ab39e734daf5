//! Which followers only one of two lists has, exactly and in bounded memory.
//!
//! ```text
//! base ───┐ hash of each OpenID      merged in slices        suspects     ┌─► missing: positions of base
//!         ├──► hash_runs, two ──► hashes of one list only ──► another ────┤
//! newer ──┘                       (suspects)                  reading     └─► joined: positions of newer
//!                                                             of both
//! ```
//!
//! A hash that one list alone has belongs to followers whom it alone has. A hash that both lists
//! have, but not once each, is of several followers: these are compared as strings.
//!
//! A hash that each list has once could still be of two followers, by chance. So each reading adds
//! a second hash of 128 bits: the sum over a list, without its own followers, must be the same for
//! both lists. If it is not, all is done again with other hashes.
//!
//! Before it: two lists, each an [`OpenidPass`]. Behind it: the walk of changes asks about the
//! followers whom only one of them has.

mod compare;
mod hashes;
mod pass;
mod suspects;
#[cfg(test)]
mod tests;

pub(in crate::engine) use compare::Difference;
pub(in crate::engine) use pass::OpenidPass;
