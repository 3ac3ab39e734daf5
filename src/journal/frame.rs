//! How a walk lies in its file: frames, each with its length and checksum.
//!
//! ```text
//! file    = frame…                     one header, then pages, then at most one end
//! frame   = length u32, kind u8, crc32c u32 (of kind and payload), payload
//! header  = JSON
//! reply   = kind u8, number u64, fetched_at i64, cursor length u16, cursor, body
//! end     = JSON                       integers are little-endian; fetched_at is in microseconds since 1970 (UTC)
//! ```

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::wechat::Cursor;

/// Bytes before a frame's payload.
pub(super) const PREFIX: usize = 9;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Header = 1,
    Reply = 2,
    End = 3,
}

/// Returns the prefix of a frame whose payload is `parts`, one after the other.
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

/// What was found at a place in the file.
#[derive(Debug)]
pub(super) enum Found {
    /// A whole frame.
    Frame(Kind, Bytes),
    /// The end of the file, at a frame's edge.
    Nothing,
    /// The file ends within the frame: the last write was cut off.
    Torn,
    /// The bytes are there, but they are not what was written.
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

/// What kind of reply a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum ReplyKind {
    /// A page of a page list; its number counts from 1, in the order of the journal.
    Page = 1,
}

/// A reply as its frame holds it.
pub(super) struct FramedReply {
    pub(super) kind: ReplyKind,
    pub(super) number: u64,
    /// When it was fetched.
    pub(super) fetched_at: DateTime<Utc>,
    /// The cursor that it was asked for with.
    pub(super) cursor: Cursor,
    pub(super) body: Bytes,
}

/// Bytes of a reply's payload before its cursor: kind, number, time, and the cursor's length.
const REPLY_HEAD: usize = 1 + 8 + 8 + 2;

/// Returns what precedes the body in a reply's payload.
pub(super) fn reply_head(kind: ReplyKind, number: u64, fetched_at: DateTime<Utc>, cursor: &Cursor) -> Vec<u8> {
    let cursor = cursor.as_str().as_bytes();
    let length = u16::try_from(cursor.len()).expect("`Cursor::LONGEST` fits");
    let fields: [&[u8]; 5] = [
        &[kind as u8],
        &number.to_le_bytes(),
        &fetched_at.timestamp_micros().to_le_bytes(),
        &length.to_le_bytes(),
        cursor,
    ];
    fields.concat()
}

/// Takes a reply's payload apart; `None` if it is too short, or of a kind that this version does not know.
pub(super) fn split_reply(payload: &Bytes) -> Option<FramedReply> {
    let (&kind, rest) = payload.split_first()?;
    let (number, rest) = rest.split_first_chunk()?;
    let (fetched_at, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let length = usize::from(u16::from_le_bytes(*length));
    let cursor = std::str::from_utf8(rest.get(..length)?).ok()?;
    Some(FramedReply {
        kind: (kind == ReplyKind::Page as u8).then_some(ReplyKind::Page)?,
        number: u64::from_le_bytes(*number),
        fetched_at: DateTime::from_timestamp_micros(i64::from_le_bytes(*fetched_at))?,
        cursor: Cursor::after(cursor).unwrap_or_default(),
        body: payload.slice(REPLY_HEAD + length..),
    })
}
