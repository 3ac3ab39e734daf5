//! Publishing, tried out before a list is read: a folder is made, moved to where lists are
//! published, and removed.
//!
//! Before it: a sink's `check`, for `run`, `check` and `check --connect` alike. Behind it: the
//! steps that `attempt` and `publishing` take later. What a trial creates has a hidden name and a
//! lock, and is removed; what a killed one left, the next one removes.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::lock_file::LockFile;
use super::mount::Mount;
use super::move_error::{Move, Moved};
use super::steps::{Renamed, exchange, rename_to_free};
use super::target::{Folders, Target};
use super::traces::{Traces, lock, new_name, remove_left_behind};
use rustix::fs::{Access, access};
use rustix::io::Errno;

use crate::error::SinkError;
use crate::files::error::io_error;
use crate::files::names::Names;
#[cfg(feature = "object-store")]
use crate::files::object_storage::{Probed, Stores};
use crate::files::sync::{sync_file, sync_folder};

/// The attempts at a trial: another run may remove an empty staging between two of its steps.
const ATTEMPTS: usize = 20;

/// A block of most file systems: an empty file could be written on a full disk, too.
const CONTENT: [u8; 4096] = [b'x'; 4096];

/// What the sinks of files have tried in a run, so that no trial is repeated, and the stores that
/// they have opened for it: thousands of lists of a sink have the same places. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Trials {
    results: Arc<Mutex<Results>>,
    #[cfg(feature = "object-store")]
    stores: Stores,
}

#[derive(Debug, Default)]
struct Results {
    succeeded: BTreeSet<Trial>,
    /// The object stores that were tried, by the sink.
    #[cfg(feature = "object-store")]
    probed: BTreeMap<String, Vec<Probed>>,
    /// The object stores that refused, or did not answer, by the sink and the root. Each try may
    /// take minutes, so it is not repeated for each list.
    #[cfg(feature = "object-store")]
    failed_probes: BTreeMap<(String, String), FailedProbe>,
    /// The first refusal of each sink, by its name. A trial that failed is repeated for each list.
    refused: BTreeMap<String, Refusal>,
}

/// Why a sink cannot publish in its places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What was refused, with the causes.
    pub problem: String,
    /// What a person can do.
    pub hint: Option<String>,
}

/// Why a root in an object store failed.
#[cfg(feature = "object-store")]
#[derive(Clone, Debug)]
struct FailedProbe {
    is_temporary: bool,
    refusal: Refusal,
}

/// One trial: where, and what was moved.
///
/// It stands for all lists of the sink that are staged and published on the same mounts: whether a
/// folder can be moved depends on these. The permissions of each folder are looked at list by list.
/// Of the folders on a mount, the first one below `root` that this user can write is tried.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trial {
    /// The sink's name in the pipeline file.
    pub sink: String,
    /// The folder in which lists are staged, or in which that folder will be made.
    pub staging: PathBuf,
    /// The folder in which lists are published, or in which that folder will be made.
    pub home: PathBuf,
    /// The mount of `home`.
    pub mount: Mount,
    /// What publishing moves.
    pub moved: Moved,
    /// Whether a list is there already, so that publishing replaces it.
    pub replaces: bool,
}

impl Trials {
    /// Returns the trials of the sink called `sink` that succeeded.
    pub fn succeeded(&self, sink: &str) -> Vec<Trial> {
        self.results().succeeded.iter().filter(|trial| trial.sink == sink).cloned().collect()
    }

    /// Returns why the sink called `sink` cannot publish, if a place of it was refused.
    pub fn refused(&self, sink: &str) -> Option<Refusal> {
        self.results().refused.get(sink).cloned()
    }

    #[cfg(feature = "object-store")]
    pub(in crate::files) fn stores(&self) -> &Stores {
        &self.stores
    }

    /// Returns the trials of the sink called `sink` in object stores.
    #[cfg(feature = "object-store")]
    pub fn probed(&self, sink: &str) -> Vec<Probed> {
        self.results().probed.get(sink).cloned().unwrap_or_default()
    }

    #[cfg(feature = "object-store")]
    pub(in crate::files) fn note_probe(&self, sink: &str, probed: Probed) {
        self.results().probed.entry(sink.to_owned()).or_default().push(probed);
    }

