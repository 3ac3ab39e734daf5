//! What other programs read: pyarrow, duckdb and polars see the list, exactly and in order, and nothing beside it.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Output};

use fanout::simulator::Followers;
use tempfile::TempDir;

use crate::support::{say, variable};

const FOLLOWERS: u64 = 30_500;
/// Three whole files and a short one in the layout that rolls.
const FILE_ROWS: u64 = 9_000;

/// What the script ends with where a module is missing.
const NOT_INSTALLED: i32 = 3;
const HOW_TO_GET_THEM: &str = "pip install pyarrow duckdb polars, and name that Python in READERS_PYTHON";

/// Each sink with its type and options. The root is `out/<sink>/root`, so that its parent belongs to it alone.
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
        write!(text, "[sinks.{sink}]\ntype = '{kind}'\n[sinks.{sink}.options]\nroot = 'out/{sink}/root'\n{options}\n")
            .unwrap();
    }
    text
}

/// Publishes a list to every sink, and then again from a new walk of the same date, which takes the first one's place.
fn publish_twice(folder: &Path) {
    let file = folder.join("readers.toml");
    std::fs::write(&file, pipeline()).unwrap();
    for more in [&["--date", "2026-11-22"][..], &["--date", "2026-11-22", "--fresh"]] {
        let run = Command::new(env!("CARGO_BIN_EXE_fanout")).arg("run").arg(&file).args(more).output().unwrap();
        assert!(run.status.success(), "{}", text(&run));
    }
}

/// Writes the list as it must come out, one OpenID a line.
fn write_truth(folder: &Path) {
    // The defaults of `[source] simulate`, and of the account where a simulated file names none.
    let lines: Vec<String> = Followers::new(1, "wxsimulated", FOLLOWERS).iter().collect();
    std::fs::write(folder.join("truth"), lines.join("\n") + "\n").unwrap();
}

fn read(folder: &Path, outputs: &[(&str, String)]) -> Output {
    let mut command = Command::new(variable("READERS_PYTHON").unwrap_or_else(|| "python3".to_owned()));
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/readers.py"));
    command.arg(folder.join("truth")).current_dir(folder);
    for (format, output) in outputs {
        command.args([format, output.as_str()]);
    }
    command.output().unwrap_or_else(|error| Output {
        status: std::os::unix::process::ExitStatusExt::from_raw(NOT_INSTALLED << 8),
        stdout: error.to_string().into_bytes(),
        stderr: Vec::new(),
    })
}

/// Returns whether the readers are there; if not, says so, or fails where nothing may be skipped.
fn are_installed(status: ExitStatus, output: &str) -> bool {
    if status.code() != Some(NOT_INSTALLED) {
        return true;
    }
    assert!(variable("FANOUT_REQUIRE_ALL").is_none(), "the readers are not installed: {output}{HOW_TO_GET_THEM}");
    say(&format!("skipped: other programs were not asked to read the output; {HOW_TO_GET_THEM}"));
    false
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn other_programs_read_the_list_exactly_and_in_order() {
    let folder = TempDir::new().unwrap();
    publish_twice(folder.path());
    write_truth(folder.path());
    let parts = folder.path().join("out/rolled/root/dt=2026-11-22/account=simulated");
    let files = std::fs::read_dir(parts).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(files.filter(|name| name.starts_with("part-")).count() as u64, FOLLOWERS.div_ceil(FILE_ROWS));
    // The root, and its parent as well: staging lies beside the root, and must be gone.
    let places = SINKS.map(|(sink, format, _)| [(format, format!("out/{sink}/root")), (format, format!("out/{sink}"))]);
    let output = read(folder.path(), &places.concat());
    let said = text(&output);
    if are_installed(output.status, &said) {
        assert!(output.status.success(), "{said}");
        // Three readers a place, and one more where a root has partitions.
        let readings = said.lines().filter(|line| line.starts_with("ok ")).count();
        assert_eq!(readings, 3 * places.concat().len() + 2, "{said}");
    }
}

#[test]
fn the_readers_notice_a_list_that_is_not_the_truth() {
    let folder = TempDir::new().unwrap();
    publish_twice(folder.path());
    write_truth(folder.path());
    let truth = folder.path().join("truth");
    let lines = std::fs::read_to_string(&truth).unwrap();
    let (first, rest) = lines.split_once('\n').unwrap();
    std::fs::write(&truth, format!("{rest}{first}\n")).unwrap();
    let output = read(folder.path(), &[("parquet", "out/folder/root".to_owned())]);
    let said = text(&output);
    if are_installed(output.status, &said) {
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("row 0 is"), "{said}");
    }
}
