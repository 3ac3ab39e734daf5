//! "Published" means that the list is there: what runs, replays and the commands that look say and
//! do when it is not.

mod commands;
mod files;
mod mounts;
mod other_lists;
mod policy;

use std::fs;
use std::path::{Path, PathBuf};

use fanout::simulator::Simulator;
use serde_json::Value;

use crate::support::{Ended, Project};

const FOLLOWERS: u64 = 250;
const DATE: &str = "2026-11-22";

/// The sinks of [`project`]; the root of each is `out/<sink>`.
const SINKS: [&str; 4] = ["lake", "lines", "single", "topic"];

/// Makes a project of one account and four sinks of files; `more` are further keys of `lake`.
fn project(more: &str) -> Project {
    Project::builder()
        .account("brand", "wxbrand")
        .simulator(Simulator::builder().followers(FOLLOWERS).page_size(100))
        .date(DATE)
        .sinks(&format!(
            "[sinks.lake]\ntype = 'parquet'\n{more}\noptions = {{ root = 'out/lake', max_file_rows = 100 }}"
        ))
        .sink_of_files("lines", "ndjson", "")
        .sink_of_files("single", "parquet", "layout = 'followers.parquet'")
        .sink_of_files("topic", "kafka", "topic = 't'\npartitions = 2")
        .build()
}

/// Runs a command on the pipeline file, with its secret.
fn command(project: &Project, arguments: &[&str]) -> Ended {
    let [command, more @ ..] = arguments else { panic!("no command") };
    Ended::of(&mut project.command_with_secrets(&[&[*command, "pipeline.toml"], more].concat()))
}

/// Returns `check` for the date of the lists.
fn check(project: &Project, more: &[&str]) -> Ended {
    command(project, &[&["check", "--date", DATE], more].concat())
}

/// Returns the state of a sink, and what was found there, as the report of a run has them.
#[track_caller]
fn state<'a>(report: &'a Value, sink: &str) -> (&'a str, Option<&'a str>) {
    let sinks = report["accounts"][0]["sinks"].as_array().unwrap();
    let outcome = sinks.iter().find(|outcome| outcome["sink"] == sink).unwrap();
    (outcome["state"].as_str().unwrap(), outcome["found"].as_str())
}

/// Returns the folder below `root` that has the marker of a list.
fn leaf(root: &Path) -> PathBuf {
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with("SUCCESS") {
                return folder;
            }
        }
    }
    panic!("no list below {}", root.display());
}

/// Returns the files with rows in a folder.
fn parts(folder: &Path) -> Vec<PathBuf> {
    let mut parts: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    parts.retain(|path| !path.file_name().unwrap().to_string_lossy().starts_with(['_', '.']));
    parts.sort();
    parts
}

/// Removes a folder, a file or a link.
fn remove(path: &Path) {
    if path.is_dir() && !path.is_symlink() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
}
