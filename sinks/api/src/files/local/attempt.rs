//! The staging of one attempt at a list: a folder of its own, named after list, host and process,
//! and held by a lock while it is used.
//!
//! ```text
//! app_id=wx1,list=followers,host=etl-1,process=4711,attempt=1.lock
//!                    held while the folder is used; its line notes the place of the list, for
//!                    another process that gives back what came out of it
//! app_id=wx1,list=followers,host=etl-1,process=4711,attempt=1/
//!     list/          the list while it is written, until its commit
//!     publishing/    the same list during its commit; then what came out of the place of the list
//!     replaced/      what was moved aside, on a file system that cannot exchange two folders
//! ```
//!
//! The fewer names a list takes and gives back, the better: some file systems (ext4 without a
//! journal) pass over each name that was removed in the last minutes whenever one is made.
//!
//! Before it: `files`. Behind it: `lock_file`, `steps`, and `giving_back`.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use super::giving_back::{PUBLISHING, PlaceNote, REPLACED, give_back};
use super::likeness::create_like;
use super::lock_file::{LockFile, Tried};
use super::reading::{names_in, parent};
use super::steps::{Renamed, TRIES, create_folders, remove_folder, rename_to_free, sync_folder};
use super::target::Target;
use crate::error::SinkError;
use crate::files::error::io_error;
use crate::files::layout::sanitise;

/// The end of the name of a lock file.
const LOCK: &str = ".lock";
/// The end of the name under which a folder is removed: a process that still uses it no longer
/// finds it, and fails.
const REMOVED: &str = "~old";
/// What an attempt's folder holds, besides what is given back.
const LIST: &str = "list";

/// A list of one owner: where it is staged and as what, and its walk. Two states may give one name
/// to two walks, so the instant belongs to it.
type Key = (PathBuf, String, Option<DateTime<Utc>>);

/// The locks of the attempts of this process.
///
/// A sink has one owner, and the engine opens a list again only after an attempt has failed. So the
/// next attempt of this process at the same list takes the lock away from an attempt that was
/// leaked.
static HELD: Mutex<BTreeMap<Key, (PathBuf, LockFile)>> = Mutex::new(BTreeMap::new());

/// The number of the last attempt of this process.
static ATTEMPTS: AtomicU64 = AtomicU64::new(0);

/// The staging of one attempt.
#[derive(Debug)]
pub(super) struct Attempt {
    folder: PathBuf,
    key: Key,
    note: PlaceNote,
    /// The deepest folder on the path to staging that existed before. The folders below it were
    /// made for staging, and are removed with it.
    floor: PathBuf,
}

impl Attempt {
    /// Removes the staging of this list that no process uses. An earlier attempt of this process at
    /// the same list counts as ended.
    pub(super) fn sweep(target: &Target) -> Result<(), SinkError> {
        drop(held().remove(&key(target)));
        sweep(target)?;
        remove_empty_folders(target, target.staging_root());
        Ok(())
    }

    /// Makes a folder for this attempt.
    pub(super) fn open(target: &Target) -> Result<Self, SinkError> {
        let floor = nearest_folder(target.staging_root());
        let (staging, key, note) = (target.staging(), key(target), PlaceNote::of(target)?);
        for _ in 0..TRIES {
            create_folders(staging)?;
            let folder = staging.join(attempt_name(target));
            let lock_path = lock_of(&folder);
            let lock = match LockFile::try_take(&lock_path) {
                Ok(Tried::Locked(lock)) => Some(lock),
                Ok(Tried::NoLocks) => None,
                Ok(Tried::Busy) => continue,
                // Another process has removed its staging, and the empty folders above it.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(io_error("lock", &lock_path, error)),
            };
            match fs::create_dir(&folder) {
                Ok(()) => {}
                Err(error) if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotFound) => continue,
                Err(error) => return Err(io_error("create the folder", &folder, error)),
            }
            if let Some(mut lock) = lock {
                lock.note(&note.line()).map_err(|error| io_error("write", &lock_path, error))?;
                held().insert(key.clone(), (folder.clone(), lock));
            }
            let attempt = Self { folder, key, note, floor };
            return match create_like(target, &attempt.list()) {
                Ok(()) => Ok(attempt),
                Err(error) => Err(attempt.explain(error, SinkError::temporary)),
            };
        }
        let message = format!("no folder for staging can be made in `{}`", staging.display());
        Err(SinkError::temporary(message).with_hint("other processes make and remove folders there all the time"))
    }

    /// Returns the folder of the list until its commit.
    pub(super) fn list(&self) -> PathBuf {
        self.folder.join(LIST)
    }

    /// Returns the name of this attempt, which no other one has.
    pub(super) fn name(&self) -> String {
        self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Returns the folder of the list during its commit.
    pub(super) fn publishing(&self) -> PathBuf {
        self.folder.join(PUBLISHING)
    }

    /// Returns the folder for what is moved aside.
    pub(super) fn replaced(&self) -> PathBuf {
        self.folder.join(REPLACED)
    }

    /// Returns what an error of this attempt means, if its folder is gone: an error that `make`
    /// makes.
    pub(super) fn explain(&self, error: SinkError, make: fn(String) -> SinkError) -> SinkError {
        if self.folder.exists() {
            return error;
        }
        make(format!("another process has removed the staging in `{}`", self.folder.display()))
            .with_source(error)
            .with_hint("if hosts share this file system without sharing its locks, let one of them publish")
    }

    /// Moves the list to where it is during its commit, if it is not there yet.
    pub(super) fn begin_commit(&self) -> Result<PathBuf, SinkError> {
        let publishing = self.publishing();
        let list = self.list();
        if list.exists() && !matches!(rename_to_free(&list, &publishing), Ok(Renamed::Done)) {
            move_files(&list, &publishing)?;
        }
        Ok(publishing)
    }

    /// Removes this attempt, with every folder that was made for it.
    pub(super) fn discard(&self, target: &Target) -> Result<(), SinkError> {
        clear(&self.folder, Some(&self.note), target)?;
        if let Some(lock) = self.take_lock() {
            lock.remove();
        }
        remove_empty_folders(target, &self.floor);
        Ok(())
    }

    /// Takes the lock out of the list of locks; `None` if the attempt has none any more.
    fn take_lock(&self) -> Option<LockFile> {
        let mut held = held();
        let is_mine = held.get(&self.key).is_some_and(|(folder, _)| *folder == self.folder);
        if is_mine { held.remove(&self.key).map(|(_, lock)| lock) } else { None }
    }
}

