//! The bodies of a walk of batches, compressed, and what they hold: a reply as it came, or rows
//! that were copied from an earlier walk.
//!
//! Before it: the engine has fetched a reply, or chosen rows to copy. Behind it:
//! [`BatchJournal`](super::BatchJournal) writes it in a frame, and reads it back.
//!
//! ```text
//! reply   = zstd of the body as it came
//! copied  = zstd of: rows u32, position u64 of each row less the one before, fetched_at i64 of
//!           each row, body
//! ```

use std::fmt;
use std::io;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use zstd::zstd_safe;

use super::batch_index::CopiedSpan;

/// A reply to a request of a batch. `Debug` does not show what it says: that is personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Numbered {
    /// The number of the batch, from 0. Several replies may have it.
    pub number: u64,
    /// What was asked for, as the engine writes it; opaque to the journal, below 64 KiB.
    pub label: Bytes,
    /// When it was fetched, to the microsecond.
    pub fetched_at: DateTime<Utc>,
    /// The reply, byte for byte; empty if there was none.
    pub body: Bytes,
}

impl fmt::Debug for Numbered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Numbered");
        shown.field("number", &self.number).field("fetched_at", &self.fetched_at);
        shown.field("bytes", &self.body.len()).finish_non_exhaustive()
    }
}

/// Rows that were copied from an earlier walk. `Debug` does not show what they say: that is
/// personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct CopiedRows {
    /// The position of each row in the input, ascending, and when its reply was fetched, to the
    /// microsecond.
    pub rows: Vec<(u64, DateTime<Utc>)>,
    /// The rows, as the engine writes them; opaque to the journal.
    pub body: Bytes,
}

impl fmt::Debug for CopiedRows {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("CopiedRows");
        shown.field("rows", &self.rows.len()).field("bytes", &self.body.len()).finish_non_exhaustive()
    }
}

impl CopiedRows {
    /// Returns which positions the rows have; `None` if there is no row, or they do not ascend.
    pub(super) fn span(&self) -> Option<CopiedSpan> {
        let (&(first, _), &(last, _)) = (self.rows.first()?, self.rows.last()?);
        let is_ascending = self.rows.is_sorted_by(|(one, _), (next, _)| one < next);
        is_ascending.then_some(CopiedSpan { first, last, rows: self.rows.len() as u64 })
    }

    /// Returns the rows as one text of bytes, not yet compressed.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let rows = u32::try_from(self.rows.len()).expect("a frame is under 4 GiB");
        let mut bytes = Vec::with_capacity(4 + 16 * self.rows.len() + self.body.len());
        bytes.extend_from_slice(&rows.to_le_bytes());
        let mut before = 0;
        for &(position, _) in &self.rows {
            bytes.extend_from_slice(&(position - before).to_le_bytes());
            before = position;
        }
        for (_, fetched_at) in &self.rows {
            bytes.extend_from_slice(&fetched_at.timestamp_micros().to_le_bytes());
        }
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Reads the rows; `None` if they are not what was written.
    pub(super) fn from_bytes(bytes: &Bytes) -> Option<Self> {
        let (rows, rest) = bytes.split_first_chunk()?;
        let rows = u32::from_le_bytes(*rows) as usize;
        let (positions, rest) = rest.split_at_checked(8 * rows)?;
        let (times, body) = rest.split_at_checked(8 * rows)?;
        let mut position = 0_u64;
        let row = |(difference, time): (&[u8; 8], &[u8; 8])| {
            position = position.checked_add(u64::from_le_bytes(*difference))?;
            Some((position, DateTime::from_timestamp_micros(i64::from_le_bytes(*time))?))
        };
        let (positions, times) = (positions.as_chunks().0, times.as_chunks().0);
        let rows = positions.iter().zip(times).map(row).collect::<Option<_>>()?;
        Some(Self { rows, body: bytes.slice_ref(body) })
    }
}

/// The level of zstd. Of replies with 100 profiles, levels 1 to 3 leave 56 bytes a profile, a
/// sixth, and level 5 leaves 54 for three times the time.
const LEVEL: i32 = 1;

/// Compresses a body.
pub(super) fn compress(body: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(body, LEVEL).expect("the buffer has room for what zstd may need")
}

/// Decompresses a body.
pub(super) fn decompress(body: &[u8]) -> io::Result<Bytes> {
    let length = zstd_safe::get_frame_content_size(body).ok().flatten().ok_or(io::ErrorKind::InvalidData)?;
    let length = usize::try_from(length).map_err(io::Error::other)?;
    Ok(zstd::bulk::decompress(body, length)?.into())
}
