//! Publishing for sinks that write files: layout, staging, manifest, and one rename that makes a
//! list visible.
//!
//! Before it: a sink, which encodes rows. Behind it: the file system.
//!
//! ```text
//! <root>.staging/pipeline=p/sink=s/app_id=wx/list=l/walk=w/   part-00000.x  _manifest.json
//! _SUCCESS │                                           (written, synced: prepare) │ one rename; an
//! older list changes places with it (commit) ▼ <root>/dt=2026-11-22/account=main/
//! part-00000.x  _manifest.json  _SUCCESS
//! ```
//!
//! Staging is beside `root` and not under it, because readers that glob count hidden folders, too;
//! and it is on the same file system, because only there a rename is one step. A layout without
//! folders makes a *single file*: one rename publishes it, too, with `_<file>.manifest.json` and
//! `_<file>.SUCCESS` beside it.
//!
//! A sink is a thin layer over [`StagedFiles`]: it encodes rows into [`PartWriter`]s, and passes on
//! `prepare`, `commit` and `abort`. Everything here blocks, which a sink may do. Unix only.

mod error;
mod layout;
mod local;
mod manifest;
mod options;
mod part;
mod staged;
#[cfg(test)]
mod tests;

pub use error::{file_error, io_hint};
pub use local::{check, find, staging_of};
pub use manifest::{Column, Manifest, ManifestFile, Marker, Owner};
pub use options::FileOptions;
pub use part::PartWriter;
pub use staged::{PartRows, StagedFiles};
