//! Other programs read the stream of the `arrow` sink: on stdout, in files and in a pipe, of whole
//! runs, of runs without a list, and of runs that were cut. `fanout_etl.read` is one of them.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use fanout::simulator::Simulator;
use serde_json::{Value, json};

use crate::readers::read_with;
use crate::support::{Ended, Project, python_with, signal, wait_until, wrapped};

const SCRIPT: &str = "tests/it/arrow_stream.py";
const HOW_TO_GET_THEM: &str = "pip install pyarrow polars duckdb, and name that Python in READERS_PYTHON";
const ACCOUNTS: [(&str, &str); 3] = [("brand", "wx1"), ("shop", "wx2"), ("school", "wx3")];
const COMPRESSIONS: [&str; 3] = ["none", "lz4", "zstd"];
const NO_SERVER: &str = "source.base_url=http://127.0.0.1:1";

/// Makes a project of three accounts, each with its own followers, and a file `truth` with all of
/// them by app id.
fn project(followers: u64, sinks: &str) -> Project {
    let mut builder = Project::builder().keys("source.retry = { attempts = 2, base_ms = 1 }").sinks(sinks);
    for (name, app_id) in ACCOUNTS {
        builder = builder.account(name, app_id);
    }
    let project = builder.simulator(Simulator::builder().followers(followers).page_size(3_000)).build();
    let truth = ACCOUNTS.map(|(_, app_id)| (app_id.to_owned(), json!(project.truth_of(app_id))));
    fs::write(project.path("truth"), Value::Object(truth.into_iter().collect()).to_string()).unwrap();
    project
}

fn to_files() -> String {
    let sink = |name: &str| {
        format!("[sinks.{name}]\ntype = 'arrow'\noptions = {{ path = 'out/{name}.arrow', compression = '{name}' }}\n")
    };
    COMPRESSIONS.map(sink).concat()
}

const TO_STDOUT: &str = "[sinks.stream]\ntype = 'arrow'\noptions.path = '-'\n";

/// Asserts that the readers find the truth in each file (`whole`), no row (`empty`), or that it was
/// cut (`cut`, with the least number of places at which the script cuts it).
#[track_caller]
fn assert_read(project: &Project, how: &str, files: &[&str]) {
    let arguments: Vec<&str> = [how].into_iter().chain(files.iter().copied()).collect();
    if let Some((code, said)) = read_with(project, SCRIPT, &arguments, HOW_TO_GET_THEM) {
        assert_eq!(code, 0, "{said}");
        let readings = said.lines().filter(|line| line.starts_with("ok ")).count();
        assert!(readings >= 2 * files.len(), "{said}");
    }
}

fn to_stdout(project: &Project, more: &[&str]) -> Output {
    project.run_command(more).output().unwrap()
}

#[test]
fn other_programs_read_all_lists_of_a_run_in_every_compression_and_again_without_a_call() {
    let project = project(10_000, &to_files());
    let files = COMPRESSIONS.map(|name| format!("out/{name}.arrow"));
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    for round in 0..2 {
        let calls = project.calls();
        project.finish(&[]);
        assert_eq!(project.calls() > calls, round == 0);
        assert_read(&project, "whole", &files);
    }
    assert_read(&project, "every-cut", &files);
}

#[test]
fn the_readers_notice_a_stream_that_is_not_the_truth() {
    let project = project(300, &to_files());
    project.finish(&[]);
    let truth = fs::read_to_string(project.path("truth")).unwrap();
    fs::write(project.path("truth"), truth.replacen("\"o", "\"p", 1)).unwrap();
    if let Some((code, said)) = read_with(&project, SCRIPT, &["whole", "out/none.arrow"], HOW_TO_GET_THEM) {
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("row 0 of wx1 is"), "{said}");
    }
}

#[test]
fn stdout_has_the_stream_alone_and_the_report_goes_to_stderr() {
    let project = project(10_000, TO_STDOUT);
    let ended = to_stdout(&project, &["--json"]);
    assert!(ended.status.success(), "{ended:?}");
    fs::write(project.path("stdout"), &ended.stdout).unwrap();
    assert_read(&project, "whole", &["stdout"]);
    let report: Value = serde_json::from_slice(&ended.stderr).unwrap();
    for account in report["accounts"].as_array().unwrap() {
        let sink = &account["sinks"][0];
        assert_eq!((&sink["state"], &sink["one_shot"]), (&json!("published"), &json!(true)), "{account:#}");
        assert_eq!((&sink["rows"], &sink["outputs"][0]["location"]), (&json!(10_000), &json!("stdout")));
    }
    let check = project.command_with_secrets(&["check", "pipeline.toml"]).output().unwrap();
    assert!(check.status.success() && !check.stdout.starts_with(&[0xFF; 4]), "a check writes no stream: {check:?}");
}

