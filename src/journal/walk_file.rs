//! The file of a walk: frames are appended to it and checked when it is opened. A walk of pages and
//! a walk of batches share this.
//!
//! Before it: [`Journal`](super::Journal) and [`BatchJournal`](super::BatchJournal) append replies.
//! Behind it: [`frame`] and the file system.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use fanout_sink::WalkId;

use super::disk;
use super::error::JournalError;
use super::frame::{self, Kind, ReplyKind};
use super::frames::{Frames, Index};
use super::record::{COMMITS, End, Header, NEW, PAGES};
use super::walk_folder::{RecordedDecision, WalkFolder};
use super::walk_sync::WalkSync;

/// The file of a walk, open for reading and, until its end is appended, for more frames.
#[derive(Debug)]
pub struct WalkFile {
    folder: WalkFolder,
    file: Arc<File>,
    frames: Frames,
    sync: WalkSync,
}

impl WalkFile {
    /// Creates the file of a walk with its header, in a folder below `list` that is no walk until
    /// it is [shown](Self::show).
    pub(super) fn create(list: &Path, header: Header) -> Result<Self, JournalError> {
        let path = list.join(format!("{}{NEW}", header.walk));
        if path.exists() {
            fs::remove_dir_all(&path).map_err(JournalError::io("remove", &path))?;
        }
        disk::create_folder(&path.join(COMMITS))?;
        let file = Arc::new(disk::open_file(&path.join(PAGES))?);
        let json = disk::to_json(&header);
        let folder = WalkFolder { path, header, decision: None };
        let mut created = Self::new(folder, file, Frames::default());
        created.write(Kind::Header, &[&json])?;
        Ok(created)
    }

    /// Creates the file of a part of a walk, in `folder` below that of the walk, with the header of
    /// the walk; one that was there is written anew.
    pub(super) fn create_part(folder: WalkFolder) -> Result<(), JournalError> {
        disk::create_folder(&folder.path)?;
        let file = Arc::new(disk::open_file(&folder.path.join(PAGES))?);
        let json = disk::to_json(&folder.header);
        let mut created = Self::new(folder, file, Frames::default());
        created.file.set_len(0).map_err(JournalError::io("cut", &created.pages_path()))?;
        created.write(Kind::Header, &[&json])
    }

    fn new(folder: WalkFolder, file: Arc<File>, frames: Frames) -> Self {
        let sync = WalkSync::new(Arc::clone(&file), folder.path.clone());
        Self { folder, file, frames, sync }
    }

    /// Gives the folder the name of its walk, in one step with all frames that were written. The
    /// walk is durable after the next [`sync`](Self::sync), and at once if it has its end.
    pub(super) fn show(&mut self) -> Result<(), JournalError> {
        let path = self.folder.path.with_file_name(self.walk().to_string());
        fs::rename(&self.folder.path, &path).map_err(JournalError::io("rename into place", &path))?;
        self.sync.moved(path.clone());
        self.folder.path = path;
        // Nothing is appended to a walk that has its end already.
        if self.frames.end.is_some() { self.sync.run() } else { Ok(()) }
    }

    /// Removes the folder of a walk that was never shown; one that was shown stays.
    pub(super) fn discard(&self) {
        let is_shown = self.folder.path.ends_with(self.walk().to_string());
        if !is_shown && let Err(error) = fs::remove_dir_all(&self.folder.path) {
            tracing::debug!(%error, "a walk that has not begun is left to be pruned");
        }
    }

