//! Reads the walks on a disk with code of its own, and asserts of each that what must be whole is.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// A walk, as it lies on the disk.
pub(super) struct Walk {
    pub(super) name: String,
    pub(super) is_decided: bool,
    /// The sinks that have a commit record.
    pub(super) committed: Vec<String>,
}

impl Walk {
    pub(super) fn has_commit_of(&self, sink: &str) -> bool {
        self.committed.iter().any(|committed| committed == sink)
    }
}

/// Returns the walks in the folder of a list, oldest first. Asserts that the records can be read,
/// and that a decided walk is whole.
pub(super) fn walks(folder: &Path) -> Vec<Walk> {
    let mut walks = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.ends_with('Z') {
            continue;
        }
        let is_decided = path.join("decision.json").exists();
        if is_decided {
            record_in(&path.join("decision.json"));
            assert!(is_whole(&path.join("pages")), "{name} is decided, and its journal is not whole");
            for part in fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()) {
                let is_of_tag = part.file_name().unwrap().to_string_lossy().starts_with("tag-");
                assert!(!is_of_tag || is_whole(&part.join("pages")), "{} is decided, and not whole", part.display());
            }
        }
        let records = fs::read_dir(path.join("commits")).into_iter().flatten().map(|entry| entry.unwrap().path());
        let records = records.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
        let sink = |path: PathBuf| record_in(&path)["sink"].as_str().unwrap().to_owned();
        let committed: Vec<String> = records.map(sink).collect();
        assert!(is_decided || committed.is_empty(), "{name} has commit records, and no decision");
        walks.push(Walk { name, is_decided, committed });
    }
    walks.sort_by(|one, other| one.name.cmp(&other.name));
    walks
}

/// Reads a record, and asserts that it is what was written.
fn record_in(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    let sealed: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {}", path.display()));
    let (_, record) = text.split_once("\"record\": ").unwrap();
    let record = record.trim_end().strip_suffix('}').unwrap().trim_end();
    assert_eq!(sealed["crc32c"], format!("{:08x}", crc32c::crc32c(record.as_bytes())), "{}", path.display());
    sealed["record"].clone()
}

/// Returns whether each frame of a journal is what was written, and the last one is the end.
fn is_whole(pages: &Path) -> bool {
    const END: u8 = 3;
    let bytes = fs::read(pages).unwrap_or_default();
    let mut rest = &bytes[..];
    let mut last = 0;
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let length = u32::from_le_bytes(*length) as usize;
        let Some((&kind, behind)) = behind.split_first() else { return false };
        let Some((checksum, behind)) = behind.split_first_chunk::<4>() else { return false };
        let Some((payload, behind)) = behind.split_at_checked(length) else { return false };
        if crc32c::crc32c_append(crc32c::crc32c(&[kind]), payload) != u32::from_le_bytes(*checksum) {
            return false;
        }
        (last, rest) = (kind, behind);
    }
    last == END
}

/// Returns the walk of the list that this file belongs to, as its manifest has it.
pub(super) fn walk_of(file: &Path) -> String {
    let manifests = fs::read_dir(file.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let mut manifests = manifests.filter(|path| path.to_string_lossy().ends_with("manifest.json"));
    let manifest: Value = serde_json::from_slice(&fs::read(manifests.next().unwrap()).unwrap()).unwrap();
    manifest["walk"].as_str().unwrap().to_owned()
}