    /// Returns the error of a root that was tried before, as far as it can be told again.
    #[cfg(feature = "object-store")]
    pub(in crate::files) fn failed_probe(&self, sink: &str, root: &str) -> Option<SinkError> {
        let FailedProbe { is_temporary, refusal } =
            self.results().failed_probes.get(&(sink.to_owned(), root.to_owned())).cloned()?;
        let Refusal { problem, hint } = refusal;
        let error = if is_temporary { SinkError::temporary(problem) } else { SinkError::permanent(problem) };
        Some(match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        })
    }

    #[cfg(feature = "object-store")]
    pub(in crate::files) fn note_failed_probe(&self, sink: &str, root: &str, error: &SinkError) {
        let failed = FailedProbe { is_temporary: error.is_temporary(), refusal: Refusal::of(error) };
        self.results().failed_probes.insert((sink.to_owned(), root.to_owned()), failed);
    }

    pub(in crate::files) fn note(&self, sink: &str, error: &SinkError) {
        self.results().refused.entry(sink.to_owned()).or_insert_with(|| Refusal::of(error));
    }

    fn results(&self) -> MutexGuard<'_, Results> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Refusal {
    fn of(error: &SinkError) -> Self {
        let mut problem = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            problem = format!("{problem}: {error}");
            cause = error.source();
        }
        Self { problem, hint: error.hint().map(str::to_owned) }
    }
}

/// Checks whether a list could be staged and published below `root`: tries it, and removes what it
/// creates for that. What has succeeded for a list of the same run is not tried again (see
/// [`Trial`]).
pub(in crate::files) fn check(root: &Path, names: &Names) -> Result<(), SinkError> {
    let target = Target::new(root, names)?;
    let context = names.context();
    let note = |error: &SinkError| context.trials.note(&context.sink, error);
    let folders = target.check_folders().inspect_err(note)?;
    target.check_twins()?;
    target.check_place()?;
    try_out(&target, folders).inspect_err(note)
}

/// Tries publishing in the places of `target`, unless its run has tried that already.
fn try_out(target: &Target, mut folders: Folders) -> Result<(), SinkError> {
    let trials = &target.context().trials;
    let mut attempts = 0;
    loop {
        attempts += 1;
        match Trial::of(target, &folders).and_then(|trial| trial.try_unless_done(trials)) {
            // Another run has removed its empty staging; or a run on another host, which does not
            // see the lock, has removed what this trial made.
            Err(error) if attempts < ATTEMPTS && is_gone(&error) => folders = target.check_folders()?,
            tried => return tried,
        }
    }
}

impl Trial {
    /// Returns the trial for `target`, of which `folders` exist.
    fn of(target: &Target, folders: &Folders) -> Result<Self, SinkError> {
        let first = |folder: &Path, below: &Path| {
            first_on_mount(folder, below).map_err(|error| io_error("look at", folder, error))
        };
        let (staging, _) = first(&folders.staging, target.staging_root())?;
        let (home, mount) = first(&folders.home, target.root())?;
        Ok(Self {
            sink: target.context().sink.clone(),
            staging,
            home,
            mount,
            moved: if target.is_single_file() { Moved::File } else { Moved::Folder },
            replaces: fs::symlink_metadata(target.published()?).is_ok(),
        })
    }

    fn try_unless_done(self, trials: &Trials) -> Result<(), SinkError> {
        if trials.results().succeeded.iter().any(|other| self.is_like(other)) {
            return Ok(());
        }
        self.try_once()?;
        trials.results().succeeded.insert(self);
        Ok(())
    }

    /// Returns whether this trial would show the same as another one of the run.
    fn is_like(&self, other: &Self) -> bool {
        let Self { sink, staging, home: _, mount, moved, replaces } = self;
        (sink, staging, mount, moved, replaces)
            == (&other.sink, &other.staging, &other.mount, &other.moved, &other.replaces)
    }

    fn try_once(&self) -> Result<(), SinkError> {
        remove_left_behind(&self.staging);
        remove_left_behind(&self.home);
        let mut traces = Traces::default();
        // Publishing holds a lock beside the place.
        let lock = self.home.join(new_name());
        let taken = LockFile::try_take(&lock).map_err(|error| io_error("create a file in", &self.home, error))?;
        traces.paths.push(lock);
        drop(taken);
        match self.moved {
            Moved::Folder => self.try_folder(&mut traces),
            Moved::File => self.try_file(&mut traces),
        }?;
        sync_folder(&self.home).map_err(|error| io_error("sync the folder", &self.home, error))
    }

