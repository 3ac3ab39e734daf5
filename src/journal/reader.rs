//! The pages of a walk, read from disk in order.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::error::JournalError;
use super::frame::{self, Found, FramedReply, Kind};
use super::record::PAGES;

/// A page as the journal has it.
#[derive(Clone, Debug)]
pub struct JournaledPage {
    /// Its number in the journal, from 1.
    pub number: u64,
    /// When it was fetched.
    pub fetched_at: DateTime<Utc>,
    /// The reply, byte for byte.
    pub body: Bytes,
    pub(super) folder: Arc<Path>,
}

impl JournaledPage {
    /// Makes the error that this page is not what the journal took it for.
    pub(crate) fn damaged(&self, error: &dyn std::error::Error) -> JournalError {
        JournalError::Damaged { path: self.folder.to_path_buf(), what: format!("page {}: {error}", self.number) }
    }
}

/// Reads the pages of a walk in order, and checks each again.
#[derive(Clone, Debug)]
pub struct PageReader {
    pub(super) file: Arc<File>,
    pub(super) path: Arc<Path>,
    pub(super) offsets: std::iter::Enumerate<std::vec::IntoIter<u64>>,
    pub(super) length: u64,
}

impl Iterator for PageReader {
    type Item = Result<JournaledPage, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (index, offset) = self.offsets.next()?;
        Some(read_page(&self.file, &self.path, offset, self.length, index as u64 + 1))
    }
}

/// Reads the frame of one page, and checks it.
pub(super) fn read_page(
    file: &File,
    folder: &Arc<Path>,
    offset: u64,
    length: u64,
    number: u64,
) -> Result<JournaledPage, JournalError> {
    let found = frame::read(file, offset, length);
    let reply = match found {
        Ok(Found::Frame(Kind::Reply, payload)) => frame::split_reply(&payload).filter(|reply| reply.number == number),
        Ok(_) => None,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
        Err(error) => return Err(JournalError::io("read", &folder.join(PAGES))(error)),
    };
    let FramedReply { fetched_at, body, .. } = reply.ok_or_else(|| JournalError::Damaged {
        path: folder.to_path_buf(),
        what: format!("page {number} is no longer what was written"),
    })?;
    Ok(JournaledPage { number, fetched_at, body, folder: Arc::clone(folder) })
}
