//! The place of a list: what stands there, and whether a list may take it.
//!
//! Before it: `target`, `publishing` and `giving_back`. Behind it: the operating system.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::reading::{metadata, names_in, parent, read};
use crate::error::SinkError;
use crate::files::error::in_the_way;
use crate::files::layout::LONGEST_NAME;
use crate::files::manifest::{ManifestHead, Owner, is_marker_of};
use crate::files::names::{manifest_name, marker_name};

/// How often a place is looked at that seems to be in the way.
const LOOKS: usize = 3;
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);

/// The ends of a lock's name. No account, app id or list makes a `~` in a name.
const LOCK_BEGIN: &str = ".";
const LOCK_END: &str = "~lock";

/// A folder that holds one list, or the folder of a single file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) folder: PathBuf,
    /// The name of the list's file, if the list has no folder of its own.
    pub(super) single_file: Option<String>,
}

/// What stands in a place.
#[derive(Debug)]
pub(super) enum Standing {
    /// Nothing, or an empty folder.
    Free,
    /// A list of the same owner, whole or not.
    List(Box<StandingList>),
}

/// A list that stands in a place.
#[derive(Debug)]
pub(super) struct StandingList {
    pub(super) head: ManifestHead,
    pub(super) manifest: Vec<u8>,
    /// The marker; `None` if there is none.
    pub(super) marker: Option<Vec<u8>>,
    files: FilesFound,
}

/// What was found of the files that a manifest names.
#[derive(Debug)]
pub(super) struct FilesFound {
    pub(super) missing: usize,
    /// The first file that is there and not as it was published, and why.
    pub(super) altered: Option<String>,
}

impl Place {
    pub(super) fn manifest(&self) -> PathBuf {
        self.folder.join(manifest_name(self.single_file.as_deref()))
    }

    pub(super) fn marker(&self) -> PathBuf {
        self.folder.join(marker_name(self.single_file.as_deref()))
    }

    /// Returns the folder that holds the place.
    pub(super) fn home(&self) -> &Path {
        if self.single_file.is_some() { &self.folder } else { parent(&self.folder) }
    }

    /// Returns the path of the lock that a publisher holds. It depends on the place alone, not on
    /// root, layout or owner. Readers skip a name that begins with a dot.
    pub(super) fn lock(&self) -> PathBuf {
        let of_folder = || self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = self.single_file.clone().unwrap_or_else(of_folder);
        // Two places that share a lock wait for each other, which is all that a cut name does.
        let name = shortened(&name, LOCK_BEGIN.len() + LOCK_END.len());
        self.home().join(format!("{LOCK_BEGIN}{name}{LOCK_END}"))
    }

    /// Returns what stands there, if a list of `owner` may take the place.
    ///
    /// # Errors
    ///
    /// If it is another owner's, or no list; or if it cannot be read.
    pub(super) fn look(&self, owner: &Owner) -> Result<Standing, SinkError> {
        // A look has several steps, and a publisher may come between two of them.
        let earlier = (1..LOOKS).find_map(|_| self.look_once(owner).map_err(|_| thread::sleep(BETWEEN_LOOKS)).ok());
        earlier.map_or_else(|| self.look_once(owner), Ok)
    }

    /// Does the same in a place that no other process changes.
    pub(super) fn look_once(&self, owner: &Owner) -> Result<Standing, SinkError> {
        match &self.single_file {
            Some(file) => self.look_at_file(file, owner),
            None => self.look_at_folder(owner),
        }
    }

