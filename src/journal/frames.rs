//! The frames of a walk's file, from the first to the last that fits.
//!
//! Before it: frames as [`frame`] reads them. Behind it: [`WalkFile`](super::walk_file::WalkFile)
//! appends to them; [`Contents`](super::Contents) says how far the walk has come.

use std::fs::File;
use std::io;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::frame::{self, Found, FramedReply, Kind, ReplyKind};
use super::record::End;

/// What is known of the replies in a file without their bodies.
pub(super) trait Index {
    /// Adds the reply whose frame begins at `offset`, or returns what is wrong with it.
    fn add(&mut self, offset: u64, reply: &FramedReply) -> Result<(), String>;
}

/// The frames of a file from the first to the last that fits, replies aside.
#[derive(Clone, Debug, Default)]
pub(super) struct Frames {
    pub(super) count: usize,
    /// The bytes of the frames: the offset of the next one.
    pub(super) length: u64,
    pub(super) first_fetched_at: Option<DateTime<Utc>>,
    pub(super) last_fetched_at: Option<DateTime<Utc>>,
    pub(super) end: Option<End>,
}

impl Frames {
    /// Reads a file from its first frame to the last that fits, and adds its replies to `index`.
    /// The text says what is wrong with the frame after it; `None` if the file ends there.
    pub(super) fn read(file: &File, index: &mut impl Index) -> io::Result<(Self, Option<String>)> {
        Self::read_some(file, index, usize::MAX)
    }

    /// Returns whether a frame that fits follows the header of a file: a reply, or the end of an
    /// empty list.
    pub(super) fn have_reply(file: &File, index: &mut impl Index) -> io::Result<bool> {
        let (frames, _misfit) = Self::read_some(file, index, 2)?;
        Ok(frames.count == 2)
    }

    /// As [`read`](Self::read), but at most `most` frames.
    fn read_some(file: &File, index: &mut impl Index, most: usize) -> io::Result<(Self, Option<String>)> {
        let file_length = file.metadata()?.len();
        let mut frames = Self::default();
        let misfit = loop {
            if frames.count == most {
                return Ok((frames, None));
            }
            match frame::read(file, frames.length, file_length)? {
                Found::Nothing => return Ok((frames, None)),
                Found::Torn => break "its last frame is cut off".to_owned(),
                Found::Altered => break format!("a frame at byte {} was altered", frames.length),
                Found::Frame(kind, payload) => match frames.add(kind, &payload, index) {
                    Ok(()) => {
                        frames.count += 1;
                        frames.length += (frame::PREFIX + payload.len()) as u64;
                    }
                    Err(what) => break what,
                },
            }
        };
        Ok((frames, Some(misfit)))
    }

    /// Adds the frame that was read, or returns what is wrong with it.
    fn add(&mut self, kind: Kind, payload: &Bytes, index: &mut impl Index) -> Result<(), String> {
        match kind {
            _ if self.end.is_some() => Err("a frame follows its end".to_owned()),
            Kind::Header if self.length == 0 => Ok(()),
            Kind::Header => Err("it has a second header".to_owned()),
            Kind::End => {
                let end =
                    serde_json::from_slice(payload).map_err(|error| format!("its end cannot be read: {error}"))?;
                self.end = Some(end);
                Ok(())
            }
            Kind::Reply => {
                let reply = frame::split_reply(payload)
                    .ok_or_else(|| format!("the reply at byte {} is too short, or of an unknown kind", self.length))?;
                index.add(self.length, &reply)?;
                self.add_time(reply.kind, reply.fetched_at);
                Ok(())
            }
        }
    }

    /// Counts in when a reply was fetched. Pages follow each other; batches arrive in any order.
    /// The times of copied rows are those of another walk, and elements have none.
    pub(super) fn add_time(&mut self, kind: ReplyKind, at: DateTime<Utc>) {
        let (first, last) = match kind {
            ReplyKind::Page | ReplyKind::Tags => (self.first_fetched_at.unwrap_or(at), at),
            ReplyKind::Batch => (
                self.first_fetched_at.map_or(at, |first| first.min(at)),
                self.last_fetched_at.map_or(at, |last| last.max(at)),
            ),
            ReplyKind::Copied | ReplyKind::Elements => return,
        };
        (self.first_fetched_at, self.last_fetched_at) = (Some(first), Some(last));
    }
}
