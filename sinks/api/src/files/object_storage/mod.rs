//! Lists in an object store: each list is one object, which becomes visible in one step.
//!
//! Before it: `storage`. Behind it: `objects`, which calls the store.
//!
//! ```text
//! open      read the manifest: nothing, a list of the same owner, or another's, which is refused
//! write     parts of the final object: no reader sees them
//! prepare   the store has acknowledged every part
//! commit    1. the manifest   2. the old marker away   3. the object completed   4. the marker
//! ```
//!
//! Only the third step changes what a reader of the object sees, and it is one step in every store.
//! Owner and walk stand in the object's metadata, which is given before its first part. So a crash
//! between two steps leaves what the next delivery of the list recognises as its owner's, and
//! replaces. A list is published if object, manifest and marker agree.
//!
//! Where the store has conditions, the manifest is written under one: of two publishers of a list
//! the second one looks again. Without conditions the last publisher wins. The object has no
//! condition, so a publisher that stalls between its last look and its object may leave an object
//! under another one's manifest. `find` calls such a list gone, and it is delivered again.

mod bucket;
mod check;
mod files;
mod find;
mod identity;
mod place;
mod publishing;
mod stages;
mod stores;
#[cfg(test)]
mod tests;

pub use check::Probed;
pub(super) use check::check;
pub(super) use files::ObjectFiles;
pub(super) use find::find;
pub(super) use stores::Stores;