    fn look_at_folder(&self, owner: &Owner) -> Result<Standing, SinkError> {
        match metadata(&self.folder)? {
            None => return Ok(Standing::Free),
            Some(metadata) if metadata.is_dir() => {}
            Some(_) => return Err(in_the_way(self.folder.display(), "it is not a folder")),
        }
        let names = names_in(&self.folder)?;
        if names.is_empty() {
            return Ok(Standing::Free);
        }
        let (manifest, marker) = (manifest_name(None), marker_name(None));
        let Some(list) = self.list(owner)? else {
            let problem = format!("it holds `{}` and no `{manifest}`, so it is not a list of this program", names[0]);
            return Err(in_the_way(self.folder.display(), &problem));
        };
        let ours =
            |name: &str| name == manifest || name == marker || list.head.files.iter().any(|file| file.path == name);
        match names.iter().find(|name| !ours(name)) {
            Some(name) => {
                let problem = format!("it holds `{name}`, which is not part of the list there and would be deleted");
                Err(in_the_way(self.folder.display(), &problem))
            }
            None => Ok(Standing::List(Box::new(list))),
        }
    }

    fn look_at_file(&self, file: &str, owner: &Owner) -> Result<Standing, SinkError> {
        // The manifest comes first: that of another owner is in the way even if its file is gone.
        let list = self.list(owner)?;
        let path = self.folder.join(file);
        match (metadata(&path)?, list) {
            (Some(metadata), _) if !metadata.is_file() => Err(in_the_way(path.display(), "it is not a file")),
            (_, Some(list)) => Ok(Standing::List(Box::new(list))),
            (Some(_), None) => {
                let manifest = manifest_name(Some(file));
                let problem = format!("there is no `{manifest}` beside it, so it is not a list of this program");
                Err(in_the_way(path.display(), &problem))
            }
            (None, None) => Ok(Standing::Free),
        }
    }

    /// Returns the list there; `None` if there is no manifest.
    fn list(&self, owner: &Owner) -> Result<Option<StandingList>, SinkError> {
        let path = self.manifest();
        let Some(manifest) = read(&path)? else { return Ok(None) };
        let head: ManifestHead = serde_json::from_slice(&manifest)
            .map_err(|error| in_the_way(path.display(), "it is not a manifest of this program").with_source(error))?;
        if !owner.may_replace(&head.owner) {
            let problem = format!("the list there is {}, not {owner}", head.owner);
            return Err(in_the_way(path.display(), &problem));
        }
        let (marker, files) = (read(&self.marker())?, FilesFound::of(&self.folder, &head)?);
        Ok(Some(StandingList { head, manifest, marker, files }))
    }
}

impl StandingList {
    /// Returns whether the list was published as a whole, and nothing of it was altered since. A
    /// list whose files a loader has taken away was published, too.
    pub(super) fn is_complete(&self) -> bool {
        let is_taken_away = self.files.missing > 0 && self.files.missing == self.head.files.len();
        self.has_its_marker() && (is_taken_away || self.files.are_whole())
    }

    /// Returns whether this is exactly the list of this manifest and marker, whole.
    pub(super) fn is(&self, manifest: &[u8], marker: &[u8]) -> bool {
        self.manifest == manifest && self.marker.as_deref() == Some(marker) && self.files.are_whole()
    }

    fn has_its_marker(&self) -> bool {
        self.marker.as_ref().is_some_and(|marker| is_marker_of(marker, &self.manifest))
    }
}

impl FilesFound {
    fn are_whole(&self) -> bool {
        self.missing == 0 && self.altered.is_none()
    }

    pub(super) fn of(folder: &Path, head: &ManifestHead) -> Result<Self, SinkError> {
        let mut found = Self { missing: 0, altered: None };
        for file in &head.files {
            let path = folder.join(&file.path);
            let problem = match metadata(&path)? {
                None => {
                    found.missing += 1;
                    continue;
                }
                Some(metadata) if !metadata.is_file() => "is not a file".to_owned(),
                Some(metadata) if metadata.len() != file.bytes => {
                    format!("has {} bytes, and {} were published", metadata.len(), file.bytes)
                }
                Some(_) => continue,
            };
            found.altered.get_or_insert_with(|| format!("`{}` {problem}", path.display()));
        }
        Ok(found)
    }
}

/// Returns the beginning of a name that leaves room for `more` bytes in the longest name of a file.
pub(super) fn shortened(name: &str, more: usize) -> &str {
    let mut end = name.len().min(LONGEST_NAME - more);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}
