//! Other programs read the outputs: pyarrow, duckdb and polars see the list exactly and in order,
//! and nothing else.

mod arrow_stream;
mod current_table;
mod hive_paths;
mod kafka_batches;
mod parquet_encodings;
mod profile_columns;
mod profiles;

use std::ffi::OsStr;
use std::fmt::Write as _;

use fanout::simulator::Followers;

use crate::support::{Project, run_script};

const FOLLOWERS: u64 = 30_500;
/// Three whole files and a short one in the layout that rolls.
const FILE_ROWS: u64 = 9_000;

const HOW_TO_GET_THEM: &str = "pip install pyarrow duckdb polars, and name that Python in READERS_PYTHON";

/// Each sink with its type and options. The root is `out/<sink>/lists`, so that its parent belongs
/// to it alone.
const SINKS: [(&str, &str, &str); 6] = [
    ("folder", "parquet", ""),
    ("rolled", "parquet", "max_file_rows = 9_000"),
    ("single", "parquet", "layout = 'followers.parquet'"),
    ("plain", "ndjson", ""),
    ("zstd", "ndjson", "compression = 'zstd'"),
    ("gzip", "ndjson", "compression = 'gzip'\nlayout = 'followers.ndjson.gz'"),
];

fn pipeline() -> String {
    let mut text = format!("name = 'readers'\n[source]\nsimulate = {{ followers = {FOLLOWERS} }}\n");
    for (sink, kind, options) in SINKS {
        write!(text, "[sinks.{sink}]\ntype = '{kind}'\n[sinks.{sink}.options]\nroot = 'out/{sink}/lists'\n{options}\n")
            .unwrap();
    }
    text
}

/// Publishes a list to every sink, and then a new walk of the same date, which replaces the first
/// one. The file `truth` has the expected list, one OpenID a line.
fn publish_twice() -> Project {
    let project = Project::new(&pipeline());
    for more in [&["--clock", "2026-11-22T04:00:00Z"][..], &["--clock", "2026-11-22T05:00:00Z", "--fresh"]] {
        let run = project.fanout(&[&["run", "pipeline.toml"], more].concat());
        assert_eq!(run.code, Some(0), "{run:?}");
    }
    // The seed is the default of `[source] simulate`, the app id that of a simulated file without
    // accounts.
    let lines: Vec<String> = Followers::new(1, "wxsimulated", FOLLOWERS).iter().collect();
    std::fs::write(project.path("truth"), lines.join("\n") + "\n").unwrap();
    project
}

/// Lets the readers read `outputs`, each a format and a folder.
fn read(project: &Project, outputs: &[(&str, String)]) -> Option<(i32, String)> {
    let outputs: Vec<&str> = outputs.iter().flat_map(|(format, output)| [*format, output.as_str()]).collect();
    read_with(project, "tests/it/readers.py", &outputs, HOW_TO_GET_THEM)
}

/// Lets a script read `outputs` and compare them with the file `truth`. `None` if it lacks a
/// module.
pub(crate) fn read_with(
    project: &Project,
    script: &str,
    outputs: &[impl AsRef<OsStr>],
    how_to_get_it: &str,
) -> Option<(i32, String)> {
    let arguments: Vec<&OsStr> = std::iter::once("truth".as_ref()).chain(outputs.iter().map(AsRef::as_ref)).collect();
    run_script(project, script, &arguments, "other programs were not asked to read the output", how_to_get_it)
}

#[test]
fn other_programs_read_the_list_exactly_and_in_order() {
    let project = publish_twice();
    let parts = project.path("out/rolled/lists/dt=2026-11-22/account=simulated");
    let files = std::fs::read_dir(parts).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(files.filter(|name| name.starts_with("part-")).count() as u64, FOLLOWERS.div_ceil(FILE_ROWS));
    // The parent of the root as well: staging is beside the root, and must be gone.
    let places =
        SINKS.map(|(sink, format, _)| [(format, format!("out/{sink}/lists")), (format, format!("out/{sink}"))]);
    if let Some((code, said)) = read(&project, &places.concat()) {
        assert_eq!(code, 0, "{said}");
        // Three readers a place, and one more for each of the two roots with partitions.
        let readings = said.lines().filter(|line| line.starts_with("ok ")).count();
        assert_eq!(readings, 3 * places.concat().len() + 2, "{said}");
    }
}

#[test]
fn the_readers_notice_a_list_that_is_not_the_truth() {
    let project = publish_twice();
    let lines = std::fs::read_to_string(project.path("truth")).unwrap();
    let (first, rest) = lines.split_once('\n').unwrap();
    std::fs::write(project.path("truth"), format!("{rest}{first}\n")).unwrap();
    if let Some((code, said)) = read(&project, &[("parquet", "out/folder/lists".to_owned())]) {
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("row 0 is"), "{said}");
    }
}
