//! The promises about several publishers of one place.

use std::fs::{File, OpenOptions};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use super::*;
use crate::found::Found;

/// Returns the context of a walk that began so long after its second: two states give one name to
/// the walks that begin in one second.
fn began(context: &SinkContext, micros: i64) -> SinkContext {
    context.clone().with_facts(context.walk.begun_at() + TimeDelta::microseconds(micros), None)
}

/// Begins the names of all attempts at the list.
const STAGED_AS: &str = "app_id=wx1,list=followers,";

/// Returns the folder with the staging of all attempts of the sink.
fn staging(directory: &Path) -> PathBuf {
    directory.join("out.staging/pipeline=followers/sink=archive")
}

fn paths_in(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    paths_in(folder).into_iter().filter(|path| path.is_dir()).collect()
}

/// Makes two files or folders change places.
fn exchange(one: &Path, other: &Path) {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
}

#[test]
fn an_older_list_that_comes_late_leaves_the_newer_one() {
    for options in [leaf_options(), single_options()] {
        let directory = tempfile::tempdir().unwrap();
        let place = context(directory.path());
        let (older, newer) = (began(&place, 1), began(&place, 2));
        let mut late = prepared(&options, &older, &["a\nb\n"]);
        let report_of_newer = publish(&options, &newer, &["c\n"]);
        let published = tree(&directory.path().join("out"));
        let report = late.commit().unwrap();
        assert_eq!(tree(&directory.path().join("out")), published);
        assert_eq!((report.rows, &report.outputs[0].location), (2, &report_of_newer.outputs[0].location));
        assert_eq!(late.commit().unwrap(), report, "safe to repeat");
        assert_eq!(find(&options, &older, &report).unwrap(), Found::Replaced);
        assert_eq!(find(&options, &newer, &report_of_newer).unwrap(), Found::Held);
        assert!(!directory.path().join("out.staging").exists());

        // A loader has taken the newer list away: it was published all the same.
        for output in &report_of_newer.outputs {
            fs::remove_file(&output.location).unwrap();
        }
        prepared(&options, &older, &["a\nb\n"]).commit().unwrap();
        assert!(!Path::new(&report_of_newer.outputs[0].location).exists());
        assert_eq!(find(&options, &older, &report).unwrap(), Found::Replaced);
    }
}

#[test]
fn a_newer_list_replaces_an_older_one_of_the_same_name() {
    for options in [leaf_options(), single_options()] {
        let directory = tempfile::tempdir().unwrap();
        let place = context(directory.path());
        let (older, newer) = (began(&place, 1), began(&place, 2));
        let report = publish(&options, &older, &["a\n"]);
        let found = find(&options, &newer, &report).unwrap();
        assert!(matches!(&found, Found::Altered(text) if text.contains("of the older walk")), "{found:?}");
        publish(&options, &newer, &["b\n"]);
        assert_eq!(fs::read_to_string(&report.outputs[0].location).unwrap(), "b\n");
        assert_eq!(find(&options, &older, &report).unwrap(), Found::Replaced);
    }
}

#[test]
fn half_a_newer_list_that_a_crash_has_left_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let place = context(directory.path());
    publish(&single_options(), &began(&place, 2), &["b\n"]);
    fs::remove_file(directory.path().join("out/_list.txt.SUCCESS")).unwrap();
    publish(&single_options(), &began(&place, 1), &["a\n"]);
    assert_eq!(fs::read(directory.path().join("out/list.txt")).unwrap(), b"a\n");
    publish(&single_options(), &began(&place, 2), &["b\n"]);
    assert_eq!(fs::read(directory.path().join("out/list.txt")).unwrap(), b"b\n");
}

