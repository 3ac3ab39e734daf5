//! Files and folders that only their owner may read, and that are whole or absent.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::error::JournalError;

/// Creates a folder and those above it, for the owner only: the state names followers.
pub(super) fn create_folder(path: &Path) -> Result<(), JournalError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(JournalError::io("create the folder", path))
}

/// Opens a file for reading and writing, for the owner only, and creates it if it is missing.
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

/// Makes the names in a folder durable.
pub(super) fn sync_folder(path: &Path) -> Result<(), JournalError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(JournalError::io("sync the folder", path))
}

/// Writes a record as JSON.
pub(super) fn to_json(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).expect("records have string keys and no failing `Serialize`");
    text.push(b'\n');
    text
}

/// A record as it lies in its file. A frame of the journal has its checksum before it; a record is for people as well,
/// and so it has it as a key.
#[derive(Serialize, Deserialize)]
struct Sealed {
    /// Of the record's text, in hexadecimal.
    crc32c: String,
    record: Box<RawValue>,
}

fn checksum(record: &RawValue) -> String {
    format!("{:08x}", crc32c::crc32c(record.get().as_bytes()))
}

/// Writes a record to a file of its own so that, whatever happens, either the whole of it is there or nothing.
pub(super) fn write_record(path: &Path, value: &impl Serialize) -> Result<(), JournalError> {
    let text = String::from_utf8(to_json(value)).expect("JSON is text");
    let record = RawValue::from_string(text).expect("what was just written as JSON is JSON");
    write_file(path, &to_json(&Sealed { crc32c: checksum(&record), record }))
}

/// Writes a file so that, whatever happens, either the whole of it is there or what was there before.
pub(super) fn write_file(path: &Path, text: &[u8]) -> Result<(), JournalError> {
    let temporary = path.with_extension("tmp");
    let file = open_file(&temporary)?;
    file.set_len(0)
        .and_then(|()| (&file).write_all(text))
        .and_then(|()| file.sync_all())
        .map_err(JournalError::io(format!("write {} bytes to", text.len()), &temporary))?;
    std::fs::rename(&temporary, path).map_err(JournalError::io("rename into place", path))?;
    sync_folder(path.parent().expect("a file lies in a folder"))
}

/// Reads a record; none if there is no such file.
pub(super) fn read_record<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, JournalError> {
    let Some(sealed) = read_json::<Sealed>(path)? else { return Ok(None) };
    if checksum(&sealed.record) != sealed.crc32c {
        let what = "its checksum is not that of its text".to_owned();
        return Err(JournalError::Record { path: path.to_owned(), what });
    }
    parse(path, sealed.record.get().as_bytes()).map(Some)
}

/// Reads a JSON file; none if there is no such file.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, JournalError> {
    match std::fs::read(path) {
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
