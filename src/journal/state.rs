//! The state folder of one app id: its lock, and its walks from the oldest to the newest.
//!
//! ```text
//! <journal.path>/<app id>/lock
//! <journal.path>/<app id>/<list>.calls.json              the ledger of today's calls
//! <journal.path>/<app id>/<list>/<walk>/pages            the journal
//! <journal.path>/<app id>/<list>/<walk>/decision.json    after every staged sink has prepared
//! <journal.path>/<app id>/<list>/<walk>/commits/*.json   one for each sink that has published
//! ```

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::record::{Commit, Decision, Header, Identity, Recipient};
use super::{Journal, JournalError, Ledger, disk, frame};

/// The file of a walk's decision.
pub(super) const DECISION: &str = "decision.json";

/// What follows the name of a walk's folder until its header is in it, and from when it is being removed. What has one
/// of them when a run begins was left by a crash, and is no walk.
const NEW: &str = "~new";
const OLD: &str = "~old";

/// As much of a lock file is shown: whoever altered it could have made it any length.
const LONGEST_HOLDER: usize = 300;

/// The walks of one app id, held by this process alone.
#[derive(Debug)]
pub struct AccountState {
    folder: PathBuf,
    identity: Identity,
    /// A crash gives the lock back, for it closes the file.
    lock: File,
}

impl Drop for AccountState {
    /// Gives the lock back. To close the file is not enough: a program that is being started at this moment has a copy
    /// of it until it runs.
    fn drop(&mut self) {
        if let Err(error) = self.lock.unlock() {
            tracing::debug!(%error, "the lock of the account is not given back before the file is closed");
        }
    }
}

