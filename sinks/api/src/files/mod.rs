//! Publishing for sinks that write files: layout, staging, manifest, and one step that makes a list
//! visible.
//!
//! Before it: a sink, which encodes rows. Behind it: the file system, or an object store.
//!
//! ```text
//! <root>.staging/pipeline=p/sink=s/app_id=wx,list=l,host=h,process=1,attempt=1/list/
//!                │      part-00000.x  _manifest.json  _SUCCESS     (written, synced: prepare)
//!                │
//!                │ one rename; an older list changes places with it (commit)
//!                ▼
//! <root>/dt=2026-11-22/account=main/
//!                       part-00000.x  _manifest.json  _SUCCESS
//! ```
//!
//! Staging is beside `root` and not under it, because readers that glob count hidden folders, too;
//! and it is on the same file system, because only there a rename is one step. A layout without
//! folders makes a *single file*, with `_<file>.manifest.json` and `_<file>.SUCCESS` beside it:
//! these names change one by one, and a list is whole while its marker is there.
//!
//! Several processes may publish in one place, also from several hosts. The commit holds a lock
//! beside the place, `.<name>~lock`, and looks at what stands there. Another owner's list is
//! refused. A newer list of the same owner stays, and the commit succeeds. Where hosts do not share
//! locks, each step checks what it replaces, single files are published one at a time by all
//! publishers of the place together, and a commit that was disturbed returns a temporary error.
//!
//! A root in an object store (`s3://…`) has no staging and no locks: `object_storage` says what
//! takes their place. Needs the feature `object-store`.
//!
//! A sink is a thin layer over [`StagedFiles`]: it encodes rows into [`PartWriter`]s, and passes on
//! `prepare`, `commit` and `abort`. Everything here blocks, which a sink may do. Unix only.

mod error;
mod hive;
mod layout;
mod local;
mod manifest;
mod names;
#[cfg(feature = "object-store")]
mod object_storage;
pub mod objects;
mod options;
mod part;
mod reading;
mod staged;
mod storage;
mod sync;
#[cfg(test)]
mod tests;

pub use error::{file_error, io_hint};
pub use hive::warnings;
pub use local::{Mount, Moved, Refusal, Trial, Trials, nearest_existing, staging_of};
pub use manifest::{Column, Manifest, ManifestFile, Marker, Owner};
#[cfg(feature = "object-store")]
pub use object_storage::Probed;
pub use options::FileOptions;
pub use part::PartWriter;
pub use staged::{PartRows, StagedFiles};
pub use storage::{check, find};
pub use sync::{sync_data, sync_file, sync_folder};
