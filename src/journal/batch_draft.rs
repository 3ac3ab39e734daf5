//! A walk of batches before its first reply. It has a name, so that it can pin its input, and takes
//! copied rows; no reader sees it.
//!
//! Before it: [`ListState::draft`](super::ListState::draft). Behind it: the first reply begins the
//! walk, and [`BatchJournal`] takes the other ones.

use fanout_sink::WalkId;

use super::batch_body::{CopiedRows, Numbered};
use super::batch_journal::BatchJournal;
use super::elements::{ElementReader, Elements};
use super::error::JournalError;
use super::record::{End, Plan};
use super::walk_file::WalkFile;

/// A walk of batches that has not begun. Dropping it removes it from disk.
#[derive(Debug)]
pub struct BatchDraft {
    /// `None` once the walk has begun.
    journal: Option<BatchJournal>,
    walk: WalkId,
}

impl BatchDraft {
    /// Returns the draft in a file that has only a header.
    pub(super) fn new(file: WalkFile, plan: Plan) -> Self {
        Self { walk: file.walk(), journal: Some(BatchJournal::begun(file, plan)) }
    }

    /// Returns the name that the walk will have.
    pub fn walk(&self) -> WalkId {
        self.walk
    }

    /// Appends rows that were copied from an earlier walk.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if they cannot be written.
    ///
    /// # Panics
    ///
    /// If there is no row, or the positions do not ascend, also over all calls, or are not in the
    /// input.
    pub fn copy(&mut self, copied: &CopiedRows) -> Result<(), JournalError> {
        self.journal_mut().append_copied(copied)
    }

    /// Appends elements that the walk has itself, in the order of their numbers.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if they cannot be written.
    ///
    /// # Panics
    ///
    /// If there is no element, or they do not follow from those before them, or the plan has fewer.
    pub fn add(&mut self, elements: &Elements) -> Result<(), JournalError> {
        self.journal_mut().append_elements(elements)
    }

    /// Returns a reader of the elements that were added so far.
    ///
    /// # Panics
    ///
    /// Never: the walk has not begun.
    pub fn elements(&self) -> ElementReader {
        self.journal.as_ref().expect("only beginning the walk takes it").elements()
    }

    /// Begins the walk with its first reply. It appears on disk together with the reply and the
    /// copied rows, and is durable after the next [`sync`](super::WalkFile::sync).
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the walk cannot be written; it does not exist then.
    ///
    /// # Panics
    ///
    /// As [`BatchJournal::append`].
    pub fn begin(mut self, first: &Numbered) -> Result<BatchJournal, JournalError> {
        self.journal_mut().append(first)?;
        self.show()
    }

    /// Begins a walk in which there is nothing to ask for: the input is empty, every row was
    /// copied, or nobody is asked about the elements of the walk.
    ///
    /// # Errors
    ///
    /// As [`begin`](Self::begin).
    pub fn begin_ended(mut self, end: End) -> Result<BatchJournal, JournalError> {
        self.journal_mut().append_end(end)?;
        self.show()
    }

    fn show(mut self) -> Result<BatchJournal, JournalError> {
        self.journal_mut().file.show()?;
        Ok(self.journal.take().expect("it was there a line above"))
    }

    fn journal_mut(&mut self) -> &mut BatchJournal {
        self.journal.as_mut().expect("only beginning the walk takes it")
    }
}

impl Drop for BatchDraft {
    fn drop(&mut self) {
        if let Some(journal) = &self.journal {
            journal.file.discard();
        }
    }
}