    /// Opens the file of a walk, checks each frame, and adds its replies to `index`. An undecided
    /// walk is cut at the first frame that does not fit.
    ///
    /// # Errors
    ///
    /// [`JournalError::Damaged`] if a frame of a decided walk does not fit; [`JournalError::Io`] if
    /// the file cannot be read.
    pub(super) fn open(folder: WalkFolder, index: &mut impl Index) -> Result<Self, JournalError> {
        let path = folder.path.join(PAGES);
        let file = Arc::new(disk::open_file(&path)?);
        let (frames, misfit) = Frames::read(&file, index).map_err(JournalError::io("read", &path))?;
        let is_decided = folder.decision.is_some();
        let missing = || (is_decided && frames.end.is_none()).then(|| "its end is missing".to_owned());
        if let Some(misfit) = misfit.or_else(missing) {
            if is_decided || frames.length == 0 {
                return Err(JournalError::Damaged { path: folder.path, what: misfit });
            }
            let replies = frames.count - 1;
            tracing::warn!(walk = folder.header.walk.to_string(), replies, "the journal is cut here: {misfit}");
            file.set_len(frames.length).map_err(JournalError::io("cut", &path))?;
        }
        // A power failure may have taken this folder and left the file beside it.
        if !is_decided && folder.path.ends_with(folder.header.walk.to_string()) {
            disk::create_folder(&folder.path.join(COMMITS))?;
        }
        let opened = Self::new(folder, file, frames);
        // The process that has appended the end may have been killed before its sync.
        if !is_decided && opened.frames.end.is_some() {
            opened.sync.run()?;
        }
        Ok(opened)
    }

    /// Appends a reply, and returns the offset of its frame. The file is unchanged if that fails.
    pub(super) fn append(
        &mut self,
        kind: ReplyKind,
        number: u64,
        fetched_at: DateTime<Utc>,
        label: &[u8],
        body: &[u8],
    ) -> Result<u64, JournalError> {
        assert!(self.frames.end.is_none(), "a reply after the end of the walk");
        let offset = self.frames.length;
        self.write(Kind::Reply, &[&frame::reply_head(kind, number, fetched_at, label), body])?;
        self.frames.add_time(kind, fetched_at);
        Ok(offset)
    }

    /// Appends the end of the walk. The walk is still open if that fails.
    pub(super) fn append_end(&mut self, end: End) -> Result<(), JournalError> {
        self.write(Kind::End, &[&disk::to_json(&end)])?;
        self.frames.end = Some(end);
        Ok(())
    }

    /// Appends a frame; the file is unchanged if that fails.
    fn write(&mut self, kind: Kind, parts: &[&[u8]]) -> Result<(), JournalError> {
        let start = self.frames.length;
        let prefix = frame::prefix(kind, parts);
        let written = std::iter::once(&prefix[..]).chain(parts.iter().copied()).try_fold(start, |offset, part| {
            self.file.write_all_at(part, offset)?;
            Ok(offset + part.len() as u64)
        });
        match written {
            Ok(end) => (self.frames.length, self.frames.count) = (end, self.frames.count + 1),
            Err(error) => {
                // Half a frame would hide the frames after it. If it cannot be cut off, the next
                // write begins at the same offset, and the next run cuts a torn end off.
                let _ = self.file.set_len(start);
                let bytes = prefix.len() + parts.iter().map(|part| part.len()).sum::<usize>();
                return Err(JournalError::io(format!("write {bytes} bytes to"), &self.pages_path())(error));
            }
        }
        Ok(())
    }

    /// Returns the sync that makes all frames durable that were appended before it runs.
    pub fn sync(&self) -> WalkSync {
        self.sync.clone()
    }

    /// Takes the decision, which is recorded.
    pub(super) fn decided(&mut self, RecordedDecision(decision): RecordedDecision) {
        self.folder.decision = Some(decision);
    }

    /// Returns a handle of the file.
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Returns the length of the file in bytes.
    pub fn bytes(&self) -> u64 {
        self.frames.length
    }

    pub(super) fn folder(&self) -> &WalkFolder {
        &self.folder
    }

    pub(super) fn walk(&self) -> WalkId {
        self.folder.header.walk
    }

    pub(super) fn frames(&self) -> &Frames {
        &self.frames
    }

    fn pages_path(&self) -> PathBuf {
        self.folder.path.join(PAGES)
    }
}