#[test]
fn lists_without_rows_are_an_empty_stream() {
    let project = project(0, TO_STDOUT);
    let ended = to_stdout(&project, &[]);
    assert!(ended.status.success(), "{ended:?}");
    fs::write(project.path("stdout"), &ended.stdout).unwrap();
    assert_read(&project, "empty", &["stdout"]);
}

#[test]
fn a_stream_of_a_run_that_lacks_a_list_is_refused() {
    let project = project(10, "[sinks.stream]\ntype = 'arrow'\noptions.path = 'stream'\n");
    project.finish(&[]);
    assert_read(&project, "whole", &["stream"]);
    let ended = to_stdout(&project, &["--set", NO_SERVER, "--fresh"]);
    assert_eq!(ended.status.code(), Some(75), "{ended:?}");
    // Nothing of the run before is left, and not the end of a stream.
    assert_read(&project, "cut", &["stream"]);
}

#[test]
fn a_stream_with_the_list_of_one_account_of_three_is_refused() {
    let project = project(10, "[sinks.stream]\ntype = 'arrow'\noptions.path = 'stream'\n");
    project.finish(&["--account", "brand"]);
    let ended = to_stdout(&project, &["--set", NO_SERVER]);
    assert_eq!(ended.status.code(), Some(75), "the lists of two accounts are missing: {ended:?}");
    assert!(fs::metadata(project.path("stream")).unwrap().len() > 0);
    assert_read(&project, "cut", &["stream"]);
}

#[test]
fn a_run_whose_pipe_has_no_reader_ends_with_a_signal() {
    let project = project(10, "[sinks.stream]\ntype = 'arrow'\noptions.path = 'pipe'\n");
    assert!(Command::new("mkfifo").arg(project.path("pipe")).status().unwrap().success());
    let process = project.start(&[]);
    wait_until("the lists are in the journal", || project.calls() >= 3 * 2);
    let begun = Instant::now();
    signal(&process, "INT");
    let ended = Ended::after(process);
    assert!(begun.elapsed() < Duration::from_secs(6), "{ended:?}");
    assert_eq!(ended.code, Some(130), "{ended:?}");
}

#[test]
fn a_stream_of_a_run_that_was_killed_is_refused() {
    let project = project(100_000, TO_STDOUT);
    let mut process = project.start(&[]);
    let mut stdout = process.stdout.take().unwrap();
    let mut stream = vec![0; 2 << 20];
    stdout.read_exact(&mut stream).unwrap();
    process.kill().unwrap();
    process.wait().unwrap();
    stdout.read_to_end(&mut stream).unwrap();
    fs::write(project.path("stdout"), &stream).unwrap();
    assert_read(&project, "cut", &["stdout"]);

    let ended = to_stdout(&project, &[]);
    assert!(ended.status.success(), "{ended:?}");
    fs::write(project.path("stdout"), &ended.stdout).unwrap();
    assert_read(&project, "whole", &["stdout"]);
}

#[test]
fn a_pipe_gets_the_stream_while_its_reader_reads() {
    let project = project(10_000, "[sinks.stream]\ntype = 'arrow'\noptions.path = 'pipe'\n");
    assert!(Command::new("mkfifo").arg(project.path("pipe")).status().unwrap().success());
    // A check must not look like the beginning and the end of a stream.
    assert!(project.command_with_secrets(&["check", "pipeline.toml"]).output().unwrap().status.success());
    let read = File::create(project.path("read")).unwrap();
    let mut reader = Command::new("cat").arg(project.path("pipe")).stdout(read).spawn().unwrap();
    project.finish(&[]);
    assert!(reader.wait().unwrap().success());
    assert_read(&project, "whole", &["read"]);
}

#[test]
fn python_reads_lists_by_one_call_and_learns_from_errors_what_to_do() {
    let Some(python) = python_with("pyarrow") else { return };
    let project = project(10_000, "[sinks.archive]\ntype = 'parquet'\noptions.root = 'out'\n");
    let tree = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut script = Command::new(python);
    script.arg(tree.join("tests/it/fanout_etl_read.py"));
    let mut script = wrapped(script, &project.run_command(&[]));
    script.env("PYTHONPATH", tree.join("integrations/python")).env("PYTHONDONTWRITEBYTECODE", "1");
    let ended = script.output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout) + String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{said}");
    // Of all readings, the first has made the calls: four pages and the end, of each account.
    assert_eq!(project.calls(), 3 * 5, "{said}");
}
