//! Folders that cannot be written, and files in their place: found before the first call.

use std::fs;
use std::path::Path;

use crate::crash_safety::small_list;
use crate::support::{Ended, Project};

/// A folder that cannot be used: how it is prepared, the setting that names it, and words of the
/// error.
type Case = (fn(&Project), &'static str, &'static str);

fn file(project: &Project, path: &str) {
    let path = project.path(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "something").unwrap();
}

fn folder(project: &Project, path: &str) {
    fs::create_dir_all(project.path(path)).unwrap();
}

const NOTHING: fn(&Project) = |_| {};
const FILE: fn(&Project) = |project| file(project, "file");
/// The folder of the list, by its default layout.
const LEAF: &str = "out/lake/dt=2026-11-22/account=brand";

const CASES: [Case; 14] = [
    (FILE, "journal.path=file", "cannot create the folder"),
    (FILE, "journal.path=file/state", "a file is where a folder is needed"),
    (NOTHING, "journal.path=/proc/fanout/state", "cannot create the folder /proc/fanout/state/wxcrash/followers"),
    (|project| file(project, "state/wxcrash"), "journal.path=state", "a file is where a folder is needed"),
    (
        |project| file(project, "state/wxcrash/followers"),
        "journal.path=state",
        "a file with this name is there already",
    ),
    (
        |project| folder(project, "state/wxcrash/followers.lock"),
        "journal.path=state",
        "a folder is where a file is needed",
    ),
    (FILE, "sinks.lake.options.root=file", "is a file where a folder is needed"),
    (FILE, "sinks.lake.options.root=file/out", "is a file where a folder is needed"),
    (FILE, "sinks.single.options.root=file/out", "is a file where a folder is needed"),
    (NOTHING, "sinks.lake.options.root=/proc/fanout", "cannot create a file in `/proc`"),
    (NOTHING, "sinks.single.options.root=/proc/fanout", "cannot create a file in `/proc`"),
    (|project| file(project, "out/lake.staging"), "name=crash", "lake.staging` is a file where a folder is needed"),
    (|project| file(project, LEAF), "name=crash", "is in the way: it is not a folder"),
    (|project| file(project, &format!("{LEAF}/notes")), "name=crash", "is in the way: it holds `notes`"),
];

#[test]
fn a_place_that_cannot_be_used_is_found_before_the_first_call() {
    let original = small_list(1);
    for (prepare, setting, message) in CASES {
        let project = original.without_state();
        prepare(&project);
        let before = project.files();
        for verb in ["check", "run"] {
            let mut command = project.command_with_secrets(&[verb, "pipeline.toml", "--set", setting]);
            let ended = Ended::of(&mut command);
            assert_eq!(ended.code, Some(1), "{setting}: {ended:?}");
            assert!(ended.stderr.contains(message), "{setting}: {ended:?}");
        }
        let mut left = project.files();
        // The run says in a report what it found, where it can.
        let is_ours = |path: &Path| {
            path.extension().is_some_and(|extension| extension == "lock") || path.parent().unwrap().ends_with("runs")
        };
        left.retain(|path| !is_ours(path) || before.contains(path));
        assert_eq!(left, before, "{setting}");
        assert_eq!(project.api().requests().total(), 0, "{setting}");
    }
}

#[test]
fn folders_that_are_missing_are_made_and_a_check_leaves_none() {
    let project = small_list(2);
    let deep = ["journal.path=a/b/c/state", "sinks.lake.options.root=d/e/f/lake"];
    let settings: Vec<_> = deep.into_iter().flat_map(|setting| ["--set", setting]).collect();
    let check = [&["check", "pipeline.toml"], &settings[..]].concat();
    Ended::of(&mut project.command_with_secrets(&check)).good();
    assert!(!project.path("d").exists() && !project.path("out").exists());
    project.finish(&settings);
    assert!(project.path("d/e/f/lake").join("dt=2026-11-22/account=brand/_SUCCESS").exists());
    assert!(!project.path("d/e/f/lake.staging").exists());
}
