//! The promises of publishing, tested with lists of plain text.

mod find;
mod publishers;
mod trial;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta};
use tempfile::TempDir;

use super::part::sha256;
use super::*;
use crate::arrow::datatypes::{DataType, Field, Schema};
use crate::context::SinkContext;
use crate::error::SinkErrorKind;
use crate::sink::SinkReport;
use crate::snapshot::Snapshot;
use crate::walk_id::WalkId;

const LEAF: &str = "out/dt=2026-11-22/account=main";

pub(super) fn context(directory: &Path) -> SinkContext {
    let schema = Arc::new(Schema::new(vec![Field::new("openid", DataType::Utf8, false)]));
    SinkContext::new("main", "wx1", schema)
        .with_names("followers", "archive")
        .with_walk(walk(7), day("2026-11-22"))
        .with_directory(directory)
}

pub(super) fn leaf_options() -> FileOptions {
    let layout = "dt={date}/account={account}/part-{part}.txt".to_owned();
    FileOptions { root: "out".into(), layout, rolling: true }
}

pub(super) fn single_options() -> FileOptions {
    FileOptions { root: "out".into(), layout: "list.txt".to_owned(), rolling: false }
}

pub(super) fn walk(number: u64) -> WalkId {
    WalkId::new(number, DateTime::UNIX_EPOCH + TimeDelta::hours(number as i64))
}

pub(super) fn day(date: &str) -> NaiveDate {
    date.parse().unwrap()
}

pub(super) fn snapshot(context: &SinkContext, rows: u64) -> Snapshot {
    let begun_at = context.begun_at.unwrap_or(context.walk.begun_at());
    Snapshot {
        walk: context.walk,
        date: context.date,
        begun_at,
        rows,
        first_fetched_at: Some(begun_at),
        last_fetched_at: Some(begun_at + TimeDelta::microseconds(1)),
        digest: "sha256:00".to_owned(),
        proof: [("pages".to_owned(), 1.into())].into_iter().collect(),
    }
}

/// Stages one file for each of `parts`, one row a line, and calls `prepare`.
fn prepared(options: &FileOptions, context: &SinkContext, parts: &[&str]) -> StagedFiles {
    let mut staged = StagedFiles::open(options, context).unwrap();
    let mut rows = 0;
    for text in parts {
        let mut part = staged.next_part().unwrap();
        part.write_all(text.as_bytes()).unwrap();
        staged.finish_part(part, text.lines().count() as u64).unwrap();
        rows += text.lines().count() as u64;
    }
    staged.prepare(&snapshot(context, rows)).unwrap();
    staged
}

pub(super) fn publish(options: &FileOptions, context: &SinkContext, parts: &[&str]) -> SinkReport {
    prepared(options, context, parts).commit().unwrap()
}

/// Returns the files below `folder` with their contents, and the folders (with a slash) without.
pub(super) fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let is_folder = path.is_dir() && !path.is_symlink();
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            if is_folder {
                found.insert(format!("{name}/"), Vec::new());
                folders.push(path);
            } else {
                found.insert(name, fs::read(&path).unwrap_or_default());
            }
        }
    }
    found
}

fn names(directory: &TempDir) -> Vec<String> {
    tree(directory.path()).into_keys().filter(|name| !name.ends_with('/')).collect()
}

#[test]
fn a_list_becomes_visible_at_commit_and_not_before() {
    let directory = tempfile::tempdir().unwrap();
    let context = context(directory.path());
    let mut staged = prepared(&leaf_options(), &context, &["a\nb\n", "c\n"]);
    assert!(!directory.path().join("out").exists());
    let report = staged.commit().unwrap();
    let expected =
        ["_SUCCESS", "_manifest.json", "part-00000.txt", "part-00001.txt"].map(|name| format!("{LEAF}/{name}"));
    assert_eq!(names(&directory), expected);
    assert!(!directory.path().join("out.staging").exists());
    assert_eq!((report.rows, report.bytes), (3, 6));
    let location = directory.path().join(LEAF).join("part-00001.txt").display().to_string();
    assert_eq!((&report.outputs[1].location, report.outputs[1].rows, report.outputs[1].bytes), (&location, 1, 2));
}

