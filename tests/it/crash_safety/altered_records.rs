//! Disks that alter the records beside the pages: a run notices before its first call, its error
//! says what to do, and doing so helps.

use std::fs;

use super::*;
use crate::support::Random;
use crate::support::four_sinks::{APP_ID, SINKS, holds_the_list};
use crate::support::journal::walks;
use crate::support::outputs::tree;

/// Returns altered copies of a whole file.
fn damages(whole: &[u8]) -> Vec<Vec<u8>> {
    let mut random = Random(whole.len() as u64);
    let mut flipped = || {
        let mut bytes = whole.to_vec();
        let byte = random.below(bytes.len() as u64) as usize;
        bytes[byte] ^= 1 << random.below(8);
        bytes
    };
    let mut damages: Vec<_> = (0..6).map(|_| flipped()).collect();
    damages.extend([
        Vec::new(),
        whole[..whole.len() / 2].to_vec(),
        whole[..whole.len() - 3].to_vec(),
        vec![0; whole.len()],
        b"{}\n".to_vec(),
        b"[sinks]\nsomething = 'else'\n".to_vec(),
        [whole, whole].concat(),
    ]);
    // A flip of white space changes nothing that the record says.
    let meaning = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).ok();
    damages.retain(|bytes| meaning(bytes).is_none_or(|said| Some(said) != meaning(whole)));
    assert!(damages.len() > 8, "too little was damaged");
    damages
}

/// Runs, and asserts that an error about `path` comes before the first call and that no output has
/// changed.
fn refused(project: &Project, path: &Path, hint: &str) {
    let (requests, outputs) = (project.api().requests(), tree(&project.path("out")));
    let path = path.strip_prefix(project.path("")).unwrap();
    let ended = project.run(&[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains(&format!("{} is damaged: ", path.display())), "{ended:?}");
    assert!(ended.stderr.contains(hint), "{ended:?}");
    assert_eq!(project.api().requests(), requests);
    assert!(tree(&project.path("out")) == outputs, "an output was touched");
}

#[test]
fn a_decision_that_was_altered_is_an_error_that_says_what_to_do() {
    let project = small_list(1);
    project.finish(&[]);
    let walk = current_walk(&project, 0).unwrap();
    let decision = walk.join("decision.json");
    let whole = fs::read(&decision).unwrap();
    for altered in damages(&whole) {
        fs::write(&decision, altered).unwrap();
        refused(&project, &decision, "hint: restore it from a backup, or move ");
    }
    // As the hint says: under another name the folder is no walk.
    fs::rename(&walk, walk.with_extension("aside")).unwrap();
    project.finish(&["--fresh"]);
    holds_the_list(&project, &project.truth());
    assert_eq!(project.calls(), 2 * SMALL_CALLS);
    assert!(walk.with_extension("aside").exists());
}

#[test]
fn a_commit_record_that_was_altered_is_an_error_and_without_it_the_list_is_delivered_again() {
    let project = small_list(2);
    project.finish(&[]);
    let walk = current_walk(&project, 0).unwrap();
    let published = tree(&project.path("out"));
    let records: Vec<_> = fs::read_dir(walk.join("commits")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(records.len(), SINKS.len());
    let whole = fs::read(&records[0]).unwrap();
    for altered in damages(&whole) {
        fs::write(&records[0], altered).unwrap();
        refused(&project, &records[0], "hint: remove this file and run again");
    }
    fs::remove_file(&records[0]).unwrap();
    let requests = project.api().requests();
    project.finish(&[]);
    assert_eq!(project.api().requests(), requests);
    assert!(tree(&project.path("out")) == published, "the list was changed");
    assert_eq!(fs::read(&records[0]).unwrap(), whole);

    // A copy of another sink's record says nothing about this sink.
    fs::copy(&records[1], &records[0]).unwrap();
    refused(&project, &records[0], "hint: remove this file and run again");
}

#[test]
fn a_decided_walk_whose_pages_were_altered_is_not_delivered() {
    let project = small_list(3);
    project.finish(&[]);
    let walk = current_walk(&project, 0).unwrap();
    let record = fs::read_dir(walk.join("commits")).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(record).unwrap();
    let whole = fs::read(walk.join("pages")).unwrap();
    for altered in damages(&whole) {
        fs::write(walk.join("pages"), altered).unwrap();
        refused(&project, &walk, "or move it away and start a new walk with `--fresh`");
    }
    fs::write(walk.join("pages"), whole).unwrap();
    project.finish(&[]);
    holds_the_list(&project, &project.truth());
}

#[test]
fn a_ledger_of_calls_that_was_altered_stops_nothing() {
    let project = small_list(7);
    project.finish(&[]);
    let ledger = project.path("state").join(APP_ID).join("calls.user-get.json");
    let whole = fs::read(&ledger).unwrap();
    for altered in damages(&whole) {
        fs::write(&ledger, altered).unwrap();
        let ended = project.finish(&["--fresh"]);
        assert!(ended.stderr.contains("the ledger of calls is damaged and not believed"), "{ended:?}");
        holds_the_list(&project, &project.truth());
    }
    fs::remove_file(&ledger).unwrap();
    project.finish(&["--fresh"]);
}

#[test]
fn whatever_the_lock_file_says_the_lock_is_what_counts() {
    let project = small_list(4);
    let lock = project.path("state").join(APP_ID).join("followers.lock");
    fs::create_dir_all(lock.parent().unwrap()).unwrap();
    for content in ["", "process 1, pipeline `another`\n", &"x".repeat(100_000)] {
        fs::write(&lock, content).unwrap();
        project.finish(&["--fresh"]);
        holds_the_list(&project, &project.truth());
    }
    assert_eq!(fs::read_to_string(&lock).unwrap(), "", "a run that has ended is not named");
}

#[test]
fn what_is_not_ours_among_the_walks_is_left_alone() {
    let project = small_list(5);
    project.finish(&[]);
    let walk = current_walk(&project, 0).unwrap();
    let list = walk.parent().unwrap();
    let foreign = [
        list.join("notes.txt"),
        list.join(".DS_Store"),
        list.join("000009"),
        list.join("000009-20261122T0000Z"),
        walk.join("notes.json"),
    ];
    for path in &foreign {
        fs::write(path, "something").unwrap();
    }
    fs::create_dir(list.join("backup")).unwrap();
    for more in [&[][..], &["--fresh"], &["--fresh"], &[]] {
        project.finish(more);
        holds_the_list(&project, &project.truth());
    }
    assert!(foreign[..4].iter().all(|path| path.exists()) && list.join("backup").exists());
    assert!(!walk.exists(), "it is too old to be kept, with all that lies in it");
}

#[test]
fn a_walk_that_cannot_be_read_goes_with_those_of_its_age() {
    let project = small_list(6);
    kill_at_page(&project, SMALL_PAGES / 2);
    let unreadable = current_walk(&project, 0).unwrap();
    let mut bytes = fs::read(unreadable.join("pages")).unwrap();
    bytes[20] ^= 1;
    fs::write(unreadable.join("pages"), bytes).unwrap();
    // By default `journal.keep` is 2.
    project.finish(&["--fresh"]);
    assert!(unreadable.exists());
    project.finish(&["--fresh"]);
    holds_the_list(&project, &project.truth());
    assert!(!unreadable.exists());
    assert_eq!(walks(&project).len(), 2);
}
