//! The pages of a walk on disk.
