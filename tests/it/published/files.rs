//! A table: everything that may happen to the files of a published list, in each layout and format.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::symlink;
use std::path::Path;

use super::*;
use crate::support::outputs::tree;

/// What a run makes of the change.
#[derive(Clone, Copy)]
enum Expected {
    /// The list is there.
    Held,
    /// It is delivered again.
    Again,
    /// The sink fails: `altered` or `taken`, with these words.
    Fails(&'static str, &'static str),
}
use Expected::{Again, Fails, Held};

/// The name of a case, the change of a sink's root, and what follows.
type Case = (&'static str, fn(&Path), Expected);

/// What may happen to a list in a folder of its own.
const FOLDER: [Case; 14] = [
    ("nothing", |_| {}, Held),
    ("no root", |root| fs::remove_dir_all(root).unwrap(), Again),
    ("no folder", |root| fs::remove_dir_all(leaf(root)).unwrap(), Again),
    ("no parts", |root| parts(&leaf(root)).iter().for_each(|part| remove(part)), Again),
    ("no manifest", |root| remove(&leaf(root).join("_manifest.json")), Fails("altered", "_manifest.json` is missing")),
    ("no marker", |root| remove(&leaf(root).join("_SUCCESS")), Again),
    ("a shorter part", |root| resize(&parts(&leaf(root))[0], -1), Fails("altered", " were published")),
    ("a longer part", |root| resize(&parts(&leaf(root))[0], 1), Fails("altered", " were published")),
    ("a folder for a part", replace_part_by_folder, Fails("altered", "is not a file")),
    (
        "another manifest",
        |root| fs::write(leaf(root).join("_manifest.json"), "{}").unwrap(),
        Fails("altered", "is not a manifest"),
    ),
    ("foreign files", put_foreign_files, Fails("taken", "holds `theirs.csv` and no manifest")),
    (
        "a moved root, and a link to it",
        |root| {
            move_root(root);
            symlink(moved(root), root).unwrap();
        },
        Held,
    ),
    (
        "a link to nothing",
        |root| {
            move_root(root);
            symlink("no-such-folder", root).unwrap();
        },
        Fails("taken", "is not a folder"),
    ),
    (
        "a file for the root",
        |root| {
            move_root(root);
            fs::write(root, "theirs").unwrap();
        },
        Fails("taken", "is not a folder"),
    ),
];

/// What may happen to a list in a single file.
const SINGLE: [Case; 7] = [
    ("nothing", |_| {}, Held),
    ("no root", |root| fs::remove_dir_all(root).unwrap(), Again),
    ("no file", |root| remove(&root.join("followers.parquet")), Again),
    ("a shorter file", |root| resize(&root.join("followers.parquet"), -1), Fails("altered", " were published")),
    ("no marker", |root| remove(&marker(root)), Again),
    ("no manifest", |root| remove(&beside(root, "manifest.json")), Fails("altered", "manifest.json` is missing")),
    (
        "a link to nothing",
        |root| {
            move_root(root);
            symlink("no-such-folder", root).unwrap();
        },
        Fails("taken", "is not a folder"),
    ),
];

fn resize(file: &Path, by: i64) {
    let length = fs::metadata(file).unwrap().len().checked_add_signed(by).unwrap();
    OpenOptions::new().write(true).open(file).unwrap().set_len(length).unwrap();
}

fn replace_part_by_folder(root: &Path) {
    let part = &parts(&leaf(root))[0];
    remove(part);
    fs::create_dir(part).unwrap();
}

fn put_foreign_files(root: &Path) {
    let leaf = leaf(root);
    fs::remove_dir_all(&leaf).unwrap();
    fs::create_dir(&leaf).unwrap();
    fs::write(leaf.join("theirs.csv"), "theirs").unwrap();
}

fn moved(root: &Path) -> PathBuf {
    root.with_extension("moved")
}

fn move_root(root: &Path) {
    fs::rename(root, moved(root)).unwrap();
}

fn beside(root: &Path, end: &str) -> PathBuf {
    let names = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    names.into_iter().find(|path| path.to_string_lossy().ends_with(end)).unwrap()
}

fn marker(root: &Path) -> PathBuf {
    beside(root, "SUCCESS")
}

/// Returns everything below `out`, with links followed.
fn outputs(project: &Project) -> std::collections::BTreeMap<PathBuf, Vec<u8>> {
    tree(&project.path("out"))
}

/// Makes the change at the root of `sink`, and asserts what each command says and does. Afterwards
/// the project is as it was.
fn try_out(project: &Project, sink: &str, (name, change, expected): Case) {
    let case = format!("{sink}: {name}");
    let root = project.path("out").join(sink);
    let (published, requests) = (outputs(project), project.api().requests());
    change(&root);
    // What was found, what `check` and `status` show of it, and the exit code of all commands.
    let (found, checked, shown, code) = match expected {
        Held => ("held", "already published", "", 0),
        Again => ("gone", "gone, would be delivered again", "gone: ", 0),
        Fails(found, _) => (found, "failed", if found == "taken" { "taken: " } else { "altered: " }, 1),
    };

    let changed = outputs(project);
    let check = check(project, &[]);
    assert_eq!(check.code, Some(code), "{case}: {check:?}");
    assert!(check.stdout.contains(&format!("{sink}: {checked}")), "{case}: {check:?}");
    let status = project.fanout(&["status", "pipeline.toml"]);
    assert_eq!(status.code, Some(code), "{case}: {status:?}");
    assert!(status.stdout.contains(&format!("{shown}{sink}")), "{case}: {status:?}");
    let problems = project.fanout(&["status", "pipeline.toml", "--problems"]);
    let is_a_problem = !problems.stdout.starts_with("no problem in 1 account\n");
    assert_eq!(is_a_problem, !matches!(expected, Held), "{case}: {problems:?}");
    assert!(outputs(project) == changed, "{case}: a look has changed something");

    let run = project.run(&["--json"]);
    assert_eq!(run.code, Some(code), "{case}: {run:?}");
    let report = run.json();
    for other in SINKS.iter().filter(|other| **other != sink) {
        assert_eq!(state(&report, other), ("already_published", Some("held")), "{case}");
    }
    let (verdict, outcome) = match expected {
        Held => ("already_published", "already_published"),
        Again => ("published", "published"),
        Fails(..) => ("failed", "failed"),
    };
    assert_eq!(report["accounts"][0]["verdict"], verdict, "{case}: {report:#}");
    assert_eq!(state(&report, sink), (outcome, Some(found)), "{case}");
    if let Fails(_, words) = expected {
        for ended in [&check, &status, &run] {
            assert!(ended.stderr.contains(words) && ended.stderr.contains("hint: "), "{case}: {ended:?}");
        }
        assert!(outputs(project) == changed, "{case}: the run has changed something");
        // What the hint says: nothing of it is left, so the same command delivers the list again.
        remove(&root);
        assert_eq!(state(&project.finish(&["--json"]).json(), sink), ("published", Some("gone")), "{case}");
    }
    if root.is_symlink() {
        remove(&root);
        fs::rename(moved(&root), &root).unwrap();
    } else if moved(&root).exists() {
        remove(&moved(&root));
    }
    assert!(outputs(project) == published, "{case}: the outputs are other ones than at first");
    assert_eq!(project.api().requests(), requests, "{case}: a call was made");
}

#[test]
fn a_list_in_a_folder_is_delivered_again_if_it_is_gone_and_else_a_person_is_asked() {
    let project = project("");
    project.finish(&[]);
    for sink in ["lake", "lines", "topic"] {
        for case in FOLDER {
            try_out(&project, sink, case);
        }
    }
}

#[test]
fn of_several_parts_one_is_not_enough() {
    let project = project("");
    project.finish(&[]);
    for sink in ["lake", "topic"] {
        assert!(parts(&leaf(&project.path("out").join(sink))).len() > 1);
        let case: fn(&Path) = |root| remove(parts(&leaf(root)).last().unwrap());
        try_out(&project, sink, ("no last part", case, Again));
    }
}

#[test]
fn a_list_in_a_single_file_is_delivered_again_if_it_is_gone_and_else_a_person_is_asked() {
    let project = project("");
    project.finish(&[]);
    for case in SINGLE {
        try_out(&project, "single", case);
    }
}