#[test]
fn manifest_and_marker_say_what_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let context = context(directory.path());
    publish(&leaf_options(), &context, &["a\nb\n", "c\n", ""]);
    let text = fs::read(directory.path().join(LEAF).join("_manifest.json")).unwrap();
    let manifest: Manifest = serde_json::from_slice(&text).unwrap();
    assert_eq!(text.last(), Some(&b'\n'));
    assert_eq!((manifest.version, manifest.verdict.as_str()), (2, "complete"));
    let owner = "the list `followers` of app id `wx1` (account `main`, sink `archive` of pipeline `followers`)";
    assert_eq!(manifest.owner.to_string(), owner);
    assert_eq!(manifest.snapshot, snapshot(&context, 3));
    let column = Column { name: "openid".to_owned(), data_type: "Utf8".to_owned(), nullable: false };
    assert_eq!(manifest.schema, [column]);
    let places: Vec<_> = manifest.files.iter().map(|file| (file.first_position, file.last_position)).collect();
    assert_eq!(places, [(Some(0), Some(1)), (Some(2), Some(2)), (None, None)]);
    for file in &manifest.files {
        let bytes = fs::read(directory.path().join(LEAF).join(&file.path)).unwrap();
        assert_eq!((file.bytes, &file.sha256), (bytes.len() as u64, &sha256(&bytes)));
    }
    let marker = fs::read(directory.path().join(LEAF).join("_SUCCESS")).unwrap();
    let marker: Marker = serde_json::from_slice(&marker).unwrap();
    assert_eq!((marker.rows, marker.files, marker.manifest_sha256), (3, 3, sha256(&text)));
    assert_eq!((marker.list, marker.walk, marker.date), (context.list, context.walk, context.date));
}

#[test]
fn commit_is_safe_to_repeat_in_the_same_sink_and_in_a_new_one() {
    for options in [leaf_options(), single_options()] {
        let directory = tempfile::tempdir().unwrap();
        let context = context(directory.path());
        let mut staged = prepared(&options, &context, &["a\n"]);
        let report = staged.commit().unwrap();
        let published = tree(directory.path());
        assert_eq!(staged.commit().unwrap(), report);
        assert_eq!(publish(&options, &context, &["a\n"]), report);
        assert_eq!(tree(directory.path()), published);
    }
}

#[test]
fn an_older_list_is_replaced_as_a_whole() {
    let directory = tempfile::tempdir().unwrap();
    let older = context(directory.path());
    let newer = older.clone().with_walk(walk(8), day("2026-11-22"));
    publish(&leaf_options(), &older, &["a\n", "b\n"]);
    publish(&leaf_options(), &newer, &["c\n"]);
    assert_eq!(
        names(&directory),
        ["_SUCCESS", "_manifest.json", "part-00000.txt"].map(|name| format!("{LEAF}/{name}"))
    );
    assert_eq!(fs::read(directory.path().join(LEAF).join("part-00000.txt")).unwrap(), b"c\n");
}

#[test]
fn a_damaged_list_is_published_again() {
    for (options, file) in
        [(leaf_options(), LEAF.to_owned() + "/part-00000.txt"), (single_options(), "out/list.txt".into())]
    {
        let directory = tempfile::tempdir().unwrap();
        let context = context(directory.path());
        publish(&options, &context, &["a\n"]);
        let published = tree(directory.path());
        fs::write(directory.path().join(file), "").unwrap();
        publish(&options, &context, &["a\n"]);
        assert_eq!(tree(directory.path()), published);
    }
}

#[test]
fn abort_leaves_no_trace_of_the_list_and_none_of_its_folders() {
    let directory = tempfile::tempdir().unwrap();
    let context = context(directory.path());
    let options = FileOptions { root: "a/b/out".into(), ..leaf_options() };
    StagedFiles::open(&options, &context).unwrap().abort().unwrap();
    prepared(&options, &context, &["a\n"]).abort().unwrap();
    assert_eq!(tree(directory.path()), BTreeMap::new());

    publish(&options, &context, &["a\n"]);
    let published = tree(directory.path());
    prepared(&options, &context, &["b\n"]).abort().unwrap();
    assert_eq!(tree(directory.path()), published);
}

#[test]
fn open_drops_what_any_earlier_walk_left_and_nothing_of_others() {
    let directory = tempfile::tempdir().unwrap();
    let first = context(directory.path());
    let second = first.clone().with_walk(walk(8), day("2026-11-22"));
    let other = SinkContext { account: "other".to_owned(), app_id: "wx2".to_owned(), ..first.clone() };
    let mut neighbour = prepared(&leaf_options(), &other, &["x\n"]);
    let blacklist = SinkContext { account: "blacklist".to_owned(), ..first.clone() }.with_list("blacklist");
    let mut other_list = prepared(&leaf_options(), &blacklist, &["x\n"]);
    drop(prepared(&leaf_options(), &first, &["a\n", "b\n"]));
    let report = publish(&leaf_options(), &second, &["c\n"]);
    assert_eq!(report.rows, 1);
    neighbour.commit().unwrap();
    other_list.commit().unwrap();
    assert!(!directory.path().join("out.staging").exists());
    assert_eq!(names(&directory).len(), 9);
}

