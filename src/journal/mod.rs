//! The state on disk. At its core is the journal: the raw pages of a walk, in order.
//!
//! Before it: the engine appends each page that [`source`](crate::source) has fetched, before
//! anything else happens to the page. Behind it: the engine reads the pages back, to decode and
//! deliver them; [`inspect`](crate::inspect) reads the records.
//!
//! A page counts as journaled when it is written to the file; a sync of several pages follows
//! beside the walk. The end of a walk, its decision and its commit records are synced at once.
//!
//! Everything behind the journal is a function of it, so a run after a crash needs nothing else.
//! The journal is append-only, every frame carries a checksum, and the cursors of its pages must
//! form a chain. An undecided walk is cut at the first frame that does not fit, such as one whose
//! write was cut off. In a decided walk such a frame is an error.
//!
//! | type | what it is |
//! | --- | --- |
//! | [`ListFolder`] | the walks of one list of an account, for readers; it needs no lock |
//! | [`ListState`] | the same with the lock of the list: begins and removes walks |
//! | [`Walks`] | the walks as they were at one moment, and which of them are owed or open |
//! | [`WalkFolder`] | one walk without its pages: header, decision, commit records, pins |
//! | [`Journal`] | one walk with its pages, open for more |
//! | [`PageReader`] | reads the pages of a walk in order |
//! | [`BatchJournal`] | one walk of batches with its replies, open for more |
//! | [`BatchDraft`] | a walk of batches before its first reply |
//! | [`ElementReader`] | reads the elements that a walk of batches has itself |
//! | [`TagJournal`] | one walk of tags: the replies about all tags, and below it a [`Journal`] of each tag |
//! | [`AccountFolder`], [`AccountState`] | all that the state keeps of an account; the same with all its locks |
//! | [`TokenLock`], [`HeldLocks`] | the lock of an account's token; the locks that are held now |
//! | [`Ledger`] | today's number of calls to one endpoint |
//! | [`RunReports`] | the reports of runs |
//! | [`JournalTrials`] | the mounts on which a run has tried the journal |

mod account;
mod batch_body;
mod batch_draft;
mod batch_index;
mod batch_journal;
mod contents;
mod disk;
mod elements;
mod error;
mod folder;
mod frame;
mod frames;
mod ledger;
mod lock;
mod page_index;
mod pages;
mod pins;
mod prune;
mod reader;
mod record;
mod runs;
mod state;
mod tag_index;
mod tag_journal;
#[cfg(test)]
mod tests;
mod trial;
mod walk_file;
mod walk_folder;
mod walk_sync;
mod walks;

pub use account::{AccountFolder, AccountState, OwedList};
pub use batch_body::{CopiedRows, Numbered};
pub use batch_draft::BatchDraft;
pub use batch_journal::BatchJournal;
pub use contents::Contents;
pub use elements::{ElementReader, Elements};
pub use error::JournalError;
pub use folder::ListFolder;
pub use ledger::Ledger;
pub use lock::{HeldLocks, Holder, TokenLock};
pub use pages::Journal;
pub use prune::{Prunable, PruneReason};
pub use reader::{JournaledPage, PageReader};
pub use record::{
    ChangePlan, Commit, Decision, End, FORMAT, Gap, Header, Identity, OwnElements, Pin, Plan, Recipient, RestsOn,
};
pub use runs::{OpenReport, RunReports};
pub use state::ListState;
pub use tag_journal::{TagJournal, TagsReply};
pub use trial::JournalTrials;
pub use walk_file::WalkFile;
pub use walk_folder::{RecordedDecision, WalkFolder};
pub use walk_sync::WalkSync;
pub use walks::Walks;