#[test]
fn staging_names_list_host_and_process_and_is_held_while_it_is_used() {
    let directory = tempfile::tempdir().unwrap();
    let place = context(directory.path());
    let mut held = StagedFiles::open(&leaf_options(), &began(&place, 1)).unwrap();
    let [folder] = &folders_in(&staging(directory.path()))[..] else { panic!("one attempt") };
    let name = folder.file_name().unwrap().to_str().unwrap();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    assert!(name.starts_with(&format!("{STAGED_AS}host={host},process={},", std::process::id())), "{name}");
    let lock = File::open(folder.with_extension("lock").with_file_name(format!("{name}.lock"))).unwrap();
    assert!(lock.try_lock().is_err());

    // Another state's walk of the same name stages apart, and leaves this one alone.
    publish(&leaf_options(), &began(&place, 2), &["b\n"]);
    assert!(folder.is_dir());
    let mut part = held.next_part().unwrap();
    part.write_all(b"a\n").unwrap();
    held.finish_part(part, 1).unwrap();
    held.prepare(&snapshot(&began(&place, 1), 1)).unwrap();
    held.commit().unwrap();
    assert!(!directory.path().join("out.staging").exists());
}

#[test]
fn open_removes_what_nobody_holds_whoever_has_left_it() {
    let directory = tempfile::tempdir().unwrap();
    let place = context(directory.path());
    let staging = staging(directory.path());
    let path = |name: &str| staging.join(format!("{STAGED_AS}{name}"));
    for name in ["host=gone,process=1,attempt=1", "host=gone,process=1,attempt=2~old"] {
        fs::create_dir_all(path(name).join("list")).unwrap();
        fs::write(path(name).join("list/part-00000.txt"), "x").unwrap();
    }
    fs::create_dir(path("host=gone,process=1,attempt=4")).unwrap();
    for attempt in [1, 3] {
        fs::write(path(&format!("host=gone,process=1,attempt={attempt}.lock")), "").unwrap();
    }
    let alive = path("host=other,process=1,attempt=1");
    fs::create_dir(&alive).unwrap();
    let lock_path = path("host=other,process=1,attempt=1.lock");
    let lock = OpenOptions::new().write(true).create_new(true).open(&lock_path).unwrap();
    lock.lock().unwrap();
    // What is left of other lists is theirs to remove, also if their names begin in the same way.
    let others = ["app_id=wx1,list=followers%20too,host=gone,process=1,attempt=1", "app_id=wx1"];
    let others = others.map(|name| staging.join(name));
    for other in &others {
        fs::create_dir(other).unwrap();
    }
    publish(&leaf_options(), &place, &["a\n"]);
    let mut expected = vec![alive, lock_path];
    expected.extend(others.iter().cloned());
    expected.sort();
    assert_eq!(paths_in(&staging), expected);

    drop(lock);
    for other in &others {
        fs::remove_dir(other).unwrap();
    }
    StagedFiles::open(&leaf_options(), &place).unwrap().abort().unwrap();
    assert!(!directory.path().join("out.staging").exists());
}

#[test]
fn a_commit_waits_for_the_publisher_that_has_the_place() {
    const HELD: Duration = Duration::from_millis(200);
    for (options, lock) in
        [(leaf_options(), "out/dt=2026-11-22/.account=main~lock"), (single_options(), "out/.list.txt~lock")]
    {
        let directory = tempfile::tempdir().unwrap();
        let context = context(directory.path());
        let mut staged = prepared(&options, &context, &["a\n"]);
        let lock = directory.path().join(lock);
        fs::create_dir_all(lock.parent().unwrap()).unwrap();
        let holder = OpenOptions::new().write(true).create_new(true).open(&lock).unwrap();
        holder.lock().unwrap();
        thread::scope(|scope| {
            let committing = scope.spawn(|| staged.commit().unwrap());
            thread::sleep(HELD);
            assert!(!committing.is_finished());
            drop(holder);
            committing.join().unwrap();
        });
        assert!(!lock.exists());
        assert_eq!(find(&options, &context, &staged.commit().unwrap()).unwrap(), Found::Held);
    }
}

/// Publishes a list of another owner, and returns its bytes.
fn theirs(directory: &Path, options: &FileOptions) -> BTreeMap<String, Vec<u8>> {
    publish(options, &context(directory).with_names("other", "archive"), &["x\ny\n"]);
    tree(&directory.join("out"))
}

