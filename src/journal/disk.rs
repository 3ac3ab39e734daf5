//! Files and folders that only their owner may read, and that are whole or absent.
//!
//! Before it: the other files of this module hand records in. Behind it: the file system.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use fanout_sink::files::{self, nearest_existing, sync_file};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::error::JournalError;

/// Creates a folder and its parents, for the owner only: the state names followers.
pub(super) fn create_folder(path: &Path) -> Result<(), JournalError> {
    let created = DirBuilder::new().recursive(true).mode(0o700).create(path);
    // A link to nothing on the path says more than "File exists".
    let explained = created.map_err(|error| nearest_existing(path).err().unwrap_or(error));
    explained.map_err(JournalError::io("create the folder", path))
}

/// Opens a file for reading and writing; creates it, for the owner only, if it is missing.
pub(super) fn open_file(path: &Path) -> Result<File, JournalError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(JournalError::io("open", path))
}

/// Returns the names in a folder, in no order; no name if there is no such folder.
pub(super) fn names(path: &Path) -> Result<Vec<String>, JournalError> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(JournalError::io("list", path))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(JournalError::io("list", path))?.file_name();
        names.extend(name.into_string().ok());
    }
    Ok(names)
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(path: &Path) -> Result<(), JournalError> {
    files::sync_folder(path).map_err(JournalError::io("sync the folder", path))
}

/// Writes a record as JSON.
pub(super) fn to_json(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).expect("records have string keys and no failing `Serialize`");
    text.push(b'\n');
    text
}

/// A record with its checksum, as a file holds them. People read records as well, so the checksum
/// is a key of the JSON, not a binary prefix as in the journal's frames.
#[derive(Serialize, Deserialize)]
struct Sealed {
    /// The checksum of the record's text, in hexadecimal.
    crc32c: String,
    record: Box<RawValue>,
}

fn checksum(record: &RawValue) -> String {
    format!("{:08x}", crc32c::crc32c(record.get().as_bytes()))
}

/// Writes a record to a file of its own. After a crash the file is whole or absent.
pub(super) fn write_record(path: &Path, value: &impl Serialize) -> Result<(), JournalError> {
    let text = String::from_utf8(to_json(value)).expect("JSON is text");
    let record = RawValue::from_string(text).expect("what was just written as JSON is JSON");
    write_file(path, &to_json(&Sealed { crc32c: checksum(&record), record }))
}

/// Writes a file. After a crash it holds the whole of `text`, or what it held before.
pub(super) fn write_file(path: &Path, text: &[u8]) -> Result<(), JournalError> {
    let temporary = path.with_extension("tmp");
    let file = open_file(&temporary)?;
    file.set_len(0)
        .and_then(|()| (&file).write_all(text))
        .and_then(|()| sync_file(&file))
        .map_err(JournalError::io(format!("write {} bytes to", text.len()), &temporary))?;
    fs::rename(&temporary, path).map_err(JournalError::io("rename into place", path))?;
    sync_folder(path.parent().expect("a file lies in a folder"))
}

/// Reads a record and checks its checksum; `None` if there is no such file.
pub(super) fn read_record<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, JournalError> {
    let Some(sealed) = read_json::<Sealed>(path)? else { return Ok(None) };
    if checksum(&sealed.record) != sealed.crc32c {
        let what = "its checksum is not that of its text".to_owned();
        return Err(JournalError::Record { path: path.to_owned(), what });
    }
    parse(path, sealed.record.get().as_bytes()).map(Some)
}

/// Reads a JSON file; `None` if there is no such file.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, JournalError> {
    match fs::read(path) {
        Ok(text) => parse(path, &text).map(Some),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(JournalError::io("read", path)(error)),
    }
}

fn parse<T: DeserializeOwned>(path: &Path, text: &[u8]) -> Result<T, JournalError> {
    serde_json::from_slice(text).map_err(|error| JournalError::Record {
        path: path.to_owned(),
        what: format!("it is no record of fanout ({error})"),
    })
}