impl Drop for Attempt {
    /// Releases the lock. The staging of an attempt that was not discarded stays, and the next
    /// `open` removes it.
    fn drop(&mut self) {
        drop(self.take_lock());
    }
}

fn key(target: &Target) -> Key {
    let context = target.context();
    (target.staged_path(), context.walk.to_string(), context.begun_at)
}

fn held() -> MutexGuard<'static, BTreeMap<Key, (PathBuf, LockFile)>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the name of another attempt of this process.
fn attempt_name(target: &Target) -> String {
    let system = rustix::system::uname();
    let host = sanitise(&system.nodename().to_string_lossy());
    let number = ATTEMPTS.fetch_add(1, Ordering::Relaxed) + 1;
    format!("{}host={host},process={},attempt={number}", target.staged_as(), std::process::id())
}

fn lock_of(folder: &Path) -> PathBuf {
    let mut path = folder.as_os_str().to_owned();
    path.push(LOCK);
    path.into()
}

/// Removes what no process uses. What cannot be removed is logged: it harms no other attempt.
fn sweep(target: &Target) -> Result<(), SinkError> {
    let staging = target.staging();
    if !staging.is_dir() {
        return Ok(());
    }
    let names = match names_in(staging) {
        Err(_) if !staging.exists() => return Ok(()),
        names => names?,
    };
    for name in names.iter().filter(|name| name.starts_with(target.staged_as())) {
        // Without its folder, a lock file was left between the two steps of making or removing.
        let folder = staging.join(name.strip_suffix(LOCK).unwrap_or(name));
        if name.ends_with(LOCK) && folder.exists() {
            continue;
        }
        let lock_path = lock_of(&folder);
        let lock = match LockFile::try_take(&lock_path) {
            Ok(Tried::Locked(lock)) => lock,
            Ok(Tried::NoLocks) => {
                let staging = folder.display();
                tracing::warn!(%staging, "left as it is, because this file system has no locks; remove it if no run uses it");
                continue;
            }
            Ok(Tried::Busy) => continue,
            Err(error) => {
                tracing::warn!(%error, staging = %folder.display(), "old staging cannot be locked");
                continue;
            }
        };
        match PlaceNote::read(&lock_path).and_then(|note| clear(&folder, note.as_ref(), target)) {
            Ok(()) => lock.remove(),
            Err(error) => tracing::warn!(%error, staging = %folder.display(), "old staging could not be removed"),
        }
    }
    Ok(())
}

/// Gives back what an attempt has taken from others, and removes its folder. `note` is that of the
/// attempt, if it has one.
fn clear(folder: &Path, note: Option<&PlaceNote>, target: &Target) -> Result<(), SinkError> {
    // Nearly always the list was published, and nothing came out of its place.
    if fs::remove_dir(folder).is_ok() {
        return Ok(());
    }
    let mut name = folder.as_os_str().to_owned();
    if name.to_string_lossy().ends_with(REMOVED) {
        // Nothing was left to give back when it got this name, and a part of it may be gone.
        return remove_folder(folder);
    }
    give_back(folder, note, target)?;
    let has_come_out = [PUBLISHING, REPLACED].iter().any(|name| folder.join(name).exists());
    name.push(REMOVED);
    let removed = PathBuf::from(name);
    remove_folder(&removed)?;
    match fs::rename(folder, &removed) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        // A file system may move files and no folders.
        Err(_) => remove_folder(folder),
        Ok(()) => {
            // After a power failure, half of what came out of the place would be taken for
            // something foreign under the name that it had, and kept.
            if has_come_out {
                sync_folder(parent(folder))?;
            }
            remove_folder(&removed)
        }
    }
}

/// Moves the files of a folder one by one, on a file system that moves no folders.
pub(super) fn move_files(from: &Path, to: &Path) -> Result<(), SinkError> {
    // Not with the folders above it: if they are gone, another process has removed this staging.
    match fs::create_dir(to) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(io_error("create the folder", to, error)),
        _ => {}
    }
    for name in names_in(from)? {
        fs::rename(from.join(&name), to.join(&name)).map_err(|error| io_error("move", &from.join(&name), error))?;
    }
    remove_folder(from)
}

/// Removes the folders above an attempt that are empty and were made for staging.
fn remove_empty_folders(target: &Target, floor: &Path) {
    let root = target.staging_root();
    for folder in target.staging().ancestors() {
        let made_here = folder.starts_with(root) || (folder.starts_with(floor) && folder != floor);
        // A folder that is not empty is in use, by another attempt or a published list.
        if !made_here || fs::remove_dir(folder).is_err_and(|error| error.kind() != ErrorKind::NotFound) {
            break;
        }
    }
}

/// Returns the deepest folder of `path` that exists.
fn nearest_folder(path: &Path) -> PathBuf {
    path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(path).to_owned()
}
