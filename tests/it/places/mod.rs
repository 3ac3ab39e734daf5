//! The places that a run publishes in and keeps its journal in: `check`, `check --connect` and
//! `run` try them before the first call, and say the same.

mod likeness;
mod links;
pub(crate) mod mounts;
mod trials;
mod twins;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use fanout::simulator::Simulator;

use crate::support::{Ended, Project, python_with, say, wrapped};

const DATE: &str = "2026-11-22";

/// Makes a project of one account and two sinks: `lake` publishes folders, `single` a single file.
fn project() -> Project {
    let simulator = Simulator::builder().followers(40).page_size(20);
    let builder = Project::builder().name("places").account("brand", "wxplaces").date(DATE).simulator(simulator);
    let single = "layout = 'followers.ndjson'";
    builder.sink_of_files("lake", "parquet", "").sink_of_files("single", "ndjson", single).build()
}

/// What happens to a place before fanout uses it.
struct Kind {
    /// Names the kind in a failure.
    name: &'static str,
    /// A shell script that prepares the folder of the project.
    prepare: &'static str,
    settings: &'static [&'static str],
    /// Words of the error and of its hint. The slice is empty if the place can be used.
    words: &'static [&'static str],
}

/// Asserts that the three commands give the same verdict on a place, before the first call, and
/// leave nothing behind. `outer` is the program that runs a shell script.
#[track_caller]
fn all_commands_say_the_same(kind: &Kind, outer: &[&str]) {
    let project = project();
    let mut settings = Vec::new();
    for setting in kind.settings {
        settings.extend(["--set", setting]);
    }
    let script = format!(
        "set -e; trap 'umount -R disk 2>/dev/null || true; chmod -R u+rwX . 2>/dev/null || true' EXIT; {}\n\"$@\"",
        kind.prepare
    );
    let is_usable = kind.words.is_empty();
    let in_place = |command: &Command| {
        let mut shell = Command::new(outer[0]);
        shell.args(&outer[1..]).args(["sh", "-c", &script, "sh"]);
        Ended::of(&mut wrapped(shell, command))
    };
    in_place(&project.command_of(Path::new("true"))).good();
    let before = hidden(&project);
    for verb in [&["check"][..], &["check", "--connect", "--no-calls"], &["run"]] {
        let arguments = [verb, &["pipeline.toml", "--date", DATE], &settings].concat();
        let calls = project.api().requests();
        let ended = in_place(&project.command_with_secrets(&arguments));
        let place = format!("{}, {verb:?}: {ended:?}", kind.name);
        assert_eq!(ended.code, Some(i32::from(!is_usable)), "{place}");
        for word in kind.words {
            assert!(ended.stdout.contains(word) || ended.stderr.contains(word), "no `{word}`: {place}");
        }
        let made = project.api().requests();
        assert!(is_usable || made.user_get == calls.user_get, "a page was asked for: {place}");
        assert!(is_usable || verb.len() == 3 || made.total() == calls.total(), "a call was made: {place}");
        assert_eq!(hidden(&project), before, "{place}");
    }
}

/// Returns the files and folders that a trial or a run would have left.
fn hidden(project: &Project) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![project.path("")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path.clone());
            }
            if name.starts_with(".fanout") || name.ends_with(".staging") || name.ends_with("~new") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// A user and a group that own nothing.
const NOBODY: u32 = 65_534;

/// Returns the beginning of a command that runs as an ordinary user. That user owns the folder of
/// the project. As root, `prepare` runs before that; another user is an ordinary one already.
fn ordinary_user(prepare: &str) -> Vec<String> {
    let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    if !is_root {
        return vec!["env".to_owned()];
    }
    let script = format!(
        "chown -R {NOBODY}:{NOBODY} .; {prepare} exec setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups \"$@\""
    );
    ["sh", "-c", &script, "sh"].map(str::to_owned).to_vec()
}

/// Returns a Python that can mount through FUSE; `None` where the system has no FUSE.
pub(crate) fn python_with_fuse() -> Option<String> {
    if !Path::new("/dev/fuse").exists() {
        say("skipped: nothing was mounted through FUSE; this system has no /dev/fuse");
        return None;
    }
    python_with("mfusepy")
}
