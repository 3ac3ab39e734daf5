//! Files and folders that only their owner may read, and that are whole or absent.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::JournalError;

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

/// Writes a JSON file so that, whatever happens, either the whole of it is there or nothing.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), JournalError> {
    let temporary = path.with_extension("tmp");
    let text = to_json(value);
    let file = open_file(&temporary)?;
    file.set_len(0)
        .and_then(|()| (&file).write_all(&text))
        .and_then(|()| file.sync_all())
        .map_err(JournalError::io("write", &temporary))?;
    std::fs::rename(&temporary, path).map_err(JournalError::io("rename into place", path))?;
    sync_folder(path.parent().expect("a record lies in a folder"))
}

/// Reads a JSON file; none if there is no such file.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, JournalError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(JournalError::io("read", path)(error)),
    };
    serde_json::from_slice(&text).map(Some).map_err(|error| JournalError::Damaged {
        path: path.to_owned(),
        what: format!("it is no record of fanout: {error}"),
    })
}
