//! `fanout prune`: it removes only what no sink lacks, and never touches what sinks have published.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::*;
use crate::support::journal::walks;
use crate::support::{Ended, assert_shows, noon, while_halted};

/// Returns a sink that is not required and whose program decides whether it succeeds.
fn pipe(program: &str) -> String {
    format!(
        "[sinks.pipe]\ntype = 'command'\nrequired = false\noptions = {{ command = ['{program}'], protocol = 'plain' }}\n"
    )
}

/// Runs on a day, and keeps all walks.
fn run_of(project: &Project, date: &str, more: &[&str]) {
    project.clock.set(noon(date));
    let arguments = ["run", "pipeline.toml", "--set", "journal.keep=100"];
    Ended::of(&mut project.command_with_secrets(&[&arguments[..], more].concat())).good();
}

fn prune(project: &Project, more: &[&str]) -> Ended {
    project.fanout(&[&["prune", "pipeline.toml", "--json", "--set", "journal.keep=1"], more].concat())
}

/// Returns the names of what is removed, with the reasons.
fn prunable(ended: &Ended) -> Vec<(String, String)> {
    let name = |path: &Value| Path::new(path.as_str().unwrap()).file_name().unwrap().to_str().unwrap().to_owned();
    let accounts = ended.json()["accounts"].as_array().unwrap().clone();
    let all = accounts.iter().flat_map(|account| account["prunable"].as_array().unwrap());
    all.map(|item| (name(&item["path"]), item["why"].as_str().unwrap().to_owned())).collect()
}

fn name(walk: &Path) -> String {
    walk.file_name().unwrap().to_str().unwrap().to_owned()
}

