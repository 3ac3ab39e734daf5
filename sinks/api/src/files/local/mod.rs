//! Folders of this machine: lists are staged beside the root, and published by a rename.
//!
//! Before it: `storage`. Behind it: the operating system.

mod attempt;
mod durable_names;
mod files;
mod find;
mod folder;
mod giving_back;
mod likeness;
mod lock_file;
mod mount;
mod move_error;
mod nearest;
mod place;
mod publication;
mod publishing;
mod reading;
mod replaceable;
mod single_file;
mod staging_root;
mod steps;
mod target;
#[cfg(test)]
mod tests;
mod traces;
mod trial;
mod twins;

pub(super) use files::LocalFiles;
pub(super) use find::find;
pub use mount::Mount;
pub use move_error::Moved;
pub(super) use nearest::BrokenLink;
pub use nearest::nearest_existing;
pub use staging_root::staging_of;
pub(super) use trial::check;
pub use trial::{Refusal, Trial, Trials};
