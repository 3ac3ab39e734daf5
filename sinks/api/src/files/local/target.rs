//! The places of one list: where it is staged, where it is published, and whether both can be used.
//!
//! Before it: `staged`, `find` and `trial`. Behind it: `publishing` and `staging`, which
//! use the places.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::io::Errno;

use super::nearest::{is_missing, nearest_existing};
use super::replaceable::check_replaceable;
use super::staging_root::staging_of;
use crate::context::SinkContext;
use crate::error::SinkError;
use crate::files::error::io_error;
use crate::files::layout::{Layout, sanitise};
use crate::files::manifest::{ManifestHead, Owner};
use crate::files::options::FileOptions;

/// The places of one list.
#[derive(Clone, Debug)]
pub(in crate::files) struct Target {
    root: PathBuf,
    layout: Layout,
    context: SinkContext,
    /// The folder that holds the files: the list's own, or `root` for a single file.
    folder: PathBuf,
    /// `<root>.staging`.
    staging_root: PathBuf,
    /// The staging of this sink for this list of this app id, of all walks.
    staging_of_list: PathBuf,
    /// The staging for this walk.
    staging: PathBuf,
}

impl Target {
    pub(in crate::files) fn new(options: &FileOptions, context: &SinkContext) -> Result<Self, SinkError> {
        let layout = Layout::parse(&options.layout, options.rolling)?;
        layout.check_accounts(&options.layout, context)?;
        if options.root.as_os_str().is_empty() {
            return Err(SinkError::option("root", "is empty; it names the folder for all output"));
        }
        let root = context.output_path(&options.root);
        let folder = root.join(layout.folder(context)?);
        let staging_root = staging_of(&root)?;
        let staging_of_list = staging_root
            .join(format!("pipeline={}", sanitise(&context.pipeline)))
            .join(format!("sink={}", sanitise(&context.sink)))
            .join(format!("app_id={}", sanitise(&context.app_id)))
            .join(format!("list={}", sanitise(&context.list)));
        let staging = staging_of_list.join(format!("walk={}", context.walk));
        let context = context.clone();
        let target = Self { root, layout, context, folder, staging_root, staging_of_list, staging };
        let first = target.file_name(0)?;
        if first == target.manifest_name()? || first == target.marker_name()? {
            let message = format!("`{first}` is the name of the manifest or the marker; choose another");
            return Err(SinkError::option("layout", message));
        }
        Ok(target)
    }

    /// Checks that this user can write where the list is staged and where it is published. Returns
    /// the folder in which staging is or will be made.
    pub(in crate::files) fn check_folders(&self) -> Result<PathBuf, SinkError> {
        check_writable(self.home())?;
        check_writable(&self.staging)
    }

    /// Checks that the list's own place is free, or holds a list of the same owner that can be
    /// replaced.
    pub(in crate::files) fn check_place(&self) -> Result<(), SinkError> {
        self.check_in_the_way()?;
        let published = if self.is_single_file() { self.folder.join(self.file_name(0)?) } else { self.folder.clone() };
        check_replaceable(&published, &self.check_folders()?)
    }

    /// Checks that the target is free, or holds a list of the same owner.
    pub(in crate::files) fn check_in_the_way(&self) -> Result<(), SinkError> {
        if self.layout.is_single_file() { self.check_file_in_the_way() } else { self.check_folder_in_the_way() }
    }

    fn check_folder_in_the_way(&self) -> Result<(), SinkError> {
        match metadata(&self.folder)? {
            None => return Ok(()),
            Some(metadata) if metadata.is_dir() => {}
            Some(_) => return Err(in_the_way(&self.folder, "it is not a folder")),
        }
        let names = names_in(&self.folder)?;
        if names.is_empty() {
            return Ok(());
        }
        let manifest = self.manifest_name()?;
        let Some(head) = self.manifest_head(&manifest)? else {
            let problem = format!("it holds `{}` and no `{manifest}`, so it is not a list of this program", names[0]);
            return Err(in_the_way(&self.folder, &problem));
        };
        let marker = self.marker_name()?;
        let ours = |name: &str| name == manifest || name == marker || head.files.iter().any(|file| file.path == name);
        match names.iter().find(|name| !ours(name)) {
            Some(name) => {
                let problem = format!("it holds `{name}`, which is not part of the list there and would be deleted");
                Err(in_the_way(&self.folder, &problem))
            }
            None => Ok(()),
        }
    }