#[test]
fn another_owners_list_that_a_crash_left_in_staging_goes_back() {
    let directory = tempfile::tempdir().unwrap();
    let ours = context(directory.path());
    let staged = prepared(&leaf_options(), &ours, &["a\n"]);
    let attempt = folders_in(&staging(directory.path())).remove(0);
    let expected = theirs(directory.path(), &leaf_options());
    // What a process does that is killed between the exchange and the look at what came out.
    fs::rename(attempt.join("list"), attempt.join("publishing")).unwrap();
    exchange(&attempt.join("publishing"), &directory.path().join(LEAF));
    drop(staged);
    assert_ne!(tree(&directory.path().join("out")), expected);

    let error = StagedFiles::open(&leaf_options(), &ours).unwrap_err().to_string();
    assert!(error.contains("of pipeline `other`"), "{error}");
    assert_eq!(tree(&directory.path().join("out")), expected);
    assert!(!directory.path().join("out.staging").exists());
}

/// Leaves what a process leaves that announces the list of `context` and is killed after `steps` of
/// its steps: the marker comes out, then manifest, file and marker take their names.
fn cut_off(directory: &Path, context: &SinkContext, text: &str, steps: usize) {
    let before = if staging(directory).is_dir() { folders_in(&staging(directory)) } else { Vec::new() };
    let staged = prepared(&single_options(), context, &[text]);
    let mut attempts = folders_in(&staging(directory));
    attempts.retain(|attempt| !before.contains(attempt));
    let attempt = attempts.remove(0);
    let announced = directory.join("out.staging/file=list.txt~announced/host=gone,process=1,attempt=1,announcement=1");
    fs::create_dir_all(announced.parent().unwrap()).unwrap();
    fs::rename(attempt.join("list"), &announced).unwrap();
    let out = directory.join("out");
    fs::create_dir_all(&out).unwrap();
    let [manifest, file, marker] = ["_list.txt.manifest.json", "list.txt", "_list.txt.SUCCESS"];
    let digest = |name: &str| fs::read(out.join(name)).ok().map(|content| sha256(&content));
    let note = serde_json::json!({
        "file": file,
        "seen": { "manifest": digest(manifest), "marker": digest(marker) },
        "staged": attempt.strip_prefix(directory.join("out.staging")).unwrap().join("list"),
    });
    fs::write(announced.join("announcement"), note.to_string()).unwrap();
    if steps > 0 && fs::rename(out.join(marker), announced.join("marker~old")).is_err() {
        fs::write(announced.join("marker~old"), "").unwrap();
    }
    for name in [manifest, file, marker].iter().take(steps.saturating_sub(1)) {
        fs::rename(announced.join(name), out.join(name)).unwrap();
    }
    drop(staged);
}

/// Returns what stands in the place after the lists of `contexts`, each with its text.
fn published(contexts: &[(&SinkContext, &str)]) -> BTreeMap<String, Vec<u8>> {
    let directory = tempfile::tempdir().unwrap();
    for (context, text) in contexts {
        publish(&single_options(), &(*context).clone().with_directory(directory.path()), &[text]);
    }
    tree(&directory.path().join("out"))
}

#[test]
fn an_announced_list_is_finished_by_the_next_publisher_even_of_another_owner() {
    for steps in 0..=4 {
        let directory = tempfile::tempdir().unwrap();
        let ours = context(directory.path());
        let mut theirs = prepared(&single_options(), &ours.clone().with_names("other", "archive"), &["x\ny\n"]);
        cut_off(directory.path(), &ours, "a\n", steps);
        let error = theirs.commit().unwrap_err();
        assert!(error.to_string().contains("the list there is the list `followers` of app id `wx1`"), "{error}");
        assert_eq!(tree(&directory.path().join("out")), published(&[(&ours, "a\n")]), "{steps} steps");
        // The command of the process that was killed is given again.
        publish(&single_options(), &ours, &["a\n"]);
        assert_eq!(tree(&directory.path().join("out")), published(&[(&ours, "a\n")]), "{steps} steps");
        assert!(!directory.path().join("out.staging").exists());
    }
}

