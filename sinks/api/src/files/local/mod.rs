//! Folders of this machine: lists are staged beside the root, and published by a rename.
//!
//! Before it: `staged`, and a sink's `check` and `find`. Behind it: the operating system.

mod find;
mod likeness;
mod mount;
mod move_error;
mod nearest;
mod publishing;
mod replaceable;
mod staging;
mod staging_root;
mod steps;
mod target;
mod traces;
mod trial;

pub use find::find;
pub(super) use likeness::create_staging;
pub use mount::mount_of;
pub use move_error::Moved;
pub(super) use nearest::BrokenLink;
pub use nearest::nearest_existing;
pub(super) use publishing::{is_published, publish, sync_names};
pub(super) use staging::{discard, nearest_folder};
pub use staging_root::staging_of;
pub(super) use steps::{sync_names_in, write_file};
pub(super) use target::Target;
pub use trial::{Refusal, Trial, Trials, check};
