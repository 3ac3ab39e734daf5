//! The commit of a list that is a single file.
//!
//! Three names change one by one: manifest, file, marker. Between two of these steps a process may
//! be killed, and another host may publish that shares no lock. So no list is published by its own
//! process alone. A list is *announced* first: a folder with its files takes one name in staging,
//! which one list at a time can have. Each publisher of the place finishes the announced list
//! before it looks at the place, also if another process has announced it.
//!
//! ```text
//! <root>.staging/file=list.txt~announced/host=etl-1,process=4711,attempt=1,announcement=1/
//!     _list.txt.manifest.json  list.txt  _list.txt.SUCCESS    until they take their names
//!     marker~old         the marker that came out of the place; an empty file if there was none
//!     announcement       what was in the place when the list was announced
//! ```
//!
//! Each step may be taken by several processes at the same time, and by one that was held up for
//! long: it moves a file out of the announced folder, or into it under a name that must be free.
//! The name of the folder is never used again. So after the end of an announcement nothing can be
//! moved any more, and a marker is never beside another file or manifest.
//!
//! Before it: `publishing`, which looks at the place before and after. Behind it: `steps`.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::attempt::move_files;
use super::place::{Place, Standing, shortened};
use super::publication::{Publication, lost};
use super::reading::{metadata, names_in, read};
use super::steps::{Renamed, remove_file, remove_folder, rename_to_free, sync_folder};
use crate::error::SinkError;
use crate::files::error::io_error;
use crate::files::part::sha256;

/// The ends of the name of the folder that holds an announced list. No layout makes a `~`.
const FOLDER_BEGIN: &str = "file=";
const FOLDER_END: &str = "~announced";
/// What the folder of an announced list holds besides its files.
const NOTE: &str = "announcement";
const OLD_MARKER: &str = "marker~old";

/// How often a marker is looked for that other processes take out at the same moment.
const LOOKS: usize = 3;

/// The number of the last announcement of this process.
static ANNOUNCEMENTS: AtomicU64 = AtomicU64::new(0);

/// What a publisher saw in the place: the digests of manifest and marker.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    manifest: Option<String>,
    marker: Option<String>,
}

/// What other processes must know of an announced list.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    /// The name of the file in its place.
    file: String,
    /// What the list replaces.
    seen: Seen,
    /// The folder of the list in staging, below the folder of all staging: the list goes back there
    /// if it cannot be published.
    staged: PathBuf,
}

/// The commit of a single file.
#[derive(Debug)]
pub(super) struct SingleFile<'a>(pub(super) &'a Publication<'a>);

