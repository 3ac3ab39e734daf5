//! A limit on the size of files (`ulimit -f`), at every value that hits another write: the run ends
//! with an error, publishes no part of a list, and is finished once the limit is gone.

use std::fs;
use std::ops::RangeInclusive;
use std::process::Stdio;

use std::process::Command;

use super::kills::{OLDER_FOLLOWERS, publish_older};
use super::*;
use crate::support::four_sinks::{CALLS_OF_A_RESTART, holds_nothing_or_a_whole_list, holds_the_list};
use crate::support::journal::{commits, walks};
use crate::support::{Ended, wrapped};

/// The unit of `ulimit -f`, in bytes.
const BLOCK: u64 = 512;

/// A sink that writes no file, so that the records of the state are the largest ones.
const TO_STDOUT: &str = "[sinks.lines]\ntype = 'ndjson'\noptions = { path = '-' }\n";

/// Returns `command` with a limit of `blocks` on its files.
pub(crate) fn limited(command: &Command, blocks: u64) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -f {blocks} && exec \"$@\""), "sh"]);
    wrapped(shell, command)
}

/// Runs within a limit, and returns whether the run was good. An error names the limit, and what to
/// do.
fn run_limited(command: &Command, blocks: u64) -> bool {
    let ended = Ended::of(&mut limited(command, blocks));
    if ended.code == Some(0) {
        return true;
    }
    assert_eq!(ended.code, Some(1), "{blocks} blocks: {ended:?}");
    assert!(ended.stderr.contains("File too large"), "{blocks} blocks: {ended:?}");
    assert!(
        ended.stderr.contains("hint: the file system or `ulimit -f` bounds the size"),
        "{blocks} blocks: {ended:?}"
    );
    false
}

/// Returns the blocks that the largest of all files below a folder needs.
fn largest(project: &Project) -> u64 {
    let lengths = project.files().into_iter().map(|path| fs::metadata(path).unwrap().len());
    lengths.max().unwrap().div_ceil(BLOCK)
}

/// Thins out a range of limits: every value at first, where there are many small files, later one
/// for each page of the journal, and then a few.
fn ladder(blocks: RangeInclusive<u64>) -> impl Iterator<Item = u64> {
    let last = *blocks.end();
    blocks.filter(move |&blocks| match blocks {
        0..=8 => true,
        9..=32 => blocks % 3 == 0,
        _ => blocks % 16 == 0 || blocks == last,
    })
}

#[test]
fn a_walk_that_met_a_limit_anywhere_is_finished_exactly_once_it_is_gone() {
    let mut failures = 0;
    let undisturbed = small_list(0);
    undisturbed.finish(&[]);
    for blocks in ladder(0..=largest(&undisturbed)) {
        let project = small_list(blocks);
        let has_older = blocks % 2 == 1;
        let older = if has_older { publish_older(&project) } else { 0 };
        let fresh: &[&str] = if has_older { &["--fresh"] } else { &[] };
        let visible = if has_older { &[OLDER_FOLLOWERS, SMALL_FOLLOWERS][..] } else { &[SMALL_FOLLOWERS] };
        let is_done = run_limited(&project.run_command(fresh), blocks);
        holds_nothing_or_a_whole_list(&project, visible);
        failures += u64::from(!is_done);

        // A run that failed before it began a walk has to begin one now.
        let is_begun = walks(&project).len() > older;
        project.finish(if is_begun { &[] } else { fresh });
        holds_the_list(&project, &project.truth());
        assert_eq!(walks(&project).len(), older + 1, "{blocks} blocks");
        let most = SMALL_CALLS + if is_done { 0 } else { CALLS_OF_A_RESTART };
        assert!(project.calls() <= most, "{} calls with {blocks} blocks", project.calls());
        equals_an_undisturbed_delivery(&project, &current_walk(&project, older).unwrap());
    }
    assert!(failures > 20, "only {failures} values of the limit were too small");
}

#[test]
fn a_list_that_was_read_meets_a_limit_without_a_call() {
    let original = small_list(1);
    original.finish(&[]);
    let walk = current_walk(&original, 0).unwrap();
    let requests = original.api().requests();
    let mut failures = 0;
    for blocks in ladder(0..=largest(&original)) {
        let project = with_its_pages(&original, &walk);
        failures += u64::from(!run_limited(&project.run_command(&[]), blocks));
        holds_nothing_or_a_whole_list(&project, &[SMALL_FOLLOWERS]);
        project.finish(&[]);
        holds_the_list(&project, &project.truth());
        are_equal_to_the_byte(&original.path("out"), &project.path("out"));
    }
    assert!(failures > 12, "only {failures} values of the limit were too small");
    assert_eq!(original.api().requests(), requests);
}

#[test]
fn a_decision_and_a_commit_record_are_there_whole_or_not_at_all() {
    let original = small_list(2);
    original.finish(&[]);
    let walk = current_walk(&original, 0).unwrap();
    let project = with_its_pages(&original, &walk);
    deliver_to_stdout(&project);
    let walk = current_walk(&project, 0).unwrap();
    let (mut undecided, mut unrecorded) = (0, 0);
    for keeps_decision in [false, true] {
        for blocks in 0..=4 {
            forget(&walk, keeps_decision);
            if !run_limited(&project.run_command(&[]), blocks) {
                let is_decided = walk.join("decision.json").exists();
                undecided += u64::from(!is_decided);
                unrecorded += u64::from(is_decided);
                assert_eq!(commits(&walk), 0);
                assert_eq!(rows(&project.finish(&[])), SMALL_FOLLOWERS);
            }
            assert_eq!(commits(&walk), 1);
        }
    }
    assert!(undecided > 0 && unrecorded > 0, "{undecided} and {unrecorded}");
}

/// Replaces the sinks of the pipeline file by one that writes no file.
fn deliver_to_stdout(project: &Project) {
    let text = project.file();
    let (head, _) = text.split_once("[sinks.").unwrap();
    fs::write(project.path("pipeline.toml"), format!("{head}{TO_STDOUT}")).unwrap();
}

/// Removes the commit records of a walk and, unless it is kept, its decision.
fn forget(walk: &Path, keeps_decision: bool) {
    let decision = walk.join("decision.json");
    if !keeps_decision && decision.exists() {
        fs::remove_file(decision).unwrap();
    }
    fs::remove_dir_all(walk.join("commits")).unwrap();
    fs::create_dir(walk.join("commits")).unwrap();
}

/// Returns how many rows a run has written to stdout.
fn rows(ended: &Ended) -> u64 {
    ended.stdout.lines().filter(|line| line.starts_with("{\"app_id\"")).count() as u64
}

#[test]
fn a_stdout_that_takes_no_more_fails_its_sink_and_gets_the_whole_list_again() {
    let project = small_list(3);
    deliver_to_stdout(&project);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let process = project.run_command(&[]).stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let ended = Ended::after(process);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("cannot write to stdout: No space left on device"), "{ended:?}");
    assert!(ended.stderr.contains("hint: run again: the whole list is sent again"), "{ended:?}");
    let calls = project.calls();
    assert_eq!((rows(&project.finish(&[])), project.calls()), (SMALL_FOLLOWERS, calls));
}
