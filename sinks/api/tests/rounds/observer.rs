//! An observer of the place, which knows only what a reader knows: the names, the manifest, the
//! marker, the checksums.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::list::List;

/// Without a lock, a list that is replaced is looked at again this often.
const LOOKS: u32 = 400;
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);
/// The time between two looks at a marker, while publishers are at work.
const BETWEEN_MARKERS: Duration = Duration::from_micros(30);

/// What an observer sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Observation {
    /// The pipeline and the begin of the manifest there.
    pub(crate) manifest: Option<(String, String)>,
    pub(crate) has_marker: bool,
    /// Why the list is not whole.
    pub(crate) problem: Option<String>,
}

impl Observation {
    pub(crate) fn is_whole(&self) -> bool {
        self.manifest.is_some() && self.problem.is_none()
    }

    /// Returns whether a whole list of the owner of `list` is there, this one or a newer one.
    pub(crate) fn serves(&self, list: &List) -> bool {
        let begun_at = instant(list);
        self.is_whole()
            && self.manifest.as_ref().is_some_and(|(pipeline, begun)| *pipeline == list.pipeline && *begun >= begun_at)
    }
}

/// Returns the begin of a list in a fixed width, so that a later one is a greater text.
pub(crate) fn instant(list: &List) -> String {
    list.begun_at().format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// Looks at the place of `list`: under its lock, so that no publisher is between two steps; or else
/// again and again, until what is there serves the list.
pub(crate) fn observe(list: &List, is_locked: bool) -> Observation {
    if is_locked {
        return under_the_lock(&list.names().2, || look(list));
    }
    let mut seen = look(list);
    for _ in 0..LOOKS {
        if seen.serves(list) {
            break;
        }
        thread::sleep(BETWEEN_LOOKS);
        seen = look(list);
    }
    seen
}

fn under_the_lock<T>(path: &Path, look: impl FnOnce() -> T) -> T {
    loop {
        let file: File = OpenOptions::new().write(true).create(true).truncate(false).open(path).unwrap();
        file.lock().unwrap();
        if fs::metadata(path).is_ok_and(|found| found.ino() == file.metadata().unwrap().ino()) {
            let seen = look();
            fs::remove_file(path).unwrap();
            return seen;
        }
    }
}

/// Looks at the place of a list, without a lock.
pub(crate) fn look(list: &List) -> Observation {
    let (manifest_name, marker_name, _) = list.names();
    let folder = list.folder();
    let marker = fs::read(folder.join(marker_name)).ok();
    let mut seen = Observation { manifest: None, has_marker: marker.is_some(), problem: None };
    let Ok(text) = fs::read(folder.join(manifest_name)) else {
        seen.problem = Some("there is no manifest".to_owned());
        return seen;
    };
    let manifest: Value = serde_json::from_slice(&text).unwrap_or_default();
    let begun_at = manifest["begun_at"].as_str().unwrap_or_default();
    let begun_at: chrono::DateTime<chrono::Utc> = begun_at.parse().unwrap_or_default();
    let begun_at = begun_at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
    seen.manifest = Some((manifest["pipeline"].as_str().unwrap_or_default().to_owned(), begun_at));
    seen.problem = problem(&folder, &text, &manifest, marker.as_deref());
    seen
}

/// Looks at a single file again and again until `is_over`; returns how often a marker was there all
/// the time of a look, and what was wrong with the list under it.
pub(crate) fn watch_marker(list: &List, is_over: &AtomicBool) -> (u64, Vec<String>) {
    let (manifest_name, marker_name, _) = list.names();
    let (folder, marker) = (list.folder(), list.folder().join(marker_name));
    let (mut looks, mut problems) = (0, Vec::new());
    while !is_over.load(Ordering::Relaxed) {
        thread::sleep(BETWEEN_MARKERS);
        let Ok(mut file) = File::open(&marker) else { continue };
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        let text = fs::read(folder.join(manifest_name)).unwrap_or_default();
        let manifest = serde_json::from_slice(&text).unwrap_or_default();
        let problem = problem(&folder, &text, &manifest, Some(&content));
        // The open file keeps its number, so another marker has another one.
        let numbers = |found: &Metadata| (found.dev(), found.ino());
        let stayed = fs::metadata(&marker).is_ok_and(|found| numbers(&found) == numbers(&file.metadata().unwrap()));
        if stayed {
            looks += 1;
            problems.extend(problem);
        }
    }
    (looks, problems)
}

fn problem(folder: &Path, text: &[u8], manifest: &Value, marker: Option<&[u8]>) -> Option<String> {
    let files = manifest["files"].as_array().cloned().unwrap_or_default();
    for file in &files {
        let name = file["path"].as_str().unwrap_or_default();
        let Ok(content) = fs::read(folder.join(name)) else { return Some(format!("`{name}` is missing")) };
        if file["bytes"] != content.len() || file["sha256"] != hexadecimal(&content) {
            return Some(format!("`{name}` is another file"));
        }
    }
    let Some(marker) = marker else { return Some("there is no marker".to_owned()) };
    let marker: Value = serde_json::from_slice(marker).unwrap_or_default();
    if marker["manifest_sha256"] != hexadecimal(text) {
        return Some("the marker is another one".to_owned());
    }
    (files.is_empty()).then(|| "there are no files".to_owned())
}

fn hexadecimal(content: &[u8]) -> String {
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(u32::from(digit), 16).unwrap());
    Sha256::digest(content).iter().flat_map(digits).collect()
}