impl SingleFile<'_> {
    /// Announces the list and finishes it, unless another list is announced, or the place is not as
    /// it was seen. Returns whether the list is published.
    pub(super) fn take(&self, standing: &Standing) -> Result<bool, SinkError> {
        let place = &self.0.place;
        let seen = match standing {
            Standing::List(found) => {
                Seen { manifest: Some(sha256(&found.manifest)), marker: found.marker.as_deref().map(sha256) }
            }
            Standing::Free => Seen { manifest: None, marker: digest(&place.marker())? },
        };
        if !self.announce(seen)? {
            return Ok(false);
        }
        self.finish_announced()?;
        Ok(metadata(&self.0.attempt.list())?.is_none())
    }

    /// Finishes the list that is announced for the place, if there is one.
    pub(super) fn finish_announced(&self) -> Result<(), SinkError> {
        let announced = self.announced();
        if metadata(&announced)?.is_none() {
            return Ok(());
        }
        let names = match names_in(&announced) {
            Err(_) if metadata(&announced)?.is_none() => return Ok(()),
            names => names?,
        };
        for name in names {
            let folder = announced.join(name);
            // A folder without a note was ended, or its process was killed before it was complete.
            match read(&folder.join(NOTE))?.and_then(|text| serde_json::from_slice(&text).ok()) {
                Some(note) => self.finish(&folder, &note)?,
                None => self.end(&folder)?,
            }
        }
        match fs::remove_dir(&announced).map_err(|error| (error.kind(), error)) {
            // The next list is announced already.
            Ok(()) | Err((ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty, _)) => Ok(()),
            Err((_, error)) => Err(io_error("remove the folder", &announced, error)),
        }
    }

    /// Returns the folder that holds the announced list. It depends on the place alone, because a
    /// layout without folders has its place in `root`.
    fn announced(&self) -> PathBuf {
        let file = self.0.place.single_file.as_deref().unwrap_or_default();
        let name = shortened(file, FOLDER_BEGIN.len() + FOLDER_END.len());
        self.0.target.staging_root().join(format!("{FOLDER_BEGIN}{name}{FOLDER_END}"))
    }

    /// Announces the list; returns whether no other list was announced.
    fn announce(&self, seen: Seen) -> Result<bool, SinkError> {
        let (list, attempt) = (self.0.attempt.list(), self.0.attempt);
        let staged = Place { folder: list.clone(), single_file: self.0.place.single_file.clone() };
        let head = &self.0.list.head;
        let has_file = head.files.iter().all(|file| {
            metadata(&list.join(&file.path)).is_ok_and(|found| found.is_some_and(|found| found.len() == file.bytes))
        });
        if !has_file || read(&staged.manifest())?.as_ref() != Some(&self.0.list.manifest) {
            return Err(lost(&staged));
        }
        let note = Note {
            file: staged.single_file.unwrap_or_default(),
            seen,
            staged: list.strip_prefix(self.0.target.staging_root()).unwrap_or(&list).to_owned(),
        };
        // A path that is not UTF-8 makes an empty note, and no other process finishes the list.
        let text = serde_json::to_vec(&note).unwrap_or_default();
        let note = list.join(NOTE);
        fs::write(&note, text).map_err(|error| io_error("write", &note, error))?;
        remove_file(&list.join(OLD_MARKER))?;

        let number = ANNOUNCEMENTS.fetch_add(1, Ordering::Relaxed) + 1;
        let name = format!("{},announcement={number}", attempt.name());
        let outer = attempt.publishing();
        remove_folder(&outer)?;
        // Not with the folders above it: if they are gone, another process has removed this
        // staging.
        fs::create_dir(&outer).map_err(|error| io_error("create the folder", &outer, error))?;
        let inner = outer.join(&name);
        move_folder(&list, &inner)?;
        // A folder replaces only an empty folder.
        let is_announced = match fs::rename(&outer, self.announced()).map_err(|error| error.kind()) {
            Ok(()) => true,
            Err(ErrorKind::AlreadyExists | ErrorKind::DirectoryNotEmpty | ErrorKind::NotFound) => false,
            // The file system may move files and no folders.
            Err(_) => self.announce_file_by_file(&inner, &name)?,
        };
        if !is_announced {
            move_folder(&inner, &list)?;
        }
        Ok(is_announced)
    }

    /// Announces the list where folders cannot be moved. The note comes last.
    fn announce_file_by_file(&self, inner: &Path, name: &str) -> Result<bool, SinkError> {
        let announced = self.announced();
        match fs::create_dir(&announced).map_err(|error| (error.kind(), error)) {
            Ok(()) => {}
            Err((ErrorKind::AlreadyExists, _)) => return Ok(false),
            Err((_, error)) => return Err(io_error("create the folder", &announced, error)),
        }
        let (folder, note) = (announced.join(name), self.0.attempt.replaced());
        move_file(&inner.join(NOTE), &note)?;
        move_files(inner, &folder)?;
        move_file(&note, &folder.join(NOTE))?;
        Ok(true)
    }

    /// Takes the steps of an announced list, or those that are left of them.
    fn finish(&self, folder: &Path, note: &Note) -> Result<(), SinkError> {
        let place = Place { folder: self.0.place.folder.clone(), single_file: Some(note.file.clone()) };
        let is_due = is_due(folder, note, &place)?;
        match if is_due { publish(folder, note, &place) } else { Ok(false) } {
            Ok(true) => self.end(folder),
            Ok(false) => self.withdraw(folder, note, &place),
            Err(error) => {
                // The place is as it was, if its manifest is.
                if metadata(&announced_as(folder, note).manifest())?.is_some() {
                    self.withdraw(folder, note, &place)?;
                }
                Err(error)
            }
        }
    }

    /// Gives an announced list back to its attempt.
    fn withdraw(&self, folder: &Path, note: &Note, place: &Place) -> Result<(), SinkError> {
        let staged = self.0.target.staging_root().join(&note.staged);
        if staged.parent().is_none_or(|attempt| !attempt.is_dir()) {
            return self.end(folder);
        }
        match move_folder(folder, &staged) {
            // Another process has withdrawn or ended it.
            Err(_) if metadata(folder)?.is_none() => return Ok(()),
            moved => moved?,
        }
        let old = staged.join(OLD_MARKER);
        let is_marker = metadata(&old)?.is_some_and(|found| found.len() > 0);
        if is_marker && digest(&place.manifest())? == note.seen.manifest {
            rename_to_free(&old, &place.marker())?;
        }
        Ok(())
    }

    /// Ends an announcement: takes its name away, and removes what is left of it.
    fn end(&self, folder: &Path) -> Result<(), SinkError> {
        let aside = self.0.attempt.replaced();
        remove_folder(&aside)?;
        match fs::rename(folder, &aside) {
            Ok(()) => remove_folder(&aside),
            Err(error) if error.kind() == ErrorKind::NotFound && metadata(folder)?.is_none() => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(io_error("move", folder, error)),
            // The file system may move files and no folders.
            Err(_) => remove_folder(folder),
        }
    }
}

/// Returns the digest of a small file; `None` if it is not there.
fn digest(path: &Path) -> Result<Option<String>, SinkError> {
    Ok(read(path)?.as_deref().map(sha256))
}