/// Returns every file below a folder of the project with what is in it.
fn content(project: &Project, below: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let folder = project.path(below);
    let files = project.files().into_iter().filter(|path| path.starts_with(&folder));
    files.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

#[test]
fn a_look_touches_nothing_and_what_it_shows_is_what_goes() {
    let project = project(Duration::ZERO);
    for date in ["2026-11-20", "2026-11-21", "2026-11-22"] {
        run_of(&project, date, &["--fresh"]);
    }
    let (before, published) = (content(&project, "state"), content(&project, "out"));
    let older = &walks(&project)[..2];
    let shown = prune(&project, &[]);
    let expected: Vec<_> = older.iter().map(|walk| (name(walk), "beyond_keep".to_owned())).collect();
    assert_eq!((shown.code, prunable(&shown)), (Some(0), expected.clone()));
    let bytes: u64 = shown.json()["accounts"][0]["prunable"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["bytes"].as_u64().unwrap())
        .sum();
    let of_older = before.iter().filter(|(path, _)| older.iter().any(|walk| path.starts_with(walk)));
    assert_eq!(bytes, of_older.map(|(_, content)| content.len() as u64).sum::<u64>());
    assert!(content(&project, "state") == before);

    let told = project.fanout(&["prune", "pipeline.toml", "--set", "journal.keep=1"]).stdout;
    assert!(told.contains("would remove 2 items (") && told.contains(") with `--yes`\n"), "{told}");
    let gone = prune(&project, &["--yes"]);
    assert_eq!((gone.code, prunable(&gone)), (Some(0), expected), "{gone:?}");
    let mut left = before;
    left.retain(|path, _| older.iter().all(|walk| !path.starts_with(walk)));
    let after = content(&project, "state");
    assert!(left.keys().eq(after.keys()), "{:?}", after.keys());
    assert!(content(&project, "out") == published);
    assert_eq!(prunable(&prune(&project, &["--yes"])), []);
    let calls = project.calls();
    project.finish(&[]);
    assert_eq!(project.calls(), calls, "the list that stays is still the published one");
}

#[test]
fn a_list_that_a_sink_lacks_stays_until_the_sink_has_it_even_if_it_is_not_required() {
    let project = project(Duration::ZERO);
    let file = project.path("pipeline.toml");
    let without = fs::read_to_string(&file).unwrap();
    fs::write(&file, without.clone() + &pipe("false")).unwrap();
    for date in ["2026-11-20", "2026-11-21", "2026-11-22"] {
        run_of(&project, date, &["--fresh"]);
    }
    assert_eq!(prunable(&prune(&project, &["--yes"])), []);
    assert_eq!(walks(&project).len(), 3);
    fs::write(&file, without + &pipe("wc")).unwrap();
    let keep_all = ["--set", "journal.keep=100"];
    let replayed = project.fanout(&[&["replay", "pipeline.toml", "--date", "2026-11-20"], &keep_all[..]].concat());
    assert_eq!(replayed.code, Some(0), "{replayed:?}");
    let first = name(&walks(&project)[0]);
    assert_eq!(prunable(&prune(&project, &["--yes"])), [(first, "beyond_keep".to_owned())]);
    assert_eq!(walks(&project).len(), 2);
}

#[test]
fn a_walk_that_was_cut_off_goes_when_it_is_too_old_and_a_newer_list_is_complete() {
    let project = project(Duration::from_millis(50));
    let mut process = project.start_until_page(&[], 3);
    process.kill().unwrap();
    process.wait().unwrap();
    let too_old = ["--yes", "--set", "journal.resume_within_hours=0"];
    assert_eq!(prunable(&prune(&project, &too_old)), [], "it is all that there is");
    let open = name(&walks(&project)[0]);
    run_of(&project, "2026-11-23", &["--fresh"]);
    assert_eq!(prunable(&prune(&project, &["--yes"])), [], "it can be gone on with, under its date");
    assert_eq!(prunable(&prune(&project, &too_old)), [(open, "abandoned".to_owned())]);
    assert_eq!(walks(&project).len(), 1);
}

#[test]
fn a_removal_that_was_cut_off_anywhere_is_finished() {
    let project = project(Duration::ZERO);
    for date in ["2026-11-20", "2026-11-21", "2026-11-22"] {
        run_of(&project, date, &["--fresh"]);
    }
    let published = content(&project, "out");
    let all = walks(&project);
    // As if a removal was cut off after its rename, with half of the files gone.
    let half = all[0].with_file_name(format!("{}~old", name(&all[0])));
    fs::rename(&all[0], &half).unwrap();
    fs::remove_dir_all(half.join("commits")).unwrap();
    let begun = all[0].with_file_name("000009-20261122T000000Z~new");
    fs::create_dir(&begun).unwrap();
    let foreign = all[0].with_file_name("notes.txt");
    fs::write(&foreign, "mine").unwrap();
    let gone = prunable(&prune(&project, &["--yes"]));
    let left_behind = |path: &Path| (name(path), "left_behind".to_owned());
    assert_eq!(gone, [left_behind(&half), (name(&all[1]), "beyond_keep".to_owned()), left_behind(&begun)]);
    assert!(!half.exists() && !begun.exists() && foreign.exists());
    assert_eq!(walks(&project), all[2..]);
    assert!(content(&project, "out") == published);
}

#[test]
fn an_account_that_is_in_use_is_named_and_left_alone() {
    let project = project(Duration::from_millis(200));
    run_of(&project, "2026-11-20", &[]);
    run_of(&project, "2026-11-21", &[]);
    project.clock.set(noon("2026-11-22"));
    let process = project.start_until_page(&["--set", "journal.keep=100"], 2);
    let (pruned, looked) = while_halted(&process, || (prune(&project, &["--yes"]), prune(&project, &[])));
    assert_eq!((pruned.code, prunable(&pruned)), (Some(75), Vec::new()), "{pruned:?}");
    let who = format!("account `brand` is in use and left alone (process {} on `", process.id());
    assert!(pruned.stderr.contains(&who), "{pruned:?}");
    assert_eq!(looked.code, Some(0), "who only looks needs not come again");
    assert_eq!(walks(&project).len(), 3);
    assert_eq!(Ended::after(process).code, Some(0));
}

#[test]
fn old_reports_of_this_pipeline_go_only_when_they_are_asked_for() {
    let project = project(Duration::ZERO);
    project.finish(&[]);
    let [new] = &super::history::reports(&project)[..] else { panic!("one report") };
    let mut report: Value = serde_json::from_slice(&fs::read(new).unwrap()).unwrap();
    report["begun_at"] = "2026-01-01T00:00:00Z".into();
    let old = new.with_file_name("20260101T000000Z-crash.json");
    fs::write(&old, report.to_string()).unwrap();
    report["pipeline"] = "another".into();
    let others = new.with_file_name("20260101T000000Z-another.json");
    fs::write(&others, report.to_string()).unwrap();
    let gone = |ended: Ended| ended.json()["reports"].as_array().unwrap().len();
    assert_eq!(gone(prune(&project, &["--yes"])), 0);
    assert_eq!(gone(prune(&project, &["--reports-older-than", "30"])), 1);
    assert!(old.exists());
    assert_eq!(gone(prune(&project, &["--reports-older-than", "30", "--yes"])), 1);
    assert!(!old.exists() && others.exists() && new.exists());
}

/// `prune` shows which walks can be removed and why; with `--yes` it shows the same walks as
/// removed.
#[test]
fn what_can_be_removed_is_shown_before_and_after() {
    let project = project(Duration::ZERO);
    for date in ["2026-11-20", "2026-11-21", "2026-11-22"] {
        run_of(&project, date, &["--fresh"]);
    }
    let prune = ["prune", "pipeline.toml", "--set", "journal.keep=1"];
    assert_shows!(project, project.fanout(&prune), @r"
    exit code: 0
    ----- stdout -----
    account  what                     why                                               disk
    brand    000001-YYYYMMDDThhmmssZ  beyond `journal.keep`, and no sink lacks it  NN.NN KiB
    brand    000002-YYYYMMDDThhmmssZ  beyond `journal.keep`, and no sink lacks it  NN.NN KiB
    would remove 2 items (NN.NN KiB) with `--yes`

    ----- stderr -----
    ");
    assert_shows!(project, project.fanout(&[&prune[..], &["--yes"]].concat()), @r"
    exit code: 0
    ----- stdout -----
    account  what                     why                                               disk
    brand    000001-YYYYMMDDThhmmssZ  beyond `journal.keep`, and no sink lacks it  NN.NN KiB
    brand    000002-YYYYMMDDThhmmssZ  beyond `journal.keep`, and no sink lacks it  NN.NN KiB
    removed 2 items (NN.NN KiB)

    ----- stderr -----
    ");
}