#[test]
fn a_single_file_has_manifest_and_marker_named_after_it() {
    let directory = tempfile::tempdir().unwrap();
    let context = context(directory.path());
    publish(&single_options(), &context, &["a\n"]);
    assert_eq!(names(&directory), ["out/_list.txt.SUCCESS", "out/_list.txt.manifest.json", "out/list.txt"]);
    let newer = context.with_walk(walk(8), day("2026-11-23"));
    publish(&single_options(), &newer, &["b\n"]);
    assert_eq!(fs::read(directory.path().join("out/list.txt")).unwrap(), b"b\n");
}

#[test]
fn a_single_file_cut_off_between_any_two_steps_is_published_by_the_next_attempt() {
    let published = |walks: &[u64]| {
        let directory = tempfile::tempdir().unwrap();
        for &number in walks {
            let context = context(directory.path()).with_walk(walk(number), day("2026-11-22"));
            publish(&single_options(), &context, &[&format!("{number}\n")]);
        }
        (tree(directory.path()), directory)
    };
    let (finished, _kept) = published(&[1, 2]);
    for before in [&[][..], &[1]] {
        for steps in 1..4 {
            let (_, directory) = published(before);
            let root = directory.path().join("out");
            fs::create_dir_all(&root).unwrap();
            let _ = fs::remove_file(root.join("_list.txt.SUCCESS"));
            for name in ["_list.txt.manifest.json", "list.txt"].iter().take(steps - 1) {
                fs::write(root.join(name), &finished[&format!("out/{name}")]).unwrap();
            }
            publish(&single_options(), &context(directory.path()).with_walk(walk(2), day("2026-11-22")), &["2\n"]);
            assert_eq!(tree(directory.path()), finished);
        }
    }
}

#[test]
fn what_is_not_ours_is_refused_and_left_alone() {
    type Case = (FileOptions, fn(&Path), &'static str);
    let cases: [Case; 6] = [
        (leaf_options(), |out| fs::write(out.join("x.csv"), "theirs").unwrap(), "`x.csv` and no `_manifest.json`"),
        (leaf_options(), |out| fs::write(out.join("_manifest.json"), "{}").unwrap(), "not a manifest"),
        (leaf_options(), |out| fs::remove_dir(out).and_then(|()| fs::write(out, "")).unwrap(), "not a folder"),
        (leaf_options(), |out| fs::remove_dir(out).and_then(|()| symlink("/tmp", out)).unwrap(), "not a folder"),
        (
            single_options(),
            |out| fs::write(out.join("../../list.txt"), "theirs").unwrap(),
            "no `_list.txt.manifest.json`",
        ),
        (single_options(), |out| fs::create_dir(out.join("../../list.txt")).unwrap(), "not a file"),
    ];
    for (options, place, expected) in cases {
        let directory = tempfile::tempdir().unwrap();
        let context = context(directory.path());
        fs::create_dir_all(directory.path().join(LEAF)).unwrap();
        check(&options, &context).unwrap();
        place(&directory.path().join(LEAF));
        let before = tree(directory.path());
        let error = check(&options, &context).unwrap_err();
        assert_eq!(error.kind(), SinkErrorKind::Permanent);
        assert!(error.to_string().contains("in the way") && error.to_string().contains(expected), "{error}");
        assert!(error.hint().unwrap().contains("move it away"));
        assert!(StagedFiles::open(&options, &context).is_err());
        assert_eq!(tree(directory.path()), before);
    }
}

#[test]
fn a_list_of_another_owner_is_refused_by_name() {
    for options in [leaf_options(), single_options()] {
        let directory = tempfile::tempdir().unwrap();
        let theirs = context(directory.path());
        publish(&options, &theirs, &["a\n"]);
        for ours in [
            SinkContext { app_id: "wx2".to_owned(), ..theirs.clone() },
            theirs.clone().with_names("followers", "copy"),
            theirs.clone().with_names("other", "archive"),
            theirs.clone().with_list("blacklist"),
        ] {
            let error = check(&options, &ours).unwrap_err().to_string();
            assert!(
                error.contains("is the list `followers` of app id `wx1` (account `main`, sink `archive`"),
                "{error}"
            );
        }
    }
}

#[test]
fn a_foreign_file_inside_a_list_is_never_deleted_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let context = context(directory.path());
    publish(&leaf_options(), &context, &["a\n"]);
    let newer = context.with_walk(walk(8), day("2026-11-22"));
    let mut staged = prepared(&leaf_options(), &newer, &["b\n"]);
    let notes = directory.path().join(LEAF).join("notes.txt");
    fs::write(&notes, "theirs").unwrap();
    let error = staged.commit().unwrap_err();
    assert!(error.to_string().contains("`notes.txt`"), "{error}");
    assert!(!directory.path().join("out.staging").exists());
    fs::remove_file(notes).unwrap();
    assert_eq!(publish(&leaf_options(), &newer, &["b\n"]).rows, 1);
}