#[test]
fn an_announced_list_is_finished_before_a_newer_or_an_older_one_of_its_owner_is_published() {
    for steps in 0..=4 {
        for micros in [1, 3] {
            let directory = tempfile::tempdir().unwrap();
            let place = context(directory.path());
            let (oldest, announced, next) = (began(&place, 0), began(&place, 2), began(&place, micros));
            publish(&single_options(), &oldest, &["o\n"]);
            let mut staged = prepared(&single_options(), &next, &["n\n"]);
            cut_off(directory.path(), &announced, "a\n", steps);
            staged.commit().unwrap();
            let newest = if micros > 2 { (&next, "n\n") } else { (&announced, "a\n") };
            assert_eq!(tree(&directory.path().join("out")), published(&[newest]), "{steps} steps, {micros}");
            publish(&single_options(), &announced, &["a\n"]);
            assert_eq!(tree(&directory.path().join("out")), published(&[newest]), "{steps} steps, {micros}");
            assert!(!directory.path().join("out.staging").exists());
        }
    }
}

#[test]
fn an_announced_list_whose_place_has_changed_is_not_published() {
    let directory = tempfile::tempdir().unwrap();
    let place = context(directory.path());
    let newer = began(&place, 2);
    cut_off(directory.path(), &began(&place, 1), "a\n", 0);
    // A person copies another list to the place.
    for (name, content) in published(&[(&newer, "b\n")]) {
        fs::write(directory.path().join("out").join(name), content).unwrap();
    }
    publish(&single_options(), &newer, &["b\n"]);
    assert_eq!(tree(&directory.path().join("out")), published(&[(&newer, "b\n")]));
    publish(&single_options(), &began(&place, 1), &["a\n"]);
    assert_eq!(tree(&directory.path().join("out")), published(&[(&newer, "b\n")]));
    assert!(!directory.path().join("out.staging").exists());
}

#[test]
fn a_foreign_list_that_cannot_go_back_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let ours = context(directory.path());
    let staged = prepared(&leaf_options(), &ours, &["a\n"]);
    let attempt = folders_in(&staging(directory.path())).remove(0);
    theirs(directory.path(), &leaf_options());
    fs::remove_dir_all(attempt.join("list")).unwrap();
    fs::rename(directory.path().join(LEAF), attempt.join("publishing")).unwrap();
    let kept = tree(&attempt.join("publishing"));
    drop(staged);
    // A third owner has the place by now.
    publish(&leaf_options(), &ours.clone().with_names("third", "archive"), &["z\n"]);
    let error = StagedFiles::open(&leaf_options(), &ours).unwrap_err().to_string();
    assert!(error.contains("of pipeline `third`"), "{error}");
    assert_eq!(tree(&attempt.join("publishing")), kept);
}

#[test]
fn a_list_that_a_crash_left_aside_goes_back_to_its_empty_place() {
    let directory = tempfile::tempdir().unwrap();
    let older = context(directory.path());
    publish(&leaf_options(), &older, &["a\n"]);
    let expected = tree(&directory.path().join("out"));
    let newer = older.clone().with_walk(walk(8), older.date);
    drop(prepared(&leaf_options(), &newer, &["b\n"]));
    let attempt = folders_in(&staging(directory.path())).remove(0);
    // Where two folders cannot change places, the older one is moved aside first.
    fs::rename(directory.path().join(LEAF), attempt.join("replaced")).unwrap();
    let mut staged = prepared(&leaf_options(), &newer, &["b\n"]);
    assert_eq!(tree(&directory.path().join("out")), expected);
    staged.commit().unwrap();
    assert!(!directory.path().join("out.staging").exists());
}

#[test]
fn an_attempt_whose_staging_was_taken_away_says_so_and_publishes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let context = context(directory.path());
    let take_away = || fs::remove_dir_all(directory.path().join("out.staging")).unwrap();
    let mut staged = StagedFiles::open(&leaf_options(), &context).unwrap();
    take_away();
    let error = staged.next_part().unwrap_err();
    assert!(error.is_aborted() && error.to_string().contains("another process has removed the staging"), "{error}");
    for options in [leaf_options(), single_options()] {
        let mut staged = prepared(&options, &context, &["a\n"]);
        take_away();
        assert!(staged.commit().unwrap_err().is_temporary());
        assert!(names(&directory).is_empty(), "{:?}", names(&directory));
    }
}
