//! The reports of runs: what `fanout history` shows of them, and their JSON Schema.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

use boon::{Compiler, Schemas};
use serde_json::{Value, json};

use super::*;
use crate::support::{Ended, assert_shows, fanout};

const COMMITTED: &str = include_str!("../../../pipelines/report.schema.json");

/// Returns the reports that lie beside the journals, oldest first.
pub(super) fn reports(project: &Project) -> Vec<PathBuf> {
    let below = project.path("state/runs");
    let mut reports: Vec<_> = project.files().into_iter().filter(|path| path.starts_with(&below)).collect();
    // With the extension, the second report of one second would sort before the first.
    reports.sort_by_key(|path| path.file_stem().map(OsStr::to_owned));
    reports
}

/// Runs three times: well, against another host (an error: the walks belong to the first one), and
/// well again.
pub(super) fn three_runs() -> Project {
    let project = project(Duration::ZERO);
    project.finish(&[]);
    let failed = project.run(&["--set", "source.base_url=http://localhost:1"]);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    project.finish(&["--fresh"]);
    project
}

fn history(project: &Project, more: &[&str]) -> Ended {
    project.fanout(&[&["history", "pipeline.toml", "brand"], more].concat())
}

#[test]
fn the_runs_of_an_account_are_told_oldest_first() {
    let project = three_runs();
    let told = history(&project, &["--json"]).json();
    let runs = told["runs"].as_array().unwrap();
    let verdicts: Vec<_> = runs.iter().map(|run| run["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["published", "failed", "published"]);
    for (told, path) in runs.iter().zip(reports(&project)) {
        let report: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let mut expected = report["accounts"][0].clone();
        (expected["run"], expected["begun_at"]) = (report["run"].clone(), report["begun_at"].clone());
        assert_eq!(*told, expected);
    }
    let table = history(&project, &[]).stdout;
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 1 + 3, "{table}");
    assert!(lines[2].contains("failed") && lines[2].contains("belongs elsewhere: its API host"), "{table}");
    // The third list is as long as the first.
    assert!(lines[3].contains(&format!("{FOLLOWERS}      +0")), "{table}");
}

#[test]
fn a_report_that_cannot_be_read_is_passed_over_with_a_warning_and_one_of_another_pipeline_without() {
    let project = project(Duration::ZERO);
    project.finish(&[]);
    // The targets hold lists of the first pipeline: an error, which its report says.
    assert_eq!(project.run(&["--set", "name=another"]).code, Some(1));
    assert_eq!(reports(&project).len(), 2);
    fs::write(project.path("state/runs/20260101T000000Z-crash.json"), "{").unwrap();
    let told = history(&project, &["--json"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert_eq!(told.json()["runs"].as_array().unwrap().len(), 1, "{told:?}");
    assert_eq!(told.stderr.matches("WARN").count(), 1, "{told:?}");
    assert!(told.stderr.contains("20260101T000000Z-crash.json"), "{told:?}");
}

#[test]
fn an_account_that_was_mistyped_is_told_the_near_one() {
    let project = project(Duration::ZERO);
    let ended = project.fanout(&["history", "pipeline.toml", "brnd"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.stderr.contains("found no account `brnd`") && ended.stderr.contains("did you mean `brand`?"),
        "{ended:?}"
    );
    let none = history(&project, &[]);
    assert_eq!(none.code, Some(0), "{none:?}");
    assert!(none.stderr.contains("no report of a run of account `brand` yet"), "{none:?}");
}

#[test]
fn the_committed_schema_of_a_report_is_what_the_program_prints() {
    let printed = Ended::of(&mut fanout(&["schema", "--report"]));
    assert_eq!(printed.code, Some(0), "{printed:?}");
    assert!(COMMITTED == printed.stdout, "write it anew: cargo run -- schema --report > pipelines/report.schema.json");
}

#[test]
fn the_reports_of_runs_keep_the_schema_and_what_does_not_is_marked() {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("report.json", serde_json::from_str(COMMITTED).unwrap()).unwrap();
    let index = compiler.compile("report.json", &mut schemas).unwrap_or_else(|error| panic!("{error:#}"));
    let project = three_runs();
    // An optional sink fails; the other ones have the list already.
    project.append("[sinks.pipe]\ntype = 'command'\nrequired = false\noptions = { command = ['false'] }\n");
    project.finish(&[]);
    let reports: Vec<Value> =
        reports(&project).iter().map(|path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap()).collect();
    let states: BTreeSet<_> = reports
        .iter()
        .flat_map(|report| report["accounts"][0]["sinks"].as_array().unwrap())
        .map(|sink| sink["state"].as_str().unwrap())
        .collect();
    assert_eq!(states.into_iter().collect::<Vec<_>>(), ["already_published", "failed", "published"]);
    for report in &reports {
        schemas.validate(report, index).unwrap_or_else(|error| panic!("{error:#} in {report:#}"));
        for (pointer, wrong) in [
            ("/exit", json!(3)),
            ("/accounts/0/verdict", json!("fine")),
            ("/accounts/0/calls", json!(-1)),
            ("/accounts/0/date", json!(31)),
            ("/accounts", json!(null)),
        ] {
            let mut altered = report.clone();
            *altered.pointer_mut(pointer).unwrap() = wrong;
            assert!(schemas.validate(&altered, index).is_err(), "{pointer}");
        }
    }
}

/// `history` shows a line for each run of the account, the failed one with its error.
#[test]
fn the_runs_of_an_account_are_shown_with_the_error_of_the_one_that_failed() {
    let project = three_runs();
    assert_shows!(project, history(&project, &[]), @r"
    exit code: 0
    ----- stdout -----
    begun in Beijing  UTC    verdict    list of     followers  change  pages             calls  retries  seconds  error
    YYYY-MM-DD hh:mm  hh:mm  published  2026-11-22        400       -      8  9 of 100,000,000        0      N.N  -
    YYYY-MM-DD hh:mm  hh:mm  failed     -                   -       -      0                 0        0      N.N  the walk in state/wxcrash/followers/000001-YYYYMMDDThhmmssZ belongs elsewhere: its API host is `127.0.0.1`, not `localhost`
    YYYY-MM-DD hh:mm  hh:mm  published  2026-11-22        400      +0      8   9 of 99,999,991        0      N.N  -

    ----- stderr -----
    ");
}
