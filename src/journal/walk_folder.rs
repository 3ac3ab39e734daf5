//! One walk on disk without its pages: its header, decision, commit records and pins.
//!
//! Before it: [`ListFolder`](super::ListFolder) finds the folder. Behind it: the engine plans with
//! the walk and records commits; [`Journal`](super::Journal) opens its pages.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::contents::Contents;
use super::error::JournalError;
use super::record::{
    COMMITS, Commit, DECISION, Decision, GIVEN_UP, GivenUp, Header, Identity, PAGES, Pin, Recipient, TAG,
};
use super::{disk, frame, pins};

/// One walk on disk, with what is known of it without reading its pages.
#[derive(Clone, Debug)]
pub struct WalkFolder {
    pub(super) path: PathBuf,
    pub(super) header: Header,
    pub(super) decision: Option<Decision>,
}

/// A decision that is durable.
#[derive(Debug)]
pub struct RecordedDecision(pub(super) Decision);

impl WalkFolder {
    /// Reads the walk in the folder `path`; `None` if the folder has gone, or holds an undecided
    /// walk whose header or first reply cannot be read. A walk without a reply claims no date.
    pub(super) fn read(path: PathBuf, identity: &Identity) -> Result<Option<Self>, JournalError> {
        let decision: Option<Decision> = disk::read_record(&path.join(DECISION))?;
        // A header under another name belongs to a copy of the walk: the copy is not used.
        let header = read_header(&path.join(PAGES))?.filter(|header| path.ends_with(header.walk.to_string()));
        let Some(header) = header else {
            if !path.exists() {
                // A run has removed it since the folder was listed.
                return Ok(None);
            }
            if decision.is_some() {
                return Err(JournalError::Damaged {
                    path,
                    what: "its header is gone, or is that of another walk".to_owned(),
                });
            }
            tracing::warn!(walk = %path.display(), "a walk without a readable header is skipped");
            return Ok(None);
        };
        if decision.is_none() && !has_reply(&path.join(PAGES), &header)? {
            tracing::debug!(walk = %path.display(), "a walk without a reply is skipped: it has no date");
            return Ok(None);
        }
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

    /// Returns the header of the walk.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the decision; `None` while the walk is undecided.
    pub fn decision(&self) -> Option<&Decision> {
        self.decision.as_ref()
    }

    /// Reads the file of the walk, and those of its tags, and changes nothing. A reply that a run
    /// is appending at this moment does not count yet.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the file cannot be read.
    pub fn contents(&self) -> Result<Contents, JournalError> {
        let path = self.path.join(PAGES);
        let read = File::open(&path).and_then(|file| Contents::read(&file, &self.header));
        let contents = read.map_err(JournalError::io("read", &path))?;
        if !self.header.of_tags {
            return Ok(contents);
        }
        let is_of_tag = |name: &String| name.strip_prefix(TAG).is_some_and(|tag| tag.parse::<i32>().is_ok());
        let names = disk::names(&self.path)?.into_iter().filter(is_of_tag);
        let tags =
            names.map(|name| Contents::of_part(&self.path.join(name).join(PAGES))).collect::<Result<Vec<_>, _>>()?;
        Ok(contents.with_tags(tags.into_iter().flatten().collect()))
    }

    /// Returns whether a run at `now` finishes this open walk: it began at most `resume_within`
    /// ago, or has reached its end, so that it needs no more calls. A walk that was given up is
    /// never resumed.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the pages cannot be read.
    pub fn is_resumable(&self, resume_within: Duration, now: DateTime<Utc>) -> Result<bool, JournalError> {
        let age = (now - self.header.begun_at).to_std().unwrap_or_default();
        Ok(!self.is_given_up() && (age <= resume_within || self.contents()?.end().is_some()))
    }

    /// Returns the commit record of `recipient`; `None` if it has not published this walk.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the record cannot be read, [`JournalError::Record`] if it is not
    /// what was written.
    pub fn commit(&self, recipient: &Recipient) -> Result<Option<Commit>, JournalError> {
        let path = self.commit_path(recipient);
        match disk::read_record::<Commit>(&path)? {
            Some(commit) if commit.recipient != *recipient => {
                Err(JournalError::Record { path, what: "it is the record of another sink".to_owned() })
            }
            commit => Ok(commit),
        }
    }

    /// Records the decision, which fixes the list. It is durable when this returns. The journal of
    /// the walk then [takes](super::Journal::decided) it.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the record cannot be written; the walk is then undecided.
    pub fn record_decision(&self, decision: Decision) -> Result<RecordedDecision, JournalError> {
        disk::write_record(&self.path.join(DECISION), &decision)?;
        Ok(RecordedDecision(decision))
    }

    /// Records that a sink has published this walk. The record is durable when this returns.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the record cannot be written; the next run delivers the list to the
    /// sink again.
    pub fn record_commit(&self, commit: &Commit) -> Result<(), JournalError> {
        disk::write_record(&self.commit_path(&commit.recipient), commit)
    }

    /// Records that another walk rests on this one. The record is durable when this returns, and
    /// counts as long as the other walk exists, from its [draft](super::BatchDraft) on. This needs
    /// no lock.
    ///
    /// # Errors
    ///
    /// [`JournalError::Gone`] if this walk has been removed; [`JournalError::Io`] if the record
    /// cannot be written.
    pub fn pin(&self, pin: &Pin) -> Result<(), JournalError> {
        pins::write(&self.path, pin)
    }

    /// Removes the record that another walk rests on this one, if there is one.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if it cannot be removed.
    pub fn unpin(&self, pin: &Pin) -> Result<(), JournalError> {
        pins::remove(&self.path, pin)
    }

    /// Returns whether another walk rests on this one.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the records cannot be listed.
    pub fn is_pinned(&self) -> Result<bool, JournalError> {
        pins::hold(&self.path)
    }

    /// Records that this open walk can never be complete, so that no run resumes it. `reason` is
    /// for a person who looks at the record; it names no follower.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the record cannot be written.
    pub fn give_up(&self, reason: &str) -> Result<(), JournalError> {
        disk::write_record(&self.path.join(GIVEN_UP), &GivenUp { reason: reason.to_owned() })
    }

    /// Returns whether this walk was given up. The record counts even if it is damaged.
    pub fn is_given_up(&self) -> bool {
        self.path.join(GIVEN_UP).exists()
    }

    /// Returns the sinks of the decision that have not published this walk under any options. An
    /// undecided walk has no such sinks.
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

    /// Returns whether this walk, which is newer than `older`, was decided by the same pipeline for
    /// the same date. A walk of changes replaces none: each of them tells other changes.
    pub(super) fn replaces(&self, older: &Self) -> bool {
        let (Some(decision), Some(older_decision)) = (&self.decision, &older.decision) else { return false };
        let tells_changes = older.header.plan.as_ref().is_some_and(|plan| plan.changes.is_some());
        self.header.date == older.header.date && decision.pipeline == older_decision.pipeline && !tells_changes
    }

    fn commit_path(&self, recipient: &Recipient) -> PathBuf {
        // Names in a pipeline file have letters, digits, `-` and `_`, so a full stop separates
        // them.
        let Recipient { pipeline, sink, options, .. } = recipient;
        self.path.join(COMMITS).join(format!("{pipeline}.{sink}.{options}.json"))
    }
}

/// Returns whether a reply follows the header in a walk's file; not if there is no such file.
fn has_reply(path: &Path, header: &Header) -> Result<bool, JournalError> {
    match File::open(path).and_then(|file| Contents::have_reply(&file, header)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        found => found.map_err(JournalError::io("read", path)),
    }
}

/// Reads the header of a walk's file; `None` if there is no such file, or no readable header in it.
pub(super) fn read_header(path: &Path) -> Result<Option<Header>, JournalError> {
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
