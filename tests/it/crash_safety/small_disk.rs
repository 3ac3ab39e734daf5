//! A disk that is too small, at every size and every number of files that hits another write; and a
//! read-only disk.

use std::fs;

use std::process::Command;

use super::*;
use crate::support::four_sinks::{CALLS_OF_A_RESTART, SINKS, holds_nothing_or_a_whole_list, holds_the_list};
use crate::support::journal::walks;
use crate::support::{Ended, say, variable, wrapped};

/// The block size of a tmpfs, in bytes; a file takes whole blocks.
const BLOCK: u64 = 4096;

/// Mounts a disk of `$1` bytes and `$2` files at `$3`, runs the rest of its arguments there, keeps
/// what is then on the disk in `$4`, makes the disk large, runs it again, and keeps that in `$5`.
/// The mount ends with the process.
const SCRIPT: &str = r#"
mount -t tmpfs -o "size=$1,nr_inodes=$2,mode=755" none "$3" || exit 99
disk=$3 failed=$4 finished=$5
shift 5
"$@" >"$failed.stdout" 2>"$failed.stderr"
echo $? >"$failed.code"
cp -R "$disk/." "$failed"
mount -o remount,size=64m,nr_inodes=10000 "$disk" || exit 98
"$@" >"$finished.stdout" 2>"$finished.stderr"
echo $? >"$finished.code"
cp -R "$disk/." "$finished"
"#;

/// How to mount a disk that no other process sees: as root, or in a user namespace.
const WAYS: [&[&str]; 2] = [&["--mount"], &["--mount", "--user", "--map-root-user"]];

/// Returns how to mount; `None` where the system forbids it, which fails the test where nothing may
/// be skipped.
pub(crate) fn way_to_mount() -> Option<&'static [&'static str]> {
    let can = |way: &&&[&str]| {
        let mut unshare = Command::new("unshare");
        unshare.args(**way).args(["sh", "-c", "mount -t tmpfs none /mnt"]);
        unshare.output().is_ok_and(|output| output.status.success())
    };
    let way = WAYS.iter().find(can).copied();
    if way.is_none() {
        assert!(variable("FANOUT_REQUIRE_ALL").is_none(), "a disk cannot be mounted in a namespace of its own");
        say("skipped: no small disk was filled; it takes root, or `unshare --user --map-root-user --mount`");
    }
    way
}

/// Runs a walk on a disk of this size and for this number of files, and again on a large disk.
/// Returns whether the first run was good.
fn run_on(way: &[&str], blocks: u64, files: u64) -> bool {
    let project = small_list(blocks + files);
    let [failed, finished] = [0, 1].map(|_| project.without_state());
    fs::create_dir(project.path("disk")).unwrap();
    let mut unshare = Command::new("unshare");
    unshare.args(way).args(["sh", "-c", SCRIPT, "sh", &(blocks * BLOCK).to_string(), &files.to_string(), "disk"]);
    unshare
        .args([failed.path(""), finished.path("")].map(|path| path.to_str().unwrap().trim_end_matches('/').to_owned()));
    let mut run = project.run_command(&["--json", "--set", "journal.path=disk/state"]);
    for (sink, _, _) in SINKS {
        run.args(["--set", &format!("sinks.{sink}.options.root=disk/out/{sink}")]);
    }
    let script = Ended::of(&mut wrapped(unshare, &run));
    assert_eq!(script.code, Some(0), "{script:?}");

    let first = Ended::kept(&failed);
    let is_done = first.code == Some(0);
    let place = format!("{blocks} blocks, {files} files");
    if !is_done {
        assert_eq!(first.code, Some(1), "{place}: {first:?}");
        assert!(first.stderr.contains("No space left on device"), "{place}: {first:?}");
        assert!(first.stderr.contains("hint: make room on this disk"), "{first:?}");
    }
    holds_nothing_or_a_whole_list(&failed, &[SMALL_FOLLOWERS]);

    let second = Ended::kept(&finished);
    assert_eq!(second.code, Some(0), "{place}: {second:?}");
    holds_the_list(&finished, &project.truth());
    assert_eq!(walks(&finished).len(), 1, "{place}");
    let most = SMALL_CALLS + if is_done { 0 } else { CALLS_OF_A_RESTART };
    assert!(project.calls() <= most, "{} calls: {place}", project.calls());
    is_done
}

impl Ended {
    /// Reads the files that [`SCRIPT`] has written beside the folder of a project.
    fn kept(project: &Project) -> Self {
        let folder = project.path("");
        let name = folder.to_str().unwrap().trim_end_matches('/').to_owned();
        let read = |extension: &str| {
            let path = format!("{name}.{extension}");
            let text = fs::read_to_string(&path).unwrap();
            fs::remove_file(path).unwrap();
            text
        };
        Self { code: read("code").trim().parse().ok(), stdout: read("stdout"), stderr: read("stderr") }
    }
}

#[test]
fn a_disk_that_is_read_only_is_found_before_the_first_call() {
    let Some(way) = way_to_mount() else { return };
    let project = small_list(1);
    fs::create_dir(project.path("disk")).unwrap();
    for setting in
        ["journal.path=disk/state", "sinks.lake.options.root=disk/lake", "sinks.single.options.root=disk/lake"]
    {
        let run = project.run_command(&["--set", setting]);
        let mut unshare = Command::new("unshare");
        unshare.args(way).args(["sh", "-c", "mount -t tmpfs -o ro none disk && \"$@\"", "sh"]);
        let ended = Ended::of(&mut wrapped(unshare, &run));
        assert_eq!(ended.code, Some(1), "{setting}: {ended:?}");
        assert!(ended.stderr.contains("Read-only file system"), "{setting}: {ended:?}");
        assert!(ended.stderr.contains("must be writable for this user"), "{setting}: {ended:?}");
    }
    assert_eq!(project.api().requests().total(), 0);
}

#[test]
fn a_walk_on_a_disk_of_any_size_fails_cleanly_and_is_finished_with_more_room() {
    let Some(way) = way_to_mount() else { return };
    let mut blocks = 1;
    while !run_on(way, blocks, 10_000) {
        blocks += 1;
    }
    // Each sink has a file, a manifest and a marker; the state has its pages, a decision and a
    // record for each sink.
    assert!(blocks > 20, "{blocks} blocks were enough");
}

#[test]
fn a_walk_on_a_disk_for_any_number_of_files_fails_cleanly_and_is_finished_with_more() {
    let Some(way) = way_to_mount() else { return };
    let mut files = 2;
    while !run_on(way, 10_000, files) {
        files += 1;
    }
    assert!(files > 20, "{files} files were enough");
}