#[test]
fn check_changes_nothing_and_finds_a_root_that_cannot_be() {
    let directory = tempfile::tempdir().unwrap();
    let context = context(directory.path());
    check(&leaf_options(), &context).unwrap();
    assert_eq!(tree(directory.path()), BTreeMap::new());

    fs::write(directory.path().join("out"), "").unwrap();
    let error = check(&leaf_options(), &context).unwrap_err();
    assert!(error.to_string().contains("is a file where a folder is needed"), "{error}");

    for root in ["", "/"] {
        let error = check(&FileOptions { root: root.into(), ..leaf_options() }, &context).unwrap_err();
        assert_eq!(error.key(), Some("root"), "{error}");
    }
    let layout = "_SUCCESS".to_owned();
    let error = check(
        &FileOptions { layout: "{date}/{account}/".to_owned() + &layout, rolling: false, ..leaf_options() },
        &context,
    );
    assert_eq!(error.unwrap_err().key(), Some("layout"));
}

#[test]
fn staging_on_another_file_system_is_refused() {
    // `/dev/shm` is a file system of its own on Linux; the test needs one, and skips elsewhere.
    let Ok(other) = tempfile::tempdir_in("/dev/shm") else { return };
    let directory = tempfile::tempdir().unwrap();
    let context = context(directory.path());
    fs::create_dir(directory.path().join("out")).unwrap();
    symlink(other.path(), directory.path().join("out/dt=2026-11-22")).unwrap();
    let error = check(&leaf_options(), &context).unwrap_err();
    assert!(error.to_string().contains("cannot be moved between"), "{error}");
    assert!(error.hint().unwrap().contains("is a mount of its own: choose a `root` below"), "{:?}", error.hint());

    // A root that is itself a link is accepted: staging is beside its target.
    fs::create_dir(other.path().join("real")).unwrap();
    symlink(other.path().join("real"), directory.path().join("link")).unwrap();
    publish(&FileOptions { root: "link".into(), ..leaf_options() }, &context, &["a\n"]);
    assert!(other.path().join("real/dt=2026-11-22/account=main/_SUCCESS").exists());
    assert!(!other.path().join("real.staging").exists());
}

#[test]
fn a_simulated_list_is_published_apart() {
    let directory = tempfile::tempdir().unwrap();
    publish(&leaf_options(), &context(directory.path()).with_simulated(true), &["a\n"]);
    assert!(names(&directory).iter().all(|name| name.starts_with("out.simulated/")));
}

#[test]
fn a_list_with_rows_missing_is_not_prepared() {
    let directory = tempfile::tempdir().unwrap();
    let context = context(directory.path());
    let mut staged = StagedFiles::open(&leaf_options(), &context).unwrap();
    let error = staged.prepare(&snapshot(&context, 1)).unwrap_err();
    assert!(error.to_string().contains("hold 0 rows; the list has 1"), "{error}");
    assert!(staged.commit().unwrap_err().to_string().contains("not prepared"));
}

#[test]
fn accounts_stage_side_by_side_while_others_come_and_go() {
    const ACCOUNTS: usize = 4;
    const LISTS: usize = 25;
    let directory = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..ACCOUNTS).map(|account| format!("wx{account}")).collect();
    std::thread::scope(|scope| {
        for name in &names {
            let context = SinkContext { account: name.clone(), app_id: name.clone(), ..context(directory.path()) };
            scope.spawn(move || {
                for list in 0..LISTS {
                    let mut staged = prepared(&leaf_options(), &context, &["a\n"]);
                    if list % 2 == 0 { staged.commit().map(drop).unwrap() } else { staged.abort().unwrap() }
                }
            });
        }
    });
    assert!(!directory.path().join("out.staging").exists());
    assert_eq!(fs::read_dir(directory.path().join("out/dt=2026-11-22")).unwrap().count(), ACCOUNTS);
}
