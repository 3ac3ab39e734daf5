//! Folders of this machine: lists are staged beside the root, and published by a rename.
//!
//! Before it: `staged`, and a sink's `check` and `find`. Behind it: the operating system.

mod attempt;
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

pub(super) use attempt::Attempt;
pub use find::find;
pub use mount::mount_of;
pub use move_error::Moved;
pub(super) use nearest::BrokenLink;
pub use nearest::nearest_existing;
pub(super) use publication::StagedList;
pub(super) use publishing::{Published, publish};
pub use staging_root::staging_of;
pub(super) use steps::{sync_folder, write_file};
pub(super) use target::Target;
pub use trial::{Refusal, Trial, Trials, check};
