//! What a test can tell of a walk on disk, read apart from the program: the length of each frame, and its kind.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::Project;

use super::APP_ID;

/// Length (4 bytes), kind (1), checksum (4).
const PREFIX: usize = 9;
const PAGE: u8 = 2;
const END: u8 = 3;

/// A frame of a journal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// Where the next one begins.
    pub(crate) end: usize,
    pub(crate) is_page: bool,
    is_end: bool,
}

/// Returns the whole frames of a journal.
pub(crate) fn frames(bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut start = 0;
    while let Some(&[a, b, c, d, kind, ..]) = bytes.get(start..start + PREFIX) {
        let end = start + PREFIX + u32::from_le_bytes([a, b, c, d]) as usize;
        if end > bytes.len() {
            break;
        }
        frames.push(Frame { end, is_page: kind == PAGE, is_end: kind == END });
        start = end;
    }
    frames
}

/// Returns whether a walk has been read to its end.
pub(crate) fn has_end(walk: &Path) -> bool {
    let bytes = fs::read(walk.join("pages")).unwrap_or_default();
    frames(&bytes).last().is_some_and(|frame| frame.is_end)
}

/// Returns the walks of the account, oldest first.
pub(crate) fn walks(project: &Project) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(project.path("state").join(APP_ID).join("followers")) else { return Vec::new() };
    let mut walks: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    walks.retain(|path| path.to_string_lossy().ends_with('Z'));
    walks.sort();
    walks
}

/// Returns the walk that follows `older` ones.
pub(crate) fn current_walk(project: &Project, older: usize) -> Option<PathBuf> {
    walks(project).into_iter().nth(older)
}
