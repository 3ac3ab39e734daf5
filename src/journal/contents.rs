//! How far a walk has come, as its file shows it.
//!
//! Before it: [`Frames`](super::frames::Frames) reads the file. Behind it: `status` shows it, and a
//! plan asks whether the end was read.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::Path;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::batch_index::BatchIndex;
use super::error::JournalError;
use super::frame::{FramedReply, ReplyKind};
use super::frames::{Frames, Index};
use super::page_index::PageIndex;
use super::record::{End, Header, Plan};
use super::tag_index::TagIndex;

/// What the file of a walk holds, without the bodies of its replies.
#[derive(Debug)]
pub struct Contents {
    frames: Frames,
    replies: Replies,
}

#[derive(Debug)]
enum Replies {
    Pages(PageIndex),
    Batches(Batches),
    /// With what the journals of the tags hold.
    Tags(Vec<Contents>),
}

/// The replies of a walk of batches.
#[derive(Debug)]
struct Batches {
    index: BatchIndex,
    /// The labels of the first replies, in the order of the file.
    first_labels: Vec<Bytes>,
    /// When the batches got their first reply, of the last [`LATEST`] that got one.
    latest: VecDeque<DateTime<Utc>>,
}

/// Replies around which a walk measures what a batch costs, and some more.
const FIRST: usize = 8;

/// Batches that tell how fast a walk is.
const LATEST: usize = 100;

impl Batches {
    fn new(plan: &Plan) -> Self {
        Self { index: BatchIndex::new(plan), first_labels: Vec::new(), latest: VecDeque::new() }
    }
}

impl Index for Batches {
    fn add(&mut self, offset: u64, reply: &FramedReply) -> Result<(), String> {
        let answered = self.index.answered();
        self.index.add(offset, reply)?;
        if reply.kind == ReplyKind::Batch && self.first_labels.len() < FIRST {
            self.first_labels.push(reply.label.clone());
        }
        if self.index.answered() > answered {
            if self.latest.len() == LATEST {
                self.latest.pop_front();
            }
            self.latest.push_back(reply.fetched_at);
        }
        Ok(())
    }
}

impl Contents {
    /// Reads the file of a walk with this header, up to the last frame that fits. Of a walk of tags
    /// it is the file of the replies about all tags; [`with_tags`](Self::with_tags) adds the
    /// others.
    pub(super) fn read(file: &File, header: &Header) -> io::Result<Self> {
        let (frames, replies) = match &header.plan {
            Some(plan) => {
                let mut batches = Batches::new(plan);
                (Frames::read(file, &mut batches)?.0, Replies::Batches(batches))
            }
            None if header.of_tags => (Frames::read(file, &mut TagIndex::default())?.0, Replies::Tags(Vec::new())),
            None => return Self::of_pages(file),
        };
        Ok(Self { frames, replies })
    }

    fn of_pages(file: &File) -> io::Result<Self> {
        let mut pages = PageIndex::default();
        Ok(Self { frames: Frames::read(file, &mut pages)?.0, replies: Replies::Pages(pages) })
    }

    /// Reads the file of a tag; `None` if there is none.
    pub(super) fn of_part(path: &Path) -> Result<Option<Self>, JournalError> {
        match File::open(path).and_then(|file| Self::of_pages(&file)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some).map_err(JournalError::io("read", path)),
        }
    }

    /// Adds what the journals of the tags hold.
    pub(super) fn with_tags(self, tags: Vec<Self>) -> Self {
        Self { replies: Replies::Tags(tags), ..self }
    }

    /// Returns whether a reply, copied rows or the end of an empty list follow the header of a
    /// walk.
    pub(super) fn have_reply(file: &File, header: &Header) -> io::Result<bool> {
        match &header.plan {
            Some(plan) => Frames::have_reply(file, &mut BatchIndex::new(plan)),
            None if header.of_tags => Frames::have_reply(file, &mut TagIndex::default()),
            None => Frames::have_reply(file, &mut PageIndex::default()),
        }
    }

    /// Returns the number of pages; 0 for a walk of batches.
    pub fn pages(&self) -> u64 {
        match &self.replies {
            Replies::Pages(pages) => pages.pages(),
            Replies::Batches(_) => 0,
            Replies::Tags(tags) => tags.iter().map(Self::pages).sum(),
        }
    }

    /// Returns the number of `OpenID`s in the pages, repeated ones included; 0 for a walk of
    /// batches.
    pub fn openids(&self) -> u64 {
        match &self.replies {
            Replies::Pages(pages) => pages.openids,
            Replies::Batches(_) => 0,
            Replies::Tags(tags) => tags.iter().map(Self::openids).sum(),
        }
    }

    /// Returns the number of batches with at least one reply; `None` for a walk of pages.
    pub fn answered(&self) -> Option<u64> {
        match &self.replies {
            Replies::Pages(_) | Replies::Tags(_) => None,
            Replies::Batches(batches) => Some(batches.index.answered()),
        }
    }

    /// Returns the number of rows that were copied from an earlier walk; `None` for a walk of
    /// pages.
    pub fn copied_rows(&self) -> Option<u64> {
        match &self.replies {
            Replies::Pages(_) | Replies::Tags(_) => None,
            Replies::Batches(batches) => Some(batches.index.copied_rows()),
        }
    }

    /// Returns the labels of the first replies of a walk of batches; none for a walk of pages.
    pub fn first_labels(&self) -> &[Bytes] {
        match &self.replies {
            Replies::Pages(_) | Replies::Tags(_) => &[],
            Replies::Batches(batches) => &batches.first_labels,
        }
    }

    /// Returns how many batches got their first reply in a second, of the latest that got one;
    /// `None` before the second one, and for a walk of pages.
    pub fn batches_per_second(&self) -> Option<f64> {
        let Replies::Batches(Batches { latest, .. }) = &self.replies else { return None };
        let seconds = (*latest.back()? - *latest.front()?).as_seconds_f64();
        (seconds > 0.0).then(|| (latest.len() - 1) as f64 / seconds)
    }

    /// Returns when the last reply was fetched; `None` if there is none.
    pub fn last_fetched_at(&self) -> Option<DateTime<Utc>> {
        let tags = match &self.replies {
            Replies::Tags(tags) => &tags[..],
            _ => &[],
        };
        tags.iter().map(Self::last_fetched_at).fold(self.frames.last_fetched_at, Option::max)
    }

    /// Returns the accepted end; `None` while the walk is open.
    pub fn end(&self) -> Option<&End> {
        self.frames.end.as_ref()
    }
}
