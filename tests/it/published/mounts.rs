//! A list whose disk is not mounted is not gone.

use std::process::Command;

use super::*;
use crate::crash_safety::small_disk::way_to_mount;
use crate::support::outputs::tree;
use crate::support::wrapped;

/// Runs a script in a mount namespace of its own. Its arguments are the command that it is given.
fn in_namespace(way: &[&str], script: &str, command: &Command) -> Ended {
    let mut unshare = Command::new("unshare");
    unshare.args(way).args(["sh", "-c", script, "sh"]);
    Ended::of(&mut wrapped(unshare, command))
}

#[test]
fn an_empty_folder_in_the_place_of_a_disk_is_not_a_list_that_is_gone() {
    let Some(way) = way_to_mount() else { return };
    // What is mounted over the outputs, or taken away from them, after the first run.
    for (before, after) in [
        // The disk of the outputs is not mounted the second time.
        ("mount -t tmpfs none out", "umount out"),
        // Another disk is mounted over them.
        (":", "mount -t tmpfs none out"),
        // The outputs were moved, and an empty folder of the same disk is mounted in their place.
        (":", "mkdir empty && mv out/lake moved && mkdir out/lake && mount --bind empty out/lake"),
        // The disk is bound to another folder of itself.
        ("mkdir real && mount --bind real out", "umount out"),
    ] {
        let project = project("");
        std::fs::create_dir(project.path("out")).unwrap();
        let script = format!("{before} && \"$@\" >first 2>&1 && {after} && \"$@\"");
        let ended = in_namespace(way, &script, &project.run_command(&["--json"]));
        assert_eq!(ended.code, Some(1), "{before}; {after}: {ended:?}");
        assert_eq!(state(&ended.json(), "lake"), ("failed", None), "{before}; {after}");
        assert!(ended.stderr.contains("below the mount point `"), "{before}; {after}: {ended:?}");
        assert!(ended.stderr.contains("hint: is its disk mounted?"), "{before}; {after}: {ended:?}");
        assert_eq!(ended.json()["accounts"][0]["calls"], 0);
        if before != ":" {
            assert!(tree(&project.path("out")).is_empty(), "{before}; {after}: something was delivered to the folder");
        }
    }
}

#[test]
fn a_look_at_a_disk_that_is_not_mounted_is_said_by_every_command() {
    let Some(way) = way_to_mount() else { return };
    let project = project("");
    std::fs::create_dir(project.path("out")).unwrap();
    let run = project.run_command(&[]);
    assert_eq!(in_namespace(way, "mount -t tmpfs none out && \"$@\"", &run).code, Some(0));
    let date = ["--date", DATE];
    for arguments in [&["check", "--date", DATE][..], &["replay"], &[&["replay"], &date[..]].concat(), &["status"]] {
        let ended = command(&project, arguments);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains("hint: is its disk mounted?"), "{ended:?}");
    }
    assert!(tree(&project.path("out")).is_empty());
}