    /// Makes a folder as `open` does, writes and syncs in it, and publishes it as `commit` does.
    fn try_folder(&self, traces: &mut Traces) -> Result<(), SinkError> {
        let [staged, aside] = [new_name(), new_name()].map(|name| self.staging.join(name));
        let published = self.home.join(new_name());
        traces.paths.extend([staged.clone(), aside.clone(), published.clone()]);
        traces.make_folder(&published)?;
        fs::rename(&published, &staged).map_err(|error| self.step().error(error))?;
        let part = staged.join("part");
        self.write(&part, traces)?;
        sync_folder(&staged).map_err(|error| io_error("sync the folder", &staged, error))?;
        // Readers that see hidden folders find no file in this one.
        fs::remove_file(&part).map_err(|error| io_error("remove", &part, error))?;
        self.publish(&staged, &published)?;
        if self.replaces {
            traces.make_folder(&staged)?;
            if !self.exchange(&staged, &published)? {
                self.publish(&published, &aside)?;
                self.publish(&staged, &published)?;
            }
        }
        Ok(())
    }

    /// Writes and syncs a file, and moves it over another one: a single file is published so.
    fn try_file(&self, traces: &mut Traces) -> Result<(), SinkError> {
        let (staged, published) = (self.staging.join(new_name()), self.home.join(new_name()));
        traces.paths.extend([staged.clone(), published.clone()]);
        self.write(&staged, traces)?;
        self.publish(&staged, &published)?;
        if self.replaces {
            self.write(&staged, traces)?;
            fs::rename(&staged, &published).map_err(|error| self.step().error(error))?;
        }
        Ok(())
    }

    /// Moves something to a free name.
    fn publish(&self, from: &Path, to: &Path) -> Result<(), SinkError> {
        match rename_to_free(from, to).map_err(|error| self.step().error(cause(&error)))? {
            Renamed::Done => Ok(()),
            Renamed::Unsupported => Err(self.step().error(Errno::NOSYS.into())),
            Renamed::Disturbed => Err(self.step().error(ErrorKind::NotFound.into())),
        }
    }

    /// Lets two folders change places; returns whether the file system can do that.
    fn exchange(&self, staged: &Path, published: &Path) -> Result<bool, SinkError> {
        match exchange(staged, published).map_err(|error| self.step().error(cause(&error)))? {
            Renamed::Done => Ok(true),
            Renamed::Unsupported => Ok(false),
            Renamed::Disturbed => Err(self.step().error(ErrorKind::NotFound.into())),
        }
    }

    fn step(&self) -> Move<'_> {
        Move { staging: &self.staging, home: &self.home, moved: self.moved }
    }

    fn write(&self, path: &Path, traces: &mut Traces) -> Result<(), SinkError> {
        let write = || {
            let mut file = File::create_new(path)?;
            lock(&file)?;
            file.write_all(&CONTENT)?;
            sync_file(&file)?;
            Ok(file)
        };
        let file = write().map_err(|error| io_error("write a file in", &self.staging, error))?;
        traces.locks.push(file);
        Ok(())
    }
}

/// Returns the first folder from `root` down to `folder` that is on the mount of `folder` and that
/// this user can write, and the mount. It was checked that this user can write `folder`.
fn first_on_mount(folder: &Path, root: &Path) -> io::Result<(PathBuf, Mount)> {
    let root = std::path::absolute(root)?;
    let mount = Mount::of(folder)?;
    let mut first = folder;
    for above in folder.ancestors().skip(1).take_while(|above| above.starts_with(&root)) {
        if Mount::of(above)? == mount && access(above, Access::WRITE_OK | Access::EXEC_OK).is_ok() {
            first = above;
        }
    }
    Ok((first.to_owned(), mount))
}

fn is_gone(error: &SinkError) -> bool {
    matches!(cause(error).kind(), ErrorKind::NotFound | ErrorKind::AlreadyExists)
}

/// Returns the error of the operating system behind `error`.
fn cause(error: &SinkError) -> io::Error {
    let cause = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    match cause.map(|cause| (cause.raw_os_error(), cause.kind())) {
        Some((Some(code), _)) => io::Error::from_raw_os_error(code),
        Some((None, kind)) => kind.into(),
        None => io::Error::other(error.to_string()),
    }
}