/// Returns whether the place is as it was seen, or a process has begun to take it.
fn is_due(folder: &Path, note: &Note, place: &Place) -> Result<bool, SinkError> {
    let found = Seen { manifest: digest(&place.manifest())?, marker: digest(&place.marker())? };
    // A file without a manifest is foreign.
    let is_foreign = found.manifest.is_none() && metadata(&place.folder.join(&note.file))?.is_some();
    Ok((found == note.seen && !is_foreign) || metadata(&folder.join(OLD_MARKER))?.is_some())
}

/// Moves the files of an announced list to their names. Returns whether all are moved.
fn publish(folder: &Path, note: &Note, place: &Place) -> Result<bool, SinkError> {
    let list = announced_as(folder, note);
    take_out_marker(&place.marker(), &folder.join(OLD_MARKER))?;
    sync_folder(&place.folder)?;
    move_file(&list.manifest(), &place.manifest())?;
    // A power failure may take one of two new names. A file without a manifest is foreign.
    sync_folder(&place.folder)?;
    move_file(&folder.join(&note.file), &place.folder.join(&note.file))?;
    sync_folder(&place.folder)?;
    move_file(&list.marker(), &place.marker())?;
    sync_folder(&place.folder)?;
    // They are still there if the folder of the place was removed.
    Ok(metadata(&list.manifest())?.is_none() && metadata(&list.marker())?.is_none())
}

/// Returns the names of the list in its announced folder.
fn announced_as(folder: &Path, note: &Note) -> Place {
    Place { folder: folder.to_owned(), single_file: Some(note.file.clone()) }
}

/// Takes a marker out of the place. If there is none, an empty file says so: later the marker of
/// this list is there, and must stay.
fn take_out_marker(marker: &Path, old: &Path) -> Result<(), SinkError> {
    for _ in 0..LOOKS {
        if metadata(marker)?.is_none() {
            return match File::create_new(old).map_err(|error| (error.kind(), error)) {
                Ok(_) | Err((ErrorKind::AlreadyExists | ErrorKind::NotFound, _)) => Ok(()),
                Err((_, error)) => Err(io_error("create", old, error)),
            };
        }
        match rename_to_free(marker, old)? {
            Renamed::Done => return Ok(()),
            // The marker of this list is there already, or that of a later one.
            Renamed::Disturbed if metadata(marker)?.is_some() => return Ok(()),
            Renamed::Disturbed => {}
            Renamed::Unsupported => break,
        }
    }
    Err(io_error("publish", marker, ErrorKind::Unsupported.into()))
}

/// Moves a file, if it is there, to a name that may be taken.
fn move_file(from: &Path, to: &Path) -> Result<(), SinkError> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(io_error("publish", to, error)),
        _ => Ok(()),
    }
}

/// Moves a folder within staging; file by file, if the file system moves no folders.
fn move_folder(from: &Path, to: &Path) -> Result<(), SinkError> {
    match fs::rename(from, to) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(io_error("move", from, error)),
        Err(_) => move_files(from, to),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes the three files of a list, each with one text.
    fn write(place: &Place, text: &str) {
        for path in [place.manifest(), place.folder.join("list.txt"), place.marker()] {
            fs::write(path, text).unwrap();
        }
    }

    fn texts(place: &Place) -> [Option<String>; 3] {
        [place.manifest(), place.folder.join("list.txt"), place.marker()].map(|path| fs::read_to_string(path).ok())
    }

    #[test]
    fn a_step_that_comes_late_changes_nothing() {
        for has_older in [false, true] {
            let directory = tempfile::tempdir().unwrap();
            let [place, announced, ended] = ["out", "announced", "ended"].map(|name| {
                let folder = directory.path().join(name);
                Place { folder, single_file: Some("list.txt".to_owned()) }
            });
            fs::create_dir(&place.folder).unwrap();
            fs::create_dir(&announced.folder).unwrap();
            let digest = has_older.then(|| sha256(b"older"));
            let seen = Seen { manifest: digest.clone(), marker: digest };
            let note = Note { file: "list.txt".to_owned(), seen, staged: PathBuf::new() };
            write(&announced, "ours");
            if has_older {
                write(&place, "older");
            }
            assert!(is_due(&announced.folder, &note, &place).unwrap());
            assert!(publish(&announced.folder, &note, &place).unwrap());
            let ours = ["ours"; 3].map(|text| Some(text.to_owned()));
            assert_eq!(texts(&place), ours);

            // A process that was held up after its look takes all steps once more.
            assert!(publish(&announced.folder, &note, &place).unwrap());
            assert_eq!(texts(&place), ours);
            // By now the announcement is ended, and the next list is on its way.
            fs::rename(&announced.folder, &ended.folder).unwrap();
            write(&place, "newer");
            fs::remove_file(place.marker()).unwrap();
            let half = texts(&place);
            publish(&announced.folder, &note, &place).unwrap();
            assert_eq!(texts(&place), half);
            write(&place, "newer");
            publish(&announced.folder, &note, &place).unwrap();
            assert_eq!(texts(&place), ["newer"; 3].map(|text| Some(text.to_owned())));
        }
    }
}
