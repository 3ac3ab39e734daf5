//! The state folder and the folders of the sinks: their dates and locks, folders that cannot be
//! used, and `--simulate` beside real ones.

mod dates;
mod locks;
mod simulation;
mod unusable_folders;
