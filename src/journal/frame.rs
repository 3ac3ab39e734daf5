//! The binary form of a walk's file: frames, each with its length and checksum.
//!
//! Before it: [`WalkFile`](super::walk_file::WalkFile) appends frames. Behind it:
//! [`Frames`](super::frames::Frames) reads all of them when a file is opened, and the journals read
//! single ones.
//!
//! ```text
//! file    = frame…                     one header, then replies, then at most one end
//! frame   = length u32, kind u8, crc32c u32 (of kind and payload), payload
//! header  = JSON
//! reply   = kind u8, number u64, fetched_at i64, label length u16, label, body
//! end     = JSON
//! ```
//!
//! Integers are little-endian. `fetched_at` is in microseconds since 1970 (UTC). What number, label
//! and body are depends on the kind of the reply:
//!
//! | kind | number | label | body |
//! | --- | --- | --- | --- |
//! | page | of the page, from 1 | the cursor of its request | as it came |
//! | batch | of the batch, from 0; several replies may have one | what was asked for | as it came, compressed |
//! | copied | the first position | the last position, u64 | positions, times and rows, compressed |
//! | elements | the first element | how many there are, u64 | as the engine writes them, compressed |
//! | tags | of the reply about all tags, from 1 | how many tags had been read, u64 | as it came |

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use bytes::Bytes;
use chrono::{DateTime, Utc};

/// The bytes of a frame before its payload.
pub(super) const PREFIX: usize = 9;

/// The kind of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Header = 1,
    Reply = 2,
    End = 3,
}

/// Returns the prefix of a frame whose payload is the concatenation of `parts`.
pub(super) fn prefix(kind: Kind, parts: &[&[u8]]) -> [u8; PREFIX] {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let length = u32::try_from(length).expect("`max_reply_bytes` keeps a reply under 4 GiB");
    let mut checksum = crc32c::crc32c(&[kind as u8]);
    for part in parts {
        checksum = crc32c::crc32c_append(checksum, part);
    }
    let mut prefix = [0; PREFIX];
    prefix[..4].copy_from_slice(&length.to_le_bytes());
    prefix[4] = kind as u8;
    prefix[5..].copy_from_slice(&checksum.to_le_bytes());
    prefix
}

/// What was read at an offset of the file.
#[derive(Debug)]
pub(super) enum Found {
    /// A whole frame.
    Frame(Kind, Bytes),
    /// The end of the file.
    Nothing,
    /// A frame in which the file ends: the last write was cut off.
    Torn,
    /// A frame whose bytes are not what was written.
    Altered,
}

/// Reads the frame at `offset` of a file that is `length` bytes long.
pub(super) fn read(file: &File, offset: u64, length: u64) -> io::Result<Found> {
    if offset == length {
        return Ok(Found::Nothing);
    }
    if length - offset < PREFIX as u64 {
        return Ok(Found::Torn);
    }
    let mut prefix = [0; PREFIX];
    file.read_exact_at(&mut prefix, offset)?;
    let [a, b, c, d, kind, checksum @ ..] = prefix;
    let payload_length = u64::from(u32::from_le_bytes([a, b, c, d]));
    if length - offset - (PREFIX as u64) < payload_length {
        return Ok(Found::Torn);
    }
    let mut payload = vec![0; payload_length as usize];
    file.read_exact_at(&mut payload, offset + PREFIX as u64)?;
    let actual = crc32c::crc32c_append(crc32c::crc32c(&[kind]), &payload);
    let kind = match kind {
        1 => Kind::Header,
        2 => Kind::Reply,
        3 => Kind::End,
        _ => return Ok(Found::Altered),
    };
    if actual == u32::from_le_bytes(checksum) { Ok(Found::Frame(kind, payload.into())) } else { Ok(Found::Altered) }
}

/// The kind of a reply in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum ReplyKind {
    /// A page of a page list; its number counts from 1, in the order of the journal.
    Page = 1,
    /// A reply to a request of a batch.
    Batch = 2,
    /// Rows that were copied from an earlier walk. They stand before all batches.
    Copied = 3,
    /// Elements of the walk itself. They stand before all batches.
    Elements = 4,
    /// A reply about all tags.
    Tags = 5,
}

/// A reply, read from the payload of its frame.
pub(super) struct FramedReply {
    pub(super) kind: ReplyKind,
    pub(super) number: u64,
    /// When it was fetched.
    pub(super) fetched_at: DateTime<Utc>,
    pub(super) label: Bytes,
    pub(super) body: Bytes,
}

/// The bytes of a reply's payload before the label: kind, number, time, length of the label.
const REPLY_HEAD: usize = 1 + 8 + 8 + 2;

/// Returns the part of a reply's payload before the body.
pub(super) fn reply_head(kind: ReplyKind, number: u64, fetched_at: DateTime<Utc>, label: &[u8]) -> Vec<u8> {
    let length = u16::try_from(label.len()).expect("a cursor and the label of a batch are shorter than 64 KiB");
    let fields: [&[u8]; 5] = [
        &[kind as u8],
        &number.to_le_bytes(),
        &fetched_at.timestamp_micros().to_le_bytes(),
        &length.to_le_bytes(),
        label,
    ];
    fields.concat()
}

/// Splits a reply's payload; `None` if it is too short, or of a kind that this version does not
/// know.
pub(super) fn split_reply(payload: &Bytes) -> Option<FramedReply> {
    let (&kind, rest) = payload.split_first()?;
    let (number, rest) = rest.split_first_chunk()?;
    let (fetched_at, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let length = usize::from(u16::from_le_bytes(*length));
    if rest.len() < length {
        return None;
    }
    let kind = match kind {
        1 => ReplyKind::Page,
        2 => ReplyKind::Batch,
        3 => ReplyKind::Copied,
        4 => ReplyKind::Elements,
        5 => ReplyKind::Tags,
        _ => return None,
    };
    Some(FramedReply {
        kind,
        number: u64::from_le_bytes(*number),
        fetched_at: DateTime::from_timestamp_micros(i64::from_le_bytes(*fetched_at))?,
        label: payload.slice(REPLY_HEAD..REPLY_HEAD + length),
        body: payload.slice(REPLY_HEAD + length..),
    })
}
