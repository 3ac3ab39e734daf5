//! Folders of this machine: lists are staged beside the root, and published by a rename.
//!
//! Before it: `staged`, and a sink's `check` and `find`. Behind it: the operating system.

mod attempt;
mod find;
mod folder;
mod giving_back;
mod lock_file;
mod mount;
mod place;
mod publication;
mod publishing;
mod reading;
mod single_file;
mod staging_root;
mod steps;
mod target;
#[cfg(test)]
mod tests;
mod twins;

pub(super) use attempt::Attempt;
pub use find::find;
pub(super) use mount::mount_of;
pub(super) use publication::{StagedList, Stamp};
pub(super) use publishing::{Published, publish};
pub use staging_root::staging_of;
pub(super) use steps::{sync_folder, write_file};
pub(super) use target::Target;
pub use target::check;
