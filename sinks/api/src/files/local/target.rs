//! The places of one list: where it is staged, where it is published, and whether both can be used.
//!
//! Before it: `files`, `find` and `trial`. Behind it: `publishing` and `attempt`, which use the
//! places.

use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::io::Errno;

use super::nearest::nearest_existing;
use super::place::{Place, Standing};
use super::reading::parent;
use super::replaceable::check_replaceable;
use super::staging_root::staging_of;
use super::twins::check_twins;
use crate::context::SinkContext;
use crate::error::SinkError;
use crate::files::error::io_error;
use crate::files::layout::sanitise;
use crate::files::manifest::Owner;
use crate::files::names::Names;

/// The places of one list.
#[derive(Clone, Debug)]
pub(super) struct Target {
    root: PathBuf,
    names: Names,
    /// The folder that holds the files: the list's own, or `root` for a single file.
    folder: PathBuf,
    /// `<root>.staging`.
    staging_root: PathBuf,
    /// The staging of this sink: a folder for each attempt at a list.
    staging: PathBuf,
    /// Begins the name of each attempt at this list.
    staged_as: String,
}

/// The folders that exist of the places of a list.
#[derive(Debug)]
pub(super) struct Folders {
    /// The folder in which the list is published, or in which that folder will be made.
    pub(super) home: PathBuf,
    /// The folder in which the list is staged, or in which that folder will be made.
    pub(super) staging: PathBuf,
}

impl Target {
    pub(super) fn new(root: &Path, names: &Names) -> Result<Self, SinkError> {
        let context = names.context();
        let folder = root.join(names.folder()?);
        let staging_root = staging_of(root)?;
        let staging = staging_root
            .join(format!("pipeline={}", sanitise(&context.pipeline)))
            .join(format!("sink={}", sanitise(&context.sink)));
        // Not folders: each would be made and removed for each of thousands of lists.
        let staged_as = format!("app_id={},list={},", sanitise(&context.app_id), sanitise(&context.list));
        Ok(Self { root: root.to_owned(), names: names.clone(), folder, staging_root, staging, staged_as })
    }

    /// Checks that no two accounts have places that the file system takes for one.
    pub(super) fn check_twins(&self) -> Result<(), SinkError> {
        check_twins(&self.root, self.names.layout(), self.context())
    }

    /// Checks that this user can write where the list is staged and where it is published.
    pub(super) fn check_folders(&self) -> Result<Folders, SinkError> {
        Ok(Folders { home: check_writable(self.home())?, staging: check_writable(&self.staging)? })
    }

    /// Checks that the list's own place is free, or holds a list of the same owner that can be
    /// replaced.
    pub(super) fn check_place(&self) -> Result<(), SinkError> {
        self.standing()?;
        check_replaceable(&self.published()?, || check_writable(&self.staging))
    }

    /// Returns the list's folder, or its single file.
    pub(super) fn published(&self) -> Result<PathBuf, SinkError> {
        Ok(self.names.single_file()?.map_or_else(|| self.folder.clone(), |file| self.folder.join(file)))
    }

    /// Returns what stands in the place of the list.
    ///
    /// # Errors
    ///
    /// If it is not a list of the same owner, or cannot be read.
    pub(super) fn standing(&self) -> Result<Standing, SinkError> {
        self.place()?.look(&self.owner())
    }

    /// Returns the place of the list.
    pub(super) fn place(&self) -> Result<Place, SinkError> {
        Ok(Place { folder: self.folder.clone(), single_file: self.names.single_file()? })
    }

    pub(super) fn owner(&self) -> Owner {
        Owner::new(self.context())
    }

    /// Returns the folder that holds the place of the list.
    pub(super) fn home(&self) -> &Path {
        if self.is_single_file() { &self.folder } else { parent(&self.folder) }
    }

    pub(super) fn context(&self) -> &SinkContext {
        self.names.context()
    }

    pub(super) fn is_single_file(&self) -> bool {
        self.names.layout().is_single_file()
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the folder of all attempts of this sink.
    pub(super) fn staging(&self) -> &Path {
        &self.staging
    }

    /// Returns the beginning of the names of all attempts at this list, and of no other ones.
    pub(super) fn staged_as(&self) -> &str {
        &self.staged_as
    }

    /// Returns the beginning of the paths of all attempts at this list, which no other list has.
    pub(super) fn staged_path(&self) -> PathBuf {
        self.staging.join(&self.staged_as)
    }

    pub(super) fn staging_root(&self) -> &Path {
        &self.staging_root
    }

    /// Returns the folders above the list, innermost first, from the one that holds the list to the
    /// one that holds `root`. The list is durable only if all of them are.
    pub(super) fn folders_above(&self) -> impl Iterator<Item = &Path> {
        let first = self.home();
        let count = first.components().count() - self.root.components().count() + 2;
        first.ancestors().map(|path| if path.as_os_str().is_empty() { Path::new(".") } else { path }).take(count)
    }

    pub(super) fn manifest_name(&self) -> Result<String, SinkError> {
        self.names.manifest()
    }

    pub(super) fn marker_name(&self) -> Result<String, SinkError> {
        self.names.marker()
    }
}

/// Returns the deepest part of `path` that exists, which must be a folder that this user can write.
fn check_writable(path: &Path) -> Result<PathBuf, SinkError> {
    loop {
        let (nearest, metadata) = nearest_existing(path).map_err(|error| io_error("use", path, error))?;
        if !metadata.is_dir() {
            return Err(SinkError::permanent(format!("`{}` is a file where a folder is needed", nearest.display()))
                .with_hint("move the file away, or choose another `root`"));
        }
        match access(&nearest, Access::WRITE_OK | Access::EXEC_OK) {
            Ok(()) => return Ok(nearest),
            // Another sink has removed its empty staging in the meantime.
            Err(Errno::NOENT) => {}
            Err(error) => return Err(io_error("write in the folder", &nearest, error.into())),
        }
    }
}
