//! A project of one account and four sinks of files, for tests of what runs leave behind.

use std::path::{Path, PathBuf};

use fanout::simulator::SimulatorBuilder;

use super::outputs::{openids, openids_of_lines, published, tree};
use super::project::Project;

pub(crate) const APP_ID: &str = "wxcrash";
/// The day on which every run begins: midnight in Beijing changes nothing.
pub(crate) const DATE: &str = "2026-11-22";
/// The most calls that a restart adds: the page that is read again, and the one that was under way.
pub(crate) const CALLS_OF_A_RESTART: u64 = 2;
/// `max_file_rows` of the first sink.
const FILE_ROWS: u64 = 5_000;

/// Each sink with its type and options, in the order in which they commit; the root is
/// `out/<sink>`.
pub(crate) const SINKS: [(&str, &str, &str); 4] = [
    ("lake", "parquet", "max_file_rows = 5_000\nrow_group_rows = 700"),
    ("lines", "ndjson", ""),
    ("packed", "ndjson", "compression = 'zstd'"),
    ("single", "parquet", "layout = 'followers.parquet'"),
];

/// Makes a project that delivers the list of this API to the four sinks.
pub(crate) fn project(simulator: SimulatorBuilder) -> Project {
    let builder = Project::builder().name("crash").account("brand", APP_ID).simulator(simulator).date(DATE);
    SINKS.into_iter().fold(builder, |builder, (sink, kind, options)| builder.sink_of_files(sink, kind, options)).build()
}

/// Returns the root of a sink's output.
pub(crate) fn root(project: &Project, sink: &str) -> PathBuf {
    project.path("out").join(sink)
}

/// Returns the `OpenID`s that the plain lines have, as they stand there.
pub(crate) fn listed(project: &Project) -> Vec<String> {
    openids_of_lines(&root(project, "lines"))
}

/// Asserts what readers are promised: at every sink there is nothing, or a whole list of one of
/// these lengths.
pub(crate) fn holds_nothing_or_a_whole_list(project: &Project, lengths: &[u64]) {
    for (sink, _, options) in SINKS {
        let root = root(project, sink);
        match published(&root) {
            Some(list) => assert!(lengths.contains(&list.rows), "{sink} has published {} rows", list.rows),
            // A single file is published before its marker: without the marker it may be there, and
            // is whole.
            None if options.contains("layout") => {
                for file in visible(&root).filter(|name| !name.to_string_lossy().starts_with('_')) {
                    let rows = openids(&[root.join(file)]).len() as u64;
                    assert!(lengths.contains(&rows), "{sink} shows {rows} rows");
                }
            }
            None => {
                let shown: Vec<PathBuf> = visible(&root).collect();
                assert!(shown.is_empty(), "{sink} shows what has no marker: {shown:?}");
            }
        }
    }
}

/// Returns the names of the files below a folder that readers do not skip. A kill leaves the lock
/// of a place, whose name is hidden.
fn visible(root: &Path) -> impl Iterator<Item = PathBuf> {
    let is_hidden = |name: &PathBuf| name.file_name().unwrap().to_string_lossy().starts_with('.');
    tree(root).into_keys().filter(move |name| !is_hidden(name))
}

/// Asserts that every sink has published the list `truth`, and that nothing else is left.
pub(crate) fn holds_the_list(project: &Project, truth: &[String]) {
    for (sink, _, _) in SINKS {
        let list = published(&root(project, sink)).unwrap_or_else(|| panic!("{sink} has published nothing"));
        assert_eq!(list.rows, truth.len() as u64, "{sink}");
        assert!(openids(&list.files) == truth, "{sink} has other followers, or another order");
        let staging = project.path("out").join(format!("{sink}.staging"));
        assert!(!staging.exists(), "{} was left behind", staging.display());
    }
    let parts = published(&root(project, SINKS[0].0)).unwrap().files.len() as u64;
    assert_eq!(parts, (truth.len() as u64).div_ceil(FILE_ROWS).max(1));
}
