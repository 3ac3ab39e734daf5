//! The folders that a run will write in, tried out: a file is written in the staging, moved into
//! the destination and removed.
//!
//! Before it: [`connected`](super::connected) has checked the lists. Behind it: a
//! [finding](super::finding) for each folder; [`disk_space`](super::disk_space) takes the same
//! [`Place`]s.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fanout_sink::files::{io_hint, staging_of};
use fanout_sink::{SinkContext, SinkError};

use super::finding::{Check, Finding};
use crate::engine::run_context::RunContext;
use crate::error::Exit;
use crate::registry::BoundSink;

/// A block of most file systems: an empty file would be written on a full disk, too.
const CONTENT: [u8; 4096] = [b'x'; 4096];

/// Where the lists of a run go.
pub(super) struct Place {
    /// The sink; `None` for the journal.
    pub(super) sink: Option<usize>,
    pub(super) path: PathBuf,
}

impl Place {
    /// Returns the places of a pipeline: its journal, and what its sinks call theirs.
    pub(super) fn all(run: &RunContext, sinks: &[BoundSink]) -> Vec<Self> {
        let mut places = vec![Self { sink: None, path: run.pipeline.journal.path.clone() }];
        for (index, sink) in sinks.iter().enumerate() {
            // Roots do not depend on the account: any name will do.
            let context = SinkContext::new("any", "any", Arc::clone(sink.schema()))
                .with_directory(&run.pipeline.directory)
                .with_simulated(run.pipeline.simulated_by_flag);
            let roots = sink.roots().into_iter();
            places.extend(roots.map(|root| Self { sink: Some(index), path: context.output_path(&root) }));
        }
        places
    }

    /// Returns the folder that exists of the place: itself, or the one in which it will be made.
    pub(super) fn folder(&self) -> io::Result<PathBuf> {
        deepest_folder(&self.path)
    }

    /// Returns where a run writes what it then moves into the place: a sink beside its root, the
    /// journal inside itself.
    fn staging(&self) -> Result<PathBuf, SinkError> {
        if self.sink.is_some() { staging_of(&self.path) } else { Ok(self.path.clone()) }
    }

    /// Tries the place out, again if a folder of it went away meanwhile: another run removes
    /// staging that it has emptied.
    fn try_patiently(&self) -> Result<PathBuf, (PathBuf, io::Error)> {
        const TRIES: usize = 3;
        let staging = self.staging().map_err(|error| (self.path.clone(), io::Error::other(error)))?;
        let is_gone =
            |tried: &Result<_, (_, io::Error)>| matches!(tried, Err((_, error)) if error.kind() == ErrorKind::NotFound);
        let earlier = (1..TRIES).map(|_| try_out(&staging, &self.path)).find(|tried| !is_gone(tried));
        earlier.unwrap_or_else(|| try_out(&staging, &self.path))
    }
}

/// Writes in every place of a pipeline, and leaves nothing there.
pub(super) fn probe(run: &RunContext, sinks: &[BoundSink]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for place in Place::all(run, sinks) {
        let (check, what) = match place.sink {
            Some(index) => (Check::Sink, format!("`{}`: ", sinks[index].name())),
            None => (Check::Journal, String::new()),
        };
        findings.push(match place.try_patiently() {
            Ok(folder) => {
                Finding::ok(check, format!("{what}a file was written, synced and moved in `{}`", folder.display()))
            }
            Err((folder, error)) => {
                let found = format!("{what}a file cannot be written and moved in `{}`: {error}", folder.display());
                let hint = io_hint(&error)
                    .unwrap_or("this folder, and the one that it lies in, must be writable for this user");
                Finding::error(check, Exit::Failed, found).with_hint(hint)
            }
        });
    }
    let without = sinks.iter().filter(|sink| sink.roots().is_empty());
    findings.extend(without.map(|sink| {
        Finding::ok(
            Check::Sink,
            format!("`{}`: it has no folder to be tried; `state` has what it says itself", sink.name()),
        )
    }));
    findings
}

/// Writes a file in `staging` and moves it into `path`. A folder that does not exist is not made: a
/// run makes it in the folder that is tried instead. Returns the folder of `path` that was tried.
fn try_out(staging: &Path, path: &Path) -> Result<PathBuf, (PathBuf, io::Error)> {
    let at = |folder: &Path| {
        let folder = folder.to_owned();
        move |error| (folder, error)
    };
    let target = deepest_folder(path).map_err(at(path))?;
    let staging = deepest_folder(staging).map_err(at(path))?;
    let name = format!(".fanout-check-{}", std::process::id());
    let (from, to) = (staging.join(&name), target.join(format!("{name}~")));
    let tried = write(&from).map_err(at(&staging)).and_then(|()| {
        let moved = fs::rename(&from, &to).and_then(|()| File::open(&target)?.sync_all());
        moved.map_err(at(&target))
    });
    // Whichever of the two is there.
    let removed = [&from, &to].map(fs::remove_file);
    tried?;
    match removed.into_iter().find(|removed| removed.as_ref().is_err_and(|error| error.kind() != ErrorKind::NotFound)) {
        Some(Err(error)) => Err((target, error)),
        _ => Ok(target),
    }
}

fn write(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(&CONTENT)?;
    file.sync_all()
}

/// Returns the deepest folder of `path` that exists.
fn deepest_folder(path: &Path) -> io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    for ancestor in absolute.ancestors() {
        match fs::metadata(ancestor) {
            Ok(metadata) if metadata.is_dir() => return Ok(ancestor.to_owned()),
            // A single file, beside which the next one is made.
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::NotFound.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_tried_where_it_is_or_will_be_and_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("out/lists");
        let names = |path: &Path| fs::read_dir(path).unwrap().count();
        let try_out = |path: &Path| Place { sink: Some(0), path: path.to_owned() }.try_patiently();
        assert_eq!(try_out(&root).unwrap(), folder.path());
        assert_eq!(names(folder.path()), 0);
        fs::create_dir_all(&root).unwrap();
        assert_eq!(try_out(&root).unwrap(), root);
        assert_eq!((names(&root), names(folder.path())), (0, 1));
        let file = root.join("followers.parquet");
        fs::write(&file, "a list").unwrap();
        assert_eq!(try_out(&file).unwrap(), root);
        assert_eq!(fs::read_to_string(&file).unwrap(), "a list");
    }
}
