//! The table of sinks/parquet/README.md: which reader reads which encoding and compression.
//!
//! Here are the readers that are Python packages. `tests/parquet-readers/run` has the others.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::support::{Project, run_script};

const FOLLOWERS: u64 = 30_500;
const ENCODINGS: [&str; 3] = ["mixed", "plain", "delta"];
const COMPRESSIONS: [&str; 5] = ["zstd", "snappy", "gzip", "lz4_raw", "none"];
const READERS: [&str; 6] = ["pyarrow", "pandas", "duckdb", "polars", "datafusion", "fastparquet"];
const TABLE: &str = "sinks/parquet/README.md";

const HOW_TO_GET_THEM: &str =
    "pip install pyarrow pandas duckdb polars datafusion fastparquet, and name that Python in READERS_PYTHON";

/// Publishes a list in each encoding and compression, to `lists/<encoding>-<compression>`, and as
/// lines of JSON to `truth`.
fn publish() -> Project {
    let mut pipeline = format!("name = 'p'\n[source]\nsimulate = {{ followers = {FOLLOWERS} }}\n");
    pipeline += "[limits]\nmemory = '1 GiB'\n";
    pipeline += "[sinks.truth]\ntype = 'ndjson'\noptions = { root = 'truth', layout = 'list.ndjson' }\n";
    for encoding in ENCODINGS {
        for compression in COMPRESSIONS {
            write!(
                pipeline,
                "[sinks.{encoding}_{compression}]\ntype = 'parquet'\n[sinks.{encoding}_{compression}.options]\n\
                 root = 'lists/{encoding}-{compression}'\nrow_group_rows = 20_000\n\
                 encoding = '{encoding}'\ncompression = '{compression}'\n"
            )
            .unwrap();
        }
    }
    let project = Project::new(&pipeline);
    let run = project.fanout(&["run", "pipeline.toml", "--date", "2026-11-22"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    project
}

fn table() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(TABLE)
}

/// Lets `readers` read the lists, and compare what they read with their rows of `table`.
fn read(project: &Project, table: &Path, readers: &[&str]) -> Option<(i32, String)> {
    let mut arguments = vec![table.to_str().unwrap(), "truth/list.ndjson", "lists"];
    arguments.extend(readers);
    let not_done = "other programs were not asked to read every encoding of Parquet";
    run_script(project, "tests/it/parquet_readers.py", &arguments, not_done, HOW_TO_GET_THEM)
}

#[test]
fn each_reader_reads_the_encodings_and_compressions_that_the_table_says() {
    let project = publish();
    if let Some((code, said)) = read(&project, &table(), &READERS) {
        assert_eq!(code, 0, "{said}");
        assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), READERS.len(), "{said}");
    }
}

#[test]
fn a_table_that_promises_too_much_and_a_value_that_is_not_the_truth_are_noticed() {
    let project = publish();
    let promise = std::fs::read_to_string(table()).unwrap().replace("| all | all | none |", "| all | all | all |");
    std::fs::write(project.path("promise.md"), promise).unwrap();
    if let Some((code, said)) = read(&project, &project.path("promise.md"), &["fastparquet"]) {
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("FAILED  | fastparquet") && said.contains("| all | all | none |"), "{said}");
    }
    let truth = std::fs::read_to_string(project.path("truth/list.ndjson")).unwrap();
    let other = truth.replacen("\"page\":1,", "\"page\":2,", 1);
    assert_ne!(truth, other);
    std::fs::write(project.path("truth/list.ndjson"), other).unwrap();
    if let Some((code, said)) = read(&project, &table(), &["pyarrow"]) {
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("WRONG   pyarrow reads another list from mixed-zstd"), "{said}");
    }
}
