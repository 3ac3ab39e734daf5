//! The journal: the raw pages of a walk on disk, in order, before anything else happens to them.
//!
//! Everything behind the journal is a function of it, so after a crash nothing else has to be trusted. It is
//! append-only, every frame carries a checksum, and the cursors of its pages must form a chain; a tail that was cut off
//! in the middle of a write is dropped, and whatever else does not fit cuts an undecided walk or stops a decided one.

mod contents;
mod disk;
mod error;
mod folder;
mod frame;
mod ledger;
mod lock;
mod pages;
mod prune;
mod reader;
mod record;
mod runs;
mod state;
#[cfg(test)]
mod tests;
mod walk_folder;

pub use contents::Contents;
pub use error::JournalError;
pub use folder::ListFolder;
pub use ledger::Ledger;
pub use lock::{HeldLocks, TokenLock};
pub use pages::Journal;
pub use prune::{Prunable, PruneReason};
pub use reader::{JournaledPage, PageReader};
pub use record::{Commit, Decision, End, FORMAT, Header, Identity, Pin, Recipient};
pub use runs::RunReports;
pub use state::ListState;
pub use walk_folder::WalkFolder;
