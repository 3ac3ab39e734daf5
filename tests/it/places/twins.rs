//! Accounts whose names a file system takes for one, on a FUSE that folds names.

use std::process::Command;

use fanout::simulator::Simulator;

use super::mounts::FUSE;
use super::python_with_fuse;
use crate::crash_safety::small_disk::way_to_mount;
use crate::support::outputs::{published, tree};
use crate::support::{Ended, Project, wrapped};

const BY_ACCOUNT: &str = "dt={date}/account={account}/part-{part}.ndjson";

/// Runs commands on such a FUSE, one after the other, and keeps what is published in `kept`.
fn on_fuse(project: &Project, python: &str, operations: &str, commands: &[&str]) -> Vec<Ended> {
    let way = way_to_mount().unwrap();
    let script =
        format!("set -e; rm -rf elsewhere kept; trap 'umount disk; cp -R elsewhere kept' EXIT; {FUSE}; shift; \"$@\"");
    let run = |verb: &&str| {
        let mut outer = Command::new("unshare");
        outer.args(way).arg("env").arg(format!("PYTHON={python}")).arg(format!("OPERATIONS={operations}"));
        outer
            .arg(format!("SCRIPT={}/tests/it/fuse.py", env!("CARGO_MANIFEST_DIR")))
            .args(["sh", "-c", &script, "sh", "--"]);
        Ended::of(&mut wrapped(outer, &project.command_with_secrets(&[verb, "pipeline.toml"])))
    };
    commands.iter().map(run).collect()
}

/// Makes a project of two accounts whose lists go to the FUSE.
fn project(accounts: [&str; 2], layout: &str) -> Project {
    let [one, other] = accounts;
    Project::builder()
        .account(one, "wx1")
        .account(other, "wx2")
        .simulator(Simulator::builder().followers(40).page_size(20))
        .sink("lines", "ndjson", &format!("root = 'disk/out'\nlayout = '{layout}'"))
        .build()
}

#[test]
fn accounts_whose_names_the_file_system_takes_for_one_are_refused_before_the_first_call() {
    if way_to_mount().is_none() {
        return;
    }
    let Some(python) = python_with_fuse() else { return };
    for (accounts, layout) in [
        (["Brand", "brand"], BY_ACCOUNT),
        (["ÄRZTE", "ärzte"], BY_ACCOUNT),
        // A syllable of Hangul, composed and decomposed.
        (["\u{ac00}", "\u{1100}\u{1161}"], BY_ACCOUNT),
        (["brand.", "brand"], BY_ACCOUNT),
        (["Brand", "brand"], "{account}.ndjson"),
    ] {
        let project = project(accounts, layout);
        for ended in on_fuse(&project, &python, "names=folded", &["check", "run"]) {
            assert_eq!(ended.code, Some(2), "{ended:?}");
            let expected = format!("makes one place of the accounts `{}` and `{}`", accounts[0], accounts[1]);
            assert!(ended.stderr.contains(&expected), "{ended:?}");
        }
        assert_eq!(project.api().requests().total(), 0, "{accounts:?}");
        assert!(tree(&project.path("kept")).is_empty());
    }
}

#[test]
fn accounts_whose_names_the_file_system_tells_apart_are_published() {
    if way_to_mount().is_none() {
        return;
    }
    let Some(python) = python_with_fuse() else { return };
    for (accounts, layout, operations) in [
        (["Brand", "brand"], BY_ACCOUNT, "names=exact"),
        (["Brand", "brands"], BY_ACCOUNT, "names=folded"),
        (["Brand", "brand"], "dt={date}/{app_id}-{account}/part-{part}.ndjson", "names=folded"),
        (["Brand", "brand"], "{app_id}.ndjson", "names=folded"),
    ] {
        let project = project(accounts, layout);
        on_fuse(&project, &python, operations, &["run"]).remove(0).good();
        let markers = tree(&project.path("kept")).into_keys();
        assert_eq!(markers.filter(|name| name.to_string_lossy().ends_with("SUCCESS")).count(), 2, "{accounts:?}");
        if layout == BY_ACCOUNT {
            let day = std::fs::read_dir(project.path("kept/out")).unwrap().next().unwrap().unwrap().path();
            for account in accounts {
                assert_eq!(published(&day.join(format!("account={account}"))).unwrap().rows, 40);
            }
        }
    }
}
