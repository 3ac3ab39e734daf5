//! Folders of this machine: lists are staged beside the root, and published by a rename.
//!
//! Before it: `staged`, and a sink's `check` and `find`. Behind it: the operating system.

mod find;
mod mount;
mod publishing;
mod staging;
mod staging_root;
mod steps;
mod target;

pub use find::find;
pub(super) use mount::mount_of;
pub(super) use publishing::{is_published, publish, sync_names};
pub(super) use staging::{discard, nearest_folder};
pub use staging_root::staging_of;
pub(super) use steps::{create_folders, sync_folder, write_file};
pub(super) use target::Target;
pub use target::check;