    fn check_file_in_the_way(&self) -> Result<(), SinkError> {
        let manifest = self.manifest_name()?;
        let path = self.folder.join(self.file_name(0)?);
        // The manifest comes first: that of another owner is in the way even if its file is gone.
        let head = self.manifest_head(&manifest)?;
        match metadata(&path)? {
            Some(metadata) if !metadata.is_file() => Err(in_the_way(&path, "it is not a file")),
            Some(_) if head.is_none() => {
                let problem = format!("there is no `{manifest}` beside it, so it is not a list of this program");
                Err(in_the_way(&path, &problem))
            }
            _ => Ok(()),
        }
    }

    /// Returns the head of the manifest at the target; `None` if there is no manifest.
    fn manifest_head(&self, manifest: &str) -> Result<Option<ManifestHead>, SinkError> {
        let path = self.folder.join(manifest);
        let content = match fs::read(&path) {
            Ok(content) => content,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(io_error("read", &path, error)),
        };
        let head: ManifestHead = serde_json::from_slice(&content)
            .map_err(|error| in_the_way(&path, "it is not a manifest of this program").with_source(error))?;
        let owner = Owner::new(&self.context);
        if !owner.may_replace(&head.owner) {
            let problem = format!("the list there is {}, not {owner}", head.owner);
            return Err(in_the_way(&path, &problem));
        }
        Ok(Some(head))
    }

    pub(in crate::files) fn context(&self) -> &SinkContext {
        &self.context
    }

    pub(in crate::files) fn is_single_file(&self) -> bool {
        self.layout.is_single_file()
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the folder in which the list's folder or its single file is published.
    pub(super) fn home(&self) -> &Path {
        if self.is_single_file() { &self.folder } else { parent(&self.folder) }
    }

    pub(in crate::files) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(in crate::files) fn staging(&self) -> &Path {
        &self.staging
    }

    pub(in crate::files) fn staging_of_list(&self) -> &Path {
        &self.staging_of_list
    }

    pub(in crate::files) fn staging_root(&self) -> &Path {
        &self.staging_root
    }

    /// Returns the folders above the list, innermost first, from the one that holds the list to the
    /// one that holds `root`. The list is durable only if all of them are.
    pub(in crate::files) fn folders_above(&self) -> impl Iterator<Item = &Path> {
        let first = self.home();
        let count = first.components().count() - self.root.components().count() + 2;
        first.ancestors().map(|path| if path.as_os_str().is_empty() { Path::new(".") } else { path }).take(count)
    }

    pub(in crate::files) fn file_name(&self, part: u32) -> Result<String, SinkError> {
        self.layout.file(&self.context, part)
    }

    pub(in crate::files) fn manifest_name(&self) -> Result<String, SinkError> {
        Ok(manifest_name(self.single_file()?.as_deref()))
    }

    pub(in crate::files) fn marker_name(&self) -> Result<String, SinkError> {
        Ok(marker_name(self.single_file()?.as_deref()))
    }

    /// Returns the name of the list's file; `None` if the list has a folder of its own.
    fn single_file(&self) -> Result<Option<String>, SinkError> {
        self.is_single_file().then(|| self.file_name(0)).transpose()
    }
}

/// Returns the name of a list's manifest. `single_file` is the name of the list's file, or `None`
/// if the list has a folder of its own. The manifest's name begins with an underscore, because
/// readers that scan a folder skip such files.
pub(super) fn manifest_name(single_file: Option<&str>) -> String {
    single_file.map_or_else(|| "_manifest.json".to_owned(), |file| format!("_{file}.manifest.json"))
}

/// Returns the name of a list's marker, as [`manifest_name`] does that of its manifest.
pub(super) fn marker_name(single_file: Option<&str>) -> String {
    single_file.map_or_else(|| "_SUCCESS".to_owned(), |file| format!("_{file}.SUCCESS"))
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

fn in_the_way(path: &Path, problem: &str) -> SinkError {
    SinkError::permanent(format!("`{}` is in the way: {problem}", path.display()))
        .with_hint("move it away, or choose another `root`, `layout` or account name")
}

pub(super) fn metadata(path: &Path) -> Result<Option<Metadata>, SinkError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(io_error("look at", path, error)),
    }
}

pub(super) fn names_in(folder: &Path) -> Result<Vec<String>, SinkError> {
    let read = || -> io::Result<Vec<String>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    };
    let mut names = read().map_err(|error| io_error("read the folder", folder, error))?;
    names.sort_unstable();
    Ok(names)
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}