impl AccountState {
    /// Takes the lock of `identity`'s app id under `path`, and creates what is missing. `holder` is what another run is
    /// told of this one.
    ///
    /// # Errors
    ///
    /// [`JournalError::Locked`] if another process has it; [`JournalError::Io`] if the folder cannot be used.
    pub fn open(path: &Path, identity: Identity, holder: &str) -> Result<Self, JournalError> {
        let account = path.join(&identity.app_id);
        let folder = account.join(&identity.list);
        disk::create_folder(&folder)?;
        let lock_path = account.join("lock");
        let lock = disk::open_file(&lock_path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(JournalError::Locked { app_id: identity.app_id, holder: read_holder(&lock_path) });
            }
            Err(TryLockError::Error(error)) => return Err(JournalError::io("lock", &lock_path)(error)),
        }
        let (process, now) = (std::process::id(), Utc::now().format("%Y-%m-%d %H:%M:%S"));
        let host = rustix::system::uname();
        let holder =
            format!("process {process} on `{}` since {now} UTC, {holder}\n", host.nodename().to_string_lossy());
        // Never empty in between: that is when the next run would read it.
        lock.write_all_at(holder.as_bytes(), 0)
            .and_then(|()| lock.set_len(holder.len() as u64))
            .map_err(JournalError::io(format!("write {} bytes to", holder.len()), &lock_path))?;
        Ok(Self { folder, identity, lock })
    }

    /// Returns the ledger of this list's calls.
    pub fn ledger(&self) -> Ledger {
        Ledger::open(self.folder.with_file_name(format!("{}.calls.json", self.identity.list)))
    }

    /// Returns what was decided on last, `walk` left aside; none if nothing was yet.
    ///
    /// # Errors
    ///
    /// As [`walks`](Self::walks).
    pub fn last_decision(&self, walk: Option<&str>) -> Result<Option<Decision>, JournalError> {
        let mut others =
            self.walks()?.into_iter().rev().filter(|other| walk.is_none_or(|walk| other.header.walk != walk));
        Ok(others.find_map(|other| other.decision))
    }

    /// Returns the walks, oldest first, without reading their pages.
    ///
    /// # Errors
    ///
    /// [`JournalError::Foreign`] for a walk of another identity; [`JournalError::Damaged`] or [`JournalError::Record`]
    /// for a decided walk that cannot be read. One that was never decided and cannot be read is passed over, with a
    /// warning, and so is, without one, whatever does not have the name of a walk.
    pub fn walks(&self) -> Result<Vec<WalkFolder>, JournalError> {
        let mut walks = Vec::new();
        for name in self.names()?.iter().filter(|name| is_walk(name)) {
            walks.extend(WalkFolder::read(self.folder.join(name), &self.identity)?);
        }
        Ok(walks)
    }

    /// Returns the names of everything that lies among the walks, in order.
    fn names(&self) -> Result<Vec<String>, JournalError> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(JournalError::io("list", &self.folder))? {
            let name = entry.map_err(JournalError::io("list", &self.folder))?.file_name();
            names.extend(name.to_str().map(str::to_owned));
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Begins a walk for the logical date `date` at the time `now`.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if it cannot be written; nothing of it is there then.
    pub fn begin(&self, date: &str, now: DateTime<Utc>) -> Result<Journal, JournalError> {
        // Names, not headers: a walk that cannot be read has its number, too.
        let newest = self.names()?.iter().map(|name| number(name)).max().unwrap_or(0);
        // The number gives the order, whatever the clock does; the time keeps names apart when a state was lost.
        let walk = format!("{:06}-{}", newest + 1, now.format("%Y%m%dT%H%M%SZ"));
        let header = Header {
            identity: self.identity.clone(),
            walk: walk.clone(),
            date: date.to_owned(),
            begun_at: now.timestamp_micros(),
        };
        let fresh = self.folder.join(format!("{walk}{NEW}"));
        if fresh.exists() {
            remove(&fresh)?;
        }
        disk::create_folder(&fresh.join("commits"))?;
        let payload = disk::to_json(&header);
        let pages = fresh.join("pages");
        let file = disk::open_file(&pages)?;
        (&file)
            .write_all(&[&frame::prefix(frame::Kind::Header, &[&payload])[..], &payload].concat())
            .and_then(|()| file.sync_all())
            .map_err(JournalError::io(format!("write {} bytes to", frame::PREFIX + payload.len()), &pages))?;
        disk::sync_folder(&fresh)?;
        let folder = self.folder.join(&walk);
        fs::rename(&fresh, &folder).map_err(JournalError::io("rename into place", &folder))?;
        disk::sync_folder(&self.folder)?;
        Journal::open(WalkFolder { path: folder, header, decision: None })
    }

    /// Returns the walks that the pipeline which decided them still owes to a sink, oldest first. Once it has decided a
    /// newer one of the same date it owes them no more: the newer list takes the place of the older one, never the
    /// other way round.
    ///
    /// # Errors
    ///
    /// As [`walks`](Self::walks), and [`JournalError::Io`] if the commit records cannot be listed.
    pub fn owed(&self) -> Result<Vec<WalkFolder>, JournalError> {
        let walks = self.walks()?;
        let mut owed = Vec::new();
        for (place, walk) in walks.iter().enumerate() {
            let is_replaced = walks[place + 1..].iter().any(|newer| newer.replaces(walk));
            if !is_replaced && !walk.lacking()?.is_empty() {
                owed.push(walk.clone());
            }
        }
        Ok(owed)
    }

    /// Removes all walks but the newest `keep`, and never one that is owed to a sink. Returns how many were removed.
    /// A walk that cannot be read and was never decided goes with those of its age, and what a crash left of a walk that
    /// was being begun or removed goes as well.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if a folder cannot be removed.
    pub fn prune(&self, keep: usize) -> Result<usize, JournalError> {
        for name in self.names()?.iter().filter(|name| is_left_behind(name)) {
            remove(&self.folder.join(name))?;
        }
        let owed: Vec<_> = self.owed()?.into_iter().map(|walk| walk.path).collect();
        let walks = self.walks()?;
        let Some(place) = walks.len().checked_sub(keep.max(1)) else { return Ok(0) };
        let oldest_kept = &walks[place].header.walk;
        let mut removed = 0;
        for name in self.names()?.iter().filter(|name| is_walk(name) && *name < oldest_kept) {
            let path = self.folder.join(name);
            if !owed.contains(&path) && path.is_dir() {
                // In one step it is no walk any more: one without its commit records would look owed, and be published
                // over a newer list; one without its pages would look damaged.
                let leaving = self.folder.join(format!("{name}{OLD}"));
                fs::rename(&path, &leaving).map_err(JournalError::io("rename", &path))?;
                disk::sync_folder(&self.folder)?;
                remove(&leaving)?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

/// One walk on disk, as far as it can be known without reading its pages.
#[derive(Clone, Debug)]
pub struct WalkFolder {
    pub(super) path: PathBuf,
    pub(super) header: Header,
    pub(super) decision: Option<Decision>,
}

impl WalkFolder {
    fn read(path: PathBuf, identity: &Identity) -> Result<Option<Self>, JournalError> {
        let decision: Option<Decision> = disk::read_record(&path.join(DECISION))?;
        // In a folder of another name it is a copy, and which of the two is meant nobody knows.
        let header = read_header(&path.join("pages"))?.filter(|header| path.ends_with(&header.walk));
        let Some(header) = header else {
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

    /// Returns the sinks of the deciding pipeline that have not published this walk under any options.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the records cannot be listed.
    pub fn lacking(&self) -> Result<Vec<String>, JournalError> {
        let Some(decision) = &self.decision else { return Ok(Vec::new()) };
        let folder = self.path.join("commits");
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
    fn replaces(&self, older: &Self) -> bool {
        let pipeline = |walk: &Self| walk.decision.as_ref().map(|decision| decision.pipeline.clone());
        self.header.date == older.header.date && self.decision.is_some() && pipeline(self) == pipeline(older)
    }

    fn commit_path(&self, recipient: &Recipient) -> PathBuf {
        // The configuration allows letters, digits, `-` and `_` in names, so a full stop separates them.
        let Recipient { pipeline, sink, options } = recipient;
        self.path.join("commits").join(format!("{pipeline}.{sink}.{options}.json"))
    }
}

/// Returns the number that a walk's name begins with.
pub(super) fn number(name: &str) -> u64 {
    name.split('-').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Returns whether a name is one that [`AccountState::begin`] gives. Anything else that lies there is not ours.
fn is_walk(name: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts = name.strip_suffix('Z').and_then(|name| name.split_once('-')).and_then(|(number, time)| {
        let (day, second) = time.split_once('T')?;
        Some([number, day, second])
    });
    parts.is_some_and(|parts| parts.into_iter().all(is_number))
}

/// Returns what the holder of a lock says of itself, as far as it can be shown.
fn read_holder(path: &Path) -> String {
    let text = fs::read(path).unwrap_or_default();
    let line: String = String::from_utf8_lossy(&text).chars().take_while(|letter| !letter.is_control()).collect();
    if line.is_empty() { "it does not say which".to_owned() } else { line.chars().take(LONGEST_HOLDER).collect() }
}

fn is_left_behind(name: &str) -> bool {
    name.ends_with(NEW) || name.ends_with(OLD)
}

fn remove(folder: &Path) -> Result<(), JournalError> {
    fs::remove_dir_all(folder).map_err(JournalError::io("remove", folder))
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
            if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
