//! The contents of a walk's file: its pages and its end, from the first frame to the last that
//! fits.
//!
//! Before it: frames as [`frame`](super::frame) reads them. Behind it: [`Journal`](super::Journal)
//! appends to them; `status` shows how far the walk has come.

use std::fs::File;
use std::io;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::frame::{self, Found, Kind, ReplyKind};
use super::record::End;
use crate::wechat::{Chain, Link, PageReply, summarize};

/// What the file of a walk holds, without the bodies of its pages.
#[derive(Debug, Default)]
pub struct Contents {
    /// The bytes of all frames that fit: the offset of the next frame.
    pub(super) length: u64,
    /// The offset of each page's frame.
    pub(super) offsets: Vec<u64>,
    pub(super) chain: Chain,
    pub(super) openids: u64,
    pub(super) first_fetched_at: Option<DateTime<Utc>>,
    pub(super) last_fetched_at: Option<DateTime<Utc>>,
    pub(super) end: Option<End>,
}

impl Contents {
    /// Reads a file from its first frame to the last that fits. The text says what is wrong with
    /// the frame after it; `None` if the file ends there.
    pub(super) fn read(file: &File) -> io::Result<(Self, Option<String>)> {
        let file_length = file.metadata()?.len();
        let mut contents = Self::default();
        let misfit = loop {
            match frame::read(file, contents.length, file_length)? {
                Found::Nothing => return Ok((contents, None)),
                Found::Torn => break "its last frame is cut off".to_owned(),
                Found::Altered => break format!("a frame at byte {} was altered", contents.length),
                Found::Frame(kind, payload) => match contents.add(kind, &payload) {
                    Ok(()) => contents.length += (frame::PREFIX + payload.len()) as u64,
                    Err(what) => break what,
                },
            }
        };
        Ok((contents, Some(misfit)))
    }

    /// Returns whether a reply follows the header of a file: a page that fits, or the end of an
    /// empty list.
    pub(super) fn have_reply(file: &File) -> io::Result<bool> {
        let file_length = file.metadata()?.len();
        let mut contents = Self::default();
        for _ in 0..2 {
            let Found::Frame(kind, payload) = frame::read(file, contents.length, file_length)? else {
                return Ok(false);
            };
            if contents.add(kind, &payload).is_err() {
                return Ok(false);
            }
            contents.length += (frame::PREFIX + payload.len()) as u64;
        }
        Ok(true)
    }

    /// Adds the frame that was read, or returns what is wrong with it.
    fn add(&mut self, kind: Kind, payload: &Bytes) -> Result<(), String> {
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
                let number = self.pages() + 1;
                let reply = frame::split_reply(payload).ok_or_else(|| format!("page {number} is too short"))?;
                if (reply.kind, reply.number) != (ReplyKind::Page, number) {
                    return Err(format!("page {number} is in another page's place"));
                }
                let Ok(PageReply::Page(summary)) = summarize(&reply.body) else {
                    return Err(format!("page {number} is not a page of a list"));
                };
                if !self.chain.extend(Link { cursor: reply.cursor, next: summary.next, page: number }) {
                    return Err(format!("page {number} does not follow from an earlier one"));
                }
                self.add_page(self.length, reply.fetched_at, summary.openids);
                Ok(())
            }
        }
    }

    /// Adds a page whose frame begins at `offset`.
    pub(super) fn add_page(&mut self, offset: u64, fetched_at: DateTime<Utc>, openids: u64) {
        self.offsets.push(offset);
        self.openids += openids;
        self.first_fetched_at.get_or_insert(fetched_at);
        self.last_fetched_at = Some(fetched_at);
    }

    /// Returns the number of pages.
    pub fn pages(&self) -> u64 {
        self.offsets.len() as u64
    }

    /// Returns the number of `OpenID`s in the pages, repeated ones included.
    pub fn openids(&self) -> u64 {
        self.openids
    }

    /// Returns when the last page was fetched; `None` if there is no page.
    pub fn last_fetched_at(&self) -> Option<DateTime<Utc>> {
        self.last_fetched_at
    }

    /// Returns the accepted end; `None` while the walk is open.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }
}
