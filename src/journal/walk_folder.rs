//! One walk on disk, as far as it can be known without reading its pages: its header, its decision, its commit records.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::contents::Contents;
use super::error::JournalError;
use super::record::{COMMITS, Commit, DECISION, Decision, Header, Identity, PAGES, PINS, Pin, Recipient};
use super::{disk, frame};

/// One walk on disk, as far as it can be known without reading its pages.
#[derive(Clone, Debug)]
pub struct WalkFolder {
    pub(super) path: PathBuf,
    pub(super) header: Header,
    pub(super) decision: Option<Decision>,
}

impl WalkFolder {
    pub(super) fn read(path: PathBuf, identity: &Identity) -> Result<Option<Self>, JournalError> {
        let decision: Option<Decision> = disk::read_record(&path.join(DECISION))?;
        // In a folder of another name it is a copy, and which of the two is meant nobody knows.
        let header = read_header(&path.join(PAGES))?.filter(|header| path.ends_with(header.walk.to_string()));
        let Some(header) = header else {
            if !path.exists() {
                // A run has removed it since it was listed.
                return Ok(None);
            }
            if decision.is_some() {
                return Err(JournalError::Damaged {
                    path,
                    what: "its header is gone, or is that of another walk".to_owned(),
                });
            }
            tracing::warn!(walk = %path.display(), "a walk without a readable header is passed over");
            return Ok(None);
        };
        let found = &header.identity;
        let fields = [
            ("format", found.format.to_string(), identity.format.to_string()),
            ("app id", found.app_id.clone(), identity.app_id.clone()),
            ("API host", found.host.clone(), identity.host.clone()),
            ("list", found.list.clone(), identity.list.clone()),
        ];
        for (field, found, expected) in fields {
            if found != expected {
                return Err(JournalError::Foreign { path, field, found, expected });
            }
        }
        if let Some(decision) = &decision
            && decision.snapshot.walk != header.walk
        {
            let what = format!("it is the decision of walk {}", decision.snapshot.walk);
            return Err(JournalError::Record { path: path.join(DECISION), what });
        }
        Ok(Some(Self { path, header, decision }))
    }

    /// Returns the walk's folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what the walk's first frame says.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns what was decided, if anything was.
    pub fn decision(&self) -> Option<&Decision> {
        self.decision.as_ref()
    }

    /// Reads how far the walk has come, and changes nothing: a run may be appending a page, and what of it is there does not
    /// count yet.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the file cannot be read.
    pub fn contents(&self) -> Result<Contents, JournalError> {
        let path = self.path.join(PAGES);
        let read = File::open(&path).and_then(|file| Contents::read(&file));
        Ok(read.map_err(JournalError::io("read", &path))?.0)
    }

    /// Returns the commit record of `recipient`, if it has published this walk.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the record cannot be read, [`JournalError::Record`] if it is not what was written.
    pub fn commit(&self, recipient: &Recipient) -> Result<Option<Commit>, JournalError> {
        let path = self.commit_path(recipient);
        match disk::read_record::<Commit>(&path)? {
            Some(commit) if commit.recipient != *recipient => {
                Err(JournalError::Record { path, what: "it is the record of another sink".to_owned() })
            }
            commit => Ok(commit),
        }
    }

    /// Records that a sink has published this walk; durable when it returns.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if it cannot be written; the next run delivers the list to the sink again.
    pub fn record_commit(&self, commit: &Commit) -> Result<(), JournalError> {
        disk::write_record(&self.commit_path(&commit.recipient), commit)
    }

    /// Records that `pin` rests on this walk; durable when it returns.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if it cannot be written.
    pub fn pin(&self, pin: &Pin) -> Result<(), JournalError> {
        disk::create_folder(&self.path.join(PINS))?;
        disk::write_record(&self.pin_path(pin), pin)
    }

    /// Removes the record of `pin`, if it is there.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if it cannot be removed; the walk then stays pinned.
    pub fn unpin(&self, pin: &Pin) -> Result<(), JournalError> {
        let path = self.pin_path(pin);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(JournalError::io("remove", &path)(error)),
            _ => Ok(()),
        }
    }

    /// Returns whether another walk rests on this one.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the records cannot be listed.
    pub fn is_pinned(&self) -> Result<bool, JournalError> {
        let folder = self.path.join(PINS);
        match fs::read_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            entries => Ok(entries.map_err(JournalError::io("list", &folder))?.next().is_some()),
        }
    }

    /// Returns the sinks of the deciding pipeline that have not published this walk under any options.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the records cannot be listed.
    pub fn lacking(&self) -> Result<Vec<String>, JournalError> {
        let Some(decision) = &self.decision else { return Ok(Vec::new()) };
        let folder = self.path.join(COMMITS);
        let mut lacking = decision.sinks.clone();
        for entry in fs::read_dir(&folder).map_err(JournalError::io("list", &folder))? {
            let path = entry.map_err(JournalError::io("list", &folder))?.path();
            if path.extension().is_some_and(|extension| extension == "json")
                && let Some(commit) = disk::read_record::<Commit>(&path)?
                && commit.recipient.pipeline == decision.pipeline
            {
                lacking.retain(|sink| *sink != commit.recipient.sink);
            }
        }
        Ok(lacking)
    }

    /// Returns whether this walk, which is newer than `older`, was decided for the same pipeline and date.
    pub(super) fn replaces(&self, older: &Self) -> bool {
        let pipeline = |walk: &Self| walk.decision.as_ref().map(|decision| decision.pipeline.clone());
        self.header.date == older.header.date && self.decision.is_some() && pipeline(self) == pipeline(older)
    }

    fn pin_path(&self, pin: &Pin) -> PathBuf {
        self.path.join(PINS).join(format!("{}.{}.json", pin.list, pin.walk))
    }

    fn commit_path(&self, recipient: &Recipient) -> PathBuf {
        // The configuration allows letters, digits, `-` and `_` in names, so a full stop separates them.
        let Recipient { pipeline, sink, options, .. } = recipient;
        self.path.join(COMMITS).join(format!("{pipeline}.{sink}.{options}.json"))
    }
}

fn read_header(path: &Path) -> Result<Option<Header>, JournalError> {
    let found = File::open(path)
        .and_then(|file| {
            let length = file.metadata()?.len();
            frame::read(&file, 0, length)
        })
        .map_err(JournalError::io("read", path));
    match found {
        Ok(frame::Found::Frame(frame::Kind::Header, payload)) => Ok(serde_json::from_slice(&payload).ok()),
        Ok(_) => Ok(None),
        Err(JournalError::Io { error, .. })
            if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
