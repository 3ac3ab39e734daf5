//! What the file of a walk holds: its pages and its end, from the first frame to the last that fits.

use std::fs::File;
use std::io;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::frame::{self, Found, Kind, ReplyKind};
use super::record::End;
use crate::wechat::{Chain, Link, PageReply, summarize};

/// What was found in the file of a walk.
#[derive(Debug, Default)]
pub struct Contents {
    /// Where the next frame goes.
    pub(super) length: u64,
    /// Where each page's frame begins.
    pub(super) offsets: Vec<u64>,
    pub(super) chain: Chain,
    pub(super) openids: u64,
    pub(super) first_fetched_at: Option<DateTime<Utc>>,
    pub(super) last_fetched_at: Option<DateTime<Utc>>,
    pub(super) end: Option<End>,
}

impl Contents {
    /// Reads a file from its first frame to the last that fits, and says what does not fit after it.
    pub(super) fn read(file: &File) -> io::Result<(Self, Option<String>)> {
        let file_length = file.metadata()?.len();
        let mut contents = Self::default();
        let misfit = loop {
            match frame::read(file, contents.length, file_length)? {
                Found::Nothing => return Ok((contents, None)),
                Found::Torn => break "its last frame is cut off".to_owned(),
                Found::Altered => break format!("a frame at byte {} was altered", contents.length),
                Found::Frame(kind, payload) => match contents.take_in(kind, &payload) {
                    Ok(()) => contents.length += (frame::PREFIX + payload.len()) as u64,
                    Err(what) => break what,
                },
            }
        };
        Ok((contents, Some(misfit)))
    }

    /// Takes a frame that was read into what is known of the walk, or says what does not fit.
    fn take_in(&mut self, kind: Kind, payload: &Bytes) -> Result<(), String> {
        match kind {
            _ if self.end.is_some() => Err("something follows its end".to_owned()),
            Kind::Header if self.length == 0 => Ok(()),
            Kind::Header => Err("it has a second header".to_owned()),
            Kind::End => {
                let end = serde_json::from_slice(payload).map_err(|error| format!("its end is no record: {error}"))?;
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
                    return Err(format!("page {number} is no page of a list"));
                };
                if !self.chain.extend(Link { cursor: reply.cursor, next: summary.next, page: number }) {
                    return Err(format!("page {number} does not follow from an earlier one"));
                }
                self.note_page(self.length, reply.fetched_at, summary.openids);
                Ok(())
            }
        }
    }

    /// Notes a page whose frame begins at `offset`.
    pub(super) fn note_page(&mut self, offset: u64, fetched_at: DateTime<Utc>, openids: u64) {
        self.offsets.push(offset);
        self.openids += openids;
        self.first_fetched_at.get_or_insert(fetched_at);
        self.last_fetched_at = Some(fetched_at);
    }

    /// Returns how many pages there are.
    pub fn pages(&self) -> u64 {
        self.offsets.len() as u64
    }

    /// Returns how many `OpenID`s the pages hold, repeated ones included.
    pub fn openids(&self) -> u64 {
        self.openids
    }

    /// Returns when the last page was fetched; `None` if there is no page.
    pub fn last_fetched_at(&self) -> Option<DateTime<Utc>> {
        self.last_fetched_at
    }

    /// Returns the accepted end; none while the walk is open.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }
}
