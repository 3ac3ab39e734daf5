//! The free space on the disks, against what the next lists will take.
//!
//! Before it: [`unit`](super::unit) knows the length of each list, [`place`](super::place) where
//! the run writes. Behind it: a finding for each file system.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt;

use indicatif::HumanBytes;

use super::finding::{Check, Finding};
use super::place::Place;
use super::unit::UnitFindings;
use crate::engine::run_context::RunContext;
use crate::error::Exit;
use crate::registry::BoundSink;
use crate::wechat::Reading;

/// Bytes per row in the journal of a list of pages: 28 characters, two quotes, a comma.
const JOURNAL: f64 = 31.0;

/// Bytes per row in the journal of a list of batches, compressed, with some that are asked twice.
const JOURNAL_OF_BATCHES: f64 = 100.0;

/// The most bytes per row in a sink that has published nothing yet: a line of JSON with every
/// column. Parquet takes 17 for a follower.
const SINK_AT_MOST: f64 = 150.0;

/// The same for a profile.
const SINK_AT_MOST_OF_PROFILES: f64 = 900.0;

/// One file system, and what the next lists take there.
#[derive(Debug, Default)]
struct Disk {
    free: u64,
    /// The journal and the sinks that write there.
    writers: Vec<String>,
    /// The fewest bytes that the next lists take.
    least: f64,
    /// The most bytes that the next lists take.
    most: f64,
}

/// Compares the free space on each file system with what the next lists of the pipeline take there.
pub(super) fn compare(run: &RunContext, sinks: &[BoundSink], units: &[UnitFindings]) -> Vec<Finding> {
    let mut disks: BTreeMap<u64, Disk> = BTreeMap::new();
    for place in Place::all(run, sinks) {
        let Some(folder) = place.folder() else { continue };
        let (Ok(metadata), Ok(system)) = (fs::metadata(&folder), rustix::fs::statvfs(&folder)) else { continue };
        let disk = disks.entry(metadata.dev()).or_default();
        disk.free = system.f_bavail.saturating_mul(system.f_frsize);
        disk.writers
            .push(place.sink.map_or_else(|| "the journal".to_owned(), |index| format!("`{}`", sinks[index].name())));
        for unit in units {
            let (least, most) = bytes_per_row(unit, place.sink.map(|index| sinks[index].name()));
            let rows = unit.rows.unwrap_or(0) as f64;
            disk.least += least * rows;
            disk.most += most * rows;
        }
    }
    let uncounted = units.iter().filter(|unit| unit.rows.is_none()).count();
    disks.into_values().map(|disk| disk.finding(uncounted)).collect()
}

/// Returns the bytes that one row takes in a sink, or in the journal for `None`: the fewest and the
/// most.
fn bytes_per_row(unit: &UnitFindings, sink: Option<&str>) -> (f64, f64) {
    let (journal, at_most) = match unit.list.reading() {
        Reading::Pages { .. } | Reading::PagesOfTags | Reading::Derived => (JOURNAL, SINK_AT_MOST),
        Reading::Batches => (JOURNAL_OF_BATCHES, SINK_AT_MOST_OF_PROFILES),
    };
    let Some(sink) = sink else { return (journal, journal) };
    match unit.published.as_ref().map(|published| published.get(sink)) {
        Some(Some(Some(bytes))) => (*bytes, *bytes),
        // The sink takes another list.
        Some(None) => (0.0, 0.0),
        Some(Some(None)) | None => (0.0, at_most),
    }
}

impl Disk {
    /// Makes the finding; the length of `uncounted` lists is not known yet.
    fn finding(&self, uncounted: usize) -> Finding {
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
        if uncounted > 0 {
            let _ = write!(found, "; lists that are not counted yet: {uncounted}");
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
    use crate::wechat::List;

    #[test]
    fn a_disk_must_hold_the_fewest_bytes_and_should_hold_the_most() {
        let finding = |free| Disk { free, writers: vec!["`lake`".to_owned()], least: 1e6, most: 2e6 }.finding(0);
        assert_eq!(finding(2_000_000).severity, Severity::Ok);
        assert_eq!(finding(1_999_999).severity, Severity::Warning);
        let full = finding(999_999);
        assert_eq!((full.severity, full.exit), (Severity::Error, Exit::Failed));
        assert_eq!(full.found, "976.56 KiB are free for `lake`, where the next lists take 976.56 KiB to 1.91 MiB");
    }

    #[test]
    fn what_a_sink_will_take_is_what_it_has_published_last() {
        let published = Some([("lake".to_owned(), None), ("lines".to_owned(), Some(17.5))].into());
        let unit = UnitFindings { rows: Some(10), published, ..UnitFindings::default() };
        assert_eq!(bytes_per_row(&unit, None), (JOURNAL, JOURNAL));
        assert_eq!(bytes_per_row(&unit, Some("lake")), (0.0, SINK_AT_MOST));
        assert_eq!(bytes_per_row(&unit, Some("lines")), (17.5, 17.5));
        assert_eq!(bytes_per_row(&unit, Some("people")), (0.0, 0.0), "it takes another list");
        // Nothing is known of a list that could not be checked.
        assert_eq!(bytes_per_row(&UnitFindings::default(), Some("lines")), (0.0, SINK_AT_MOST));
        let profiles = UnitFindings { list: List::PROFILES, ..UnitFindings::default() };
        assert_eq!(bytes_per_row(&profiles, Some("lines")), (0.0, SINK_AT_MOST_OF_PROFILES));
        assert_eq!(bytes_per_row(&profiles, None), (JOURNAL_OF_BATCHES, JOURNAL_OF_BATCHES));
    }
}
