//! The room on the disks, against what the lists will take.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt;

use indicatif::HumanBytes;

use super::account::AccountFindings;
use super::finding::{Check, Finding};
use super::place::Place;
use crate::engine::run_context::RunContext;
use crate::error::Exit;
use crate::registry::BoundSink;

/// Bytes of a follower in the journal: 28 characters, two quotes, a comma.
const JOURNAL: f64 = 31.0;

/// Bytes of a follower in a sink that has published nothing yet, at most: a line of JSON with every column. Parquet takes
/// 17.
const SINK_AT_MOST: f64 = 150.0;

/// What lies on one file system, and what comes to it.
#[derive(Debug, Default)]
struct Disk {
    free: u64,
    /// Who writes there.
    writers: Vec<String>,
    /// Bytes that are sure to come, and that may.
    least: f64,
    most: f64,
}

/// Compares each file system that a pipeline writes to with what its lists will take there.
pub(super) fn compare(run: &RunContext, sinks: &[BoundSink], accounts: &[AccountFindings]) -> Vec<Finding> {
    let mut disks: BTreeMap<u64, Disk> = BTreeMap::new();
    for place in Place::all(run, sinks) {
        let Ok(folder) = place.folder() else { continue };
        let (Ok(metadata), Ok(system)) = (fs::metadata(&folder), rustix::fs::statvfs(&folder)) else { continue };
        let disk = disks.entry(metadata.dev()).or_default();
        disk.free = system.f_bavail.saturating_mul(system.f_frsize);
        disk.writers
            .push(place.sink.map_or_else(|| "the journal".to_owned(), |index| format!("`{}`", sinks[index].name())));
        for account in accounts {
            let (least, most) = bytes_a_follower(account, place.sink.map(|index| sinks[index].name()));
            let followers = account.followers.unwrap_or(0) as f64;
            disk.least += least * followers;
            disk.most += most * followers;
        }
    }
    let unknown = accounts.iter().filter(|account| account.followers.is_none()).count();
    disks.into_values().map(|disk| disk.judge(unknown)).collect()
}

/// Returns what one follower takes in a place, at least and at most.
fn bytes_a_follower(account: &AccountFindings, sink: Option<&str>) -> (f64, f64) {
    match sink {
        None => (JOURNAL, JOURNAL),
        Some(sink) => match account.published.get(sink) {
            Some(Some(bytes)) => (*bytes, *bytes),
            // It takes another list.
            None if !account.published.is_empty() => (0.0, 0.0),
            _ => (0.0, SINK_AT_MOST),
        },
    }
}

impl Disk {
    /// `unknown` is the number of accounts whose lists have a length that nobody knows yet.
    fn judge(&self, unknown: usize) -> Finding {
        let (least, most) = (self.least as u64, self.most as u64);
        let takes = if least == most {
            format!("about {}", HumanBytes(least))
        } else {
            format!("{} to {}", HumanBytes(least), HumanBytes(most))
        };
        let mut found = format!(
            "{} are free for {}, where the next lists take {takes}",
            HumanBytes(self.free),
            self.writers.join(", ")
        );
        if unknown > 0 {
            let _ = write!(found, " and those of {unknown} accounts that nobody has counted yet");
        }
        let hint = "make room, or move `journal.path` or the sink's folder to a larger disk";
        if self.free < least {
            Finding::error(Check::Disk, Exit::Failed, found).with_hint(hint)
        } else if self.free < most {
            Finding::warning(Check::Disk, found).with_hint(hint)
        } else {
            Finding::ok(Check::Disk, found)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::check::finding::Severity;

    #[test]
    fn a_disk_is_judged_by_what_is_sure_to_come_and_by_what_may() {
        let judge = |free| Disk { free, writers: vec!["`lake`".to_owned()], least: 1e6, most: 2e6 }.judge(0);
        assert_eq!(judge(2_000_000).severity, Severity::Ok);
        assert_eq!(judge(1_999_999).severity, Severity::Warning);
        let full = judge(999_999);
        assert_eq!((full.severity, full.exit), (Severity::Error, Exit::Failed));
        assert_eq!(full.found, "976.56 KiB are free for `lake`, where the next lists take 976.56 KiB to 1.91 MiB");
    }

    #[test]
    fn a_sink_that_has_published_is_foreseen_by_that() {
        let published = [("lake".to_owned(), None), ("lines".to_owned(), Some(17.5))].into();
        let account = AccountFindings { followers: Some(10), published, ..AccountFindings::default() };
        assert_eq!(bytes_a_follower(&account, None), (JOURNAL, JOURNAL));
        assert_eq!(bytes_a_follower(&account, Some("lake")), (0.0, SINK_AT_MOST));
        assert_eq!(bytes_a_follower(&account, Some("lines")), (17.5, 17.5));
        assert_eq!(bytes_a_follower(&account, Some("people")), (0.0, 0.0), "it takes another list");
        // Of an account that could not be looked at nothing is known.
        assert_eq!(bytes_a_follower(&AccountFindings::default(), Some("lines")), (0.0, SINK_AT_MOST));
    }
}
