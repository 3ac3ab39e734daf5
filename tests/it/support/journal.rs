//! Reads walks on disk with code of its own: the length and kind of each frame, the records beside
//! them.

use std::fs;
use std::path::{Path, PathBuf};

use super::four_sinks::APP_ID;
use super::project::Project;

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

/// Returns the walks of the account of [`super::four_sinks`], oldest first.
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

/// Returns how many sinks have their commit record.
pub(crate) fn commits(walk: &Path) -> usize {
    // A run may be changing the folder.
    let entries = fs::read_dir(walk.join("commits")).into_iter().flatten().flatten();
    entries.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "json")).count()
}

/// Alters a record as its writer would write it: with the checksum of the altered text.
pub(crate) fn forge(path: &Path, alter: impl FnOnce(&str) -> String) {
    let text = fs::read_to_string(path).unwrap();
    let (_, record) = text.split_once("\"record\": ").unwrap();
    let record = alter(record.trim_end().strip_suffix('}').unwrap().trim_end());
    let checksum = crc32c::crc32c(record.as_bytes());
    fs::write(path, format!("{{\"crc32c\":\"{checksum:08x}\",\"record\":{record}}}")).unwrap();
}
