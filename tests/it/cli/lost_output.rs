//! Output that cannot be written is no success; a reader that has had enough is no failure.

use std::fs::File;
use std::process::{Command, Stdio};

use crate::support::{Ended, Project, TWO_ACCOUNTS};

/// A pipeline whose runs need no account, with a published list.
fn published() -> Project {
    let project = Project::new(
        "name = 'test'\nsource.simulate.followers = 250\n[sinks.lake]\ntype = 'parquet'\noptions.root = 'out'\n",
    );
    assert_eq!(project.fanout(&["run", "pipeline.toml"]).code, Some(0));
    project
}

/// Every command with a result on stdout.
const COMMANDS: [&[&str]; 25] = [
    &["run", "pipeline.toml"],
    &["run", "pipeline.toml", "--json"],
    &["replay", "pipeline.toml"],
    &["replay", "pipeline.toml", "--json"],
    &["check", "pipeline.toml"],
    &["check", "pipeline.toml", "--json"],
    &["check", "pipeline.toml", "--connect"],
    &["check", "pipeline.toml", "--connect", "--json"],
    &["status", "pipeline.toml"],
    &["status", "pipeline.toml", "--json"],
    &["history", "pipeline.toml", "simulated"],
    &["history", "pipeline.toml", "simulated", "--json"],
    &["report", "pipeline.toml", "--html", "-"],
    &["report", "pipeline.toml", "--html", "page.html"],
    &["prune", "pipeline.toml"],
    &["prune", "pipeline.toml", "--json"],
    &["sinks"],
    &["sinks", "parquet"],
    &["sinks", "test", "pipeline.toml", "--sink", "lake"],
    &["schema"],
    &["schema", "--report"],
    &["completions", "bash"],
    &["man"],
    &["--version"],
    &["help", "run"],
];

/// Runs a command whose stdout is `stdout`.
fn to(stdout: impl Into<Stdio>, mut command: Command) -> Ended {
    Ended::after(command.stdout(stdout).stderr(Stdio::piped()).spawn().unwrap())
}

fn closed_pipe() -> std::io::PipeWriter {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer
}

fn full_device() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

#[test]
fn output_that_is_lost_is_an_error_of_every_command() {
    let project = published();
    for arguments in COMMANDS {
        for (what, ended) in [
            ("No space left on device", to(full_device(), project.command(arguments))),
            ("Bad file descriptor", to(File::open("/dev/null").unwrap(), project.command(arguments))),
        ] {
            assert_eq!(ended.code, Some(1), "{arguments:?}: {ended:?}");
            let errors: Vec<&str> = ended.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
            assert_eq!(errors.len(), 1, "told once: {arguments:?}: {ended:?}");
            assert!(errors[0].starts_with(&format!("error: cannot write to stdout: {what}")), "{ended:?}");
            for result in ["250", "\"accounts\"", "Usage", "_fanout", "kept "] {
                assert!(!ended.stderr.contains(result), "a result does not move to stderr: {arguments:?}: {ended:?}");
            }
        }
    }
}

#[test]
fn a_reader_that_has_had_enough_is_no_failure_of_any_command() {
    let project = published();
    for arguments in COMMANDS {
        let ended = to(closed_pipe(), project.command(arguments));
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn the_errors_of_a_run_are_told_whatever_becomes_of_its_result() {
    let project = Project::new(TWO_ACCOUNTS);
    let no_server = ["--set", "source.base_url=http://127.0.0.1:1"];
    for (stdout, code) in [(Stdio::from(closed_pipe()), 75), (full_device().into(), 1)] {
        let ended = to(stdout, project.run_command(&no_server));
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.stderr.contains("the call for a token failed"), "{ended:?}");
    }
}

#[test]
fn a_simulator_that_cannot_say_where_it_is_ends() {
    let project = Project::new("");
    let ended = to(full_device(), project.command(&["simulate"]));
    assert_eq!(ended.code, Some(1), "{ended:?}");
}

#[test]
fn a_list_that_is_lost_on_stdout_is_not_published() {
    let file = "name = 'test'\nsource.simulate.followers = 250\n[sinks.lines]\ntype = 'ndjson'\noptions.path = '-'\n";
    for (stdout, what) in [
        (Stdio::from(full_device()), "cannot write to stdout: No space left on device"),
        // Not silent: a list is complete, or it is not.
        (closed_pipe().into(), "stdout was closed by its reader before the list was written"),
    ] {
        let project = Project::new(file);
        let ended = to(stdout, project.command(&["run", "pipeline.toml"]));
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(&format!("account `simulated`: sink `lines`: {what}")), "{ended:?}");
        let status = project.fanout(&["status", "pipeline.toml", "--json"]).json();
        assert_eq!(status["accounts"][0]["last"]["published"], serde_json::json!([]), "{status:#}");
    }
}

#[test]
fn a_stream_that_is_lost_on_stdout_fails_every_list_of_the_run() {
    let sink = "[sinks.stream]\ntype = 'arrow'\noptions.path = '-'\n";
    for (stdout, what) in [
        (Stdio::from(full_device()), "cannot write to stdout: No space left on device"),
        (closed_pipe().into(), "stdout was closed by its reader before the stream was complete"),
    ] {
        let project = Project::new(&format!("name = 'test'\nsource.simulate.followers = 250\n{sink}"));
        let ended = to(stdout, project.command(&["run", "pipeline.toml"]));
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(&format!("account `simulated`: sink `stream`: {what}")), "{ended:?}");
        assert!(!ended.stderr.contains("fanout replay"), "the next run sends the list anyhow: {ended:?}");
        let status = project.fanout(&["status", "pipeline.toml", "--json"]).json();
        let last = &status["accounts"][0]["last"];
        assert_eq!(
            (&last["published"], &last["lacking"]),
            (&serde_json::json!([]), &serde_json::json!([])),
            "{last:#}"
        );
        assert_eq!(status["accounts"][0]["owed"], serde_json::json!([]));
    }
}
