//! `fanout status`: the state of the accounts, read without a lock, a secret or a call.

use std::fs;
use std::process::Stdio;

use serde_json::{Value, json};

use super::*;
use crate::support::four_sinks::SINKS;
use crate::support::journal::current_walk;
use crate::support::{Ended, assert_shows, while_halted};

/// Returns the names of the sinks that have the list.
fn sinks() -> Value {
    json!(SINKS.map(|(name, _, _)| name))
}

/// Returns what `status` says of the only account. The command has no secret.
fn account(project: &Project) -> Value {
    let ended = project.fanout(&["status", "pipeline.toml", "--json"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    ended.json()["accounts"][0].clone()
}

#[test]
fn before_the_first_run_there_is_nothing_and_nothing_is_created() {
    let project = project(Duration::ZERO);
    let account = account(&project);
    assert_eq!((&account["last"], &account["walk"], &account["held_by"]), (&Value::Null, &Value::Null, &Value::Null));
    assert_eq!((&account["calls_today"], &account["bytes"]), (&0.into(), &0.into()));
    assert_eq!(project.files(), [project.path("pipeline.toml")]);
}

#[test]
fn while_a_run_is_at_work_its_walk_is_seen_beside_the_last_list_and_is_not_disturbed() {
    let project = project(Duration::from_millis(200));
    project.finish(&[]);
    let process = project.start_until_page(&["--fresh"], 3);
    let (account, table) = while_halted(&process, || {
        let table = project.fanout(&["status", "pipeline.toml"]).stdout;
        (account(&project), table)
    });
    let list = &account["last"];
    assert_eq!((&list["rows"], &list["published"]), (&json!(FOLLOWERS), &sinks()), "{account:#}");
    assert_eq!(list["lacking"], Value::Array(Vec::new()));
    let pages = account["walk"]["pages"].as_u64().unwrap();
    assert!((2..=PAGES).contains(&pages), "{account:#}");
    assert_eq!(account["walk"]["followers"], pages * PAGE_SIZE);
    let holder = account["held_by"].as_str().unwrap();
    assert!(holder.starts_with(&format!("process {} on `", process.id())), "{holder}");
    assert!(holder.ends_with(", pipeline `crash`"), "{holder}");
    let calls = account["calls_today"].as_u64().unwrap();
    assert!((CALLS + 3..=2 * CALLS).contains(&calls), "{account:#}");
    let state = fs::metadata(current_walk(&project, 0).unwrap().join("pages")).unwrap().len();
    assert!(account["bytes"].as_u64().unwrap() > state / 2, "{account:#}");
    assert!(table.contains(&format!("brand: in use by process {}", process.id())), "{table}");

    let ended = Ended::after(process);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(project.calls(), 2 * CALLS);
}

#[test]
fn the_lock_of_a_process_that_is_gone_holds_nobody() {
    let project = project(Duration::from_millis(200));
    let mut process = project.start_until_page(&[], 2);
    process.kill().unwrap();
    process.wait().unwrap();
    let account = account(&project);
    assert_eq!(account["held_by"], Value::Null);
    let pages = account["walk"]["pages"].as_u64().unwrap();
    assert_eq!(project.finish(&["--json"]).json()["accounts"][0]["calls"], 1 + CALLS - pages, "{account:#}");
}

#[test]
fn a_sink_that_lacks_the_list_is_named() {
    let project = project(Duration::ZERO);
    project.finish(&[]);
    project.append("[sinks.late]\ntype = 'ndjson'\noptions = { root = 'late' }\n");
    let account = account(&project);
    assert_eq!(account["last"]["published"], sinks());
    assert_eq!(account["last"]["lacking"], json!(["late"]));
    // Other options are another output.
    let moved = ["status", "pipeline.toml", "--json", "--set", "sinks.lake.options.root=moved"];
    assert_eq!(project.fanout(&moved).json()["accounts"][0]["last"]["lacking"], json!(["lake", "late"]));
}

#[test]
fn whoever_looks_again_and_again_meets_no_half_removed_walk() {
    let project = project(Duration::ZERO);
    let keep_one = ["--fresh", "--set", "journal.keep=1"];
    project.finish(&keep_one);
    for _ in 0..3 {
        let mut process = project.run_command(&keep_one).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while process.try_wait().unwrap().is_none() {
            let account = account(&project);
            assert_eq!(account["error"], Value::Null, "{account:#}");
            assert_eq!(account["last"]["rows"], FOLLOWERS);
        }
        assert_eq!(process.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn a_halted_run_is_named_and_a_state_that_cannot_be_read_is_an_error_with_a_hint() {
    let project = project(Duration::from_millis(200));
    let process = project.start_until_page(&[], 2);
    assert!(while_halted(&process, || account(&project))["held_by"].is_string());
    assert_eq!(Ended::after(process).code, Some(0));

    fs::write(current_walk(&project, 0).unwrap().join("decision.json"), "{").unwrap();
    let ended = project.fanout(&["status", "pipeline.toml"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("error: account `brand`: the record ") && ended.stderr.contains("\nhint: "),
        "{ended:?}"
    );
}

/// `status` shows the last list of the account, and a sink that was added since then as one that
/// lacks it.
#[test]
fn the_state_of_an_account_is_shown_with_the_sink_that_lacks_its_list() {
    let project = project(Duration::ZERO);
    project.finish(&[]);
    project.append("[sinks.late]\ntype = 'ndjson'\noptions = { root = 'late' }\n");
    assert_shows!(project, project.fanout(&["status", "pipeline.toml"]), @r"
    exit code: 0
    ----- stdout -----
    account  list of     followers  sinks                                       walk under way  calls today       disk
    brand    2026-11-22        400  lake, lines, packed, single; lacking: late  -                  9 of 500  NN.NN KiB

    ----- stderr -----
    ");
}
