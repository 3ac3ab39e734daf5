//! What each command says of lists that are there, or gone.

use serde_json::json;

use super::*;
use crate::support::assert_shows;
use crate::support::outputs::tree;

/// Returns the findings of `check --connect` on the state, as severity and text.
fn connected(project: &Project) -> (Option<i32>, Vec<(String, String)>) {
    let ended = check(project, &["--connect", "--no-calls", "--json"]);
    let report = ended.json();
    let findings = report["findings"].as_array().unwrap().iter().filter(|finding| finding["check"] == "state");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let findings = findings.map(|finding| (text(&finding["severity"]), text(&finding["found"])));
    (ended.code, findings.collect())
}

fn walk(project: &Project) -> String {
    project.fanout(&["status", "pipeline.toml", "--json"]).json()["accounts"][0]["last"]["walk"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn a_check_says_that_a_list_is_published_gone_or_lacking() {
    let project = project("");
    project.finish(&[]);
    let published = |text: String| ("ok".to_owned(), text);
    let walk = walk(&project);
    assert_eq!(
        connected(&project),
        (Some(0), vec![published(format!("the list of {DATE} is published: walk {walk}"))])
    );

    remove(&project.path("out/lake"));
    project.append("[sinks.late]\ntype = 'ndjson'\noptions = { root = 'out/late' }\n");
    let (code, findings) = connected(&project);
    assert_eq!(code, Some(0));
    assert_eq!(
        findings,
        [
            published(format!("the list of {DATE} is complete: walk {walk}; a run delivers it, without a call")),
            ("warning".to_owned(), "sink `lake`: the list is gone, and is delivered again".to_owned()),
            published("sink `late`: it lacks the list, and receives it".to_owned()),
        ]
    );
    assert!(!project.path("out/lake").exists());

    std::fs::write(leaf(&project.path("out/lines")).join("_SUCCESS"), "{}").unwrap();
    std::fs::write(leaf(&project.path("out/topic")).join("_SUCCESS"), "{}").unwrap();
    let (code, findings) = connected(&project);
    assert_eq!(code, Some(1));
    let errors: Vec<_> = findings.iter().filter(|(severity, _)| severity == "error").map(|(_, text)| text).collect();
    assert_eq!(errors.len(), 2, "{findings:?}");
    assert!(errors[0].contains("sink `lines`: the published list was changed: "), "{findings:?}");
    assert!(errors[1].contains("sink `topic`: the published list was changed: "), "{findings:?}");
    assert!(findings.iter().any(|(severity, text)| severity == "warning" && text.contains("`lake`")), "{findings:?}");
}

/// `run` says which list was gone, and `status` before it.
#[test]
fn a_list_that_was_gone_is_shown_as_published_again() {
    let project = project("");
    project.finish(&[]);
    remove(&project.path("out/lake"));
    assert_shows!(project, project.fanout(&["status", "pipeline.toml"]), @r"
    exit code: 0
    ----- stdout -----
    account  list of     followers  sinks                             walk under way  calls today       disk
    brand    2026-11-22        250  lines, single, topic; gone: lake  -                  4 of 500  NN.NN KiB
    brand: `fanout replay` with `--date 2026-11-22` delivers again what is gone, without a call

    ----- stderr -----
    ");
    assert_shows!(project, check(&project, &[]), @r"
    exit code: 0
    ----- stdout -----
    account  verdict  date        walk                     sinks
    brand    ready    2026-11-22  000001-YYYYMMDDThhmmssZ  lake: gone, would be delivered again, lines: already published, single: already published, topic: already published

    ----- stderr -----
    ");
    assert_shows!(project, project.run(&[]), @r#"
    exit code: 0
    ----- stdout -----
    account  verdict    date        followers  change  pages  calls  retries  seconds  sinks
    brand    published  2026-11-22        250       -      3      0        0      N.N  lake: published again, lines: already published, single: already published, topic: already published
    brand, lake: 250 rows, N.NN KiB in [FOLDER]/out/lake/dt=2026-11-22/account=brand/part-00000.parquet and 2 more; it was gone
    brand, lines: 250 rows, NN.NN KiB in [FOLDER]/out/lines/dt=2026-11-22/account=brand/part-00000.ndjson
    brand, single: 250 rows, N.NN KiB in [FOLDER]/out/single/followers.parquet
    brand, topic: 250 rows, N.NN KiB in [FOLDER]/out/topic/dt=2026-11-22/account=brand/partition-00000.batches and 1 more

    ----- stderr -----
    [NOW]  WARN run{pipeline="test"}:account{account="brand" list="followers"}: fanout::engine::deliver::publication: the published list is gone; it is delivered again from the journal sink="lake"
    "#);
}

/// A list that was changed fails its row, with what was found and what to do.
#[test]
fn a_list_that_was_changed_is_shown_with_what_to_do() {
    let project = project("");
    project.finish(&[]);
    std::fs::write(leaf(&project.path("out/lake")).join("_SUCCESS"), "{}").unwrap();
    assert_shows!(project, project.run(&[]), @r"
    exit code: 1
    ----- stdout -----
    account  verdict  date        followers  change  pages  calls  retries  seconds  sinks
    brand    failed   2026-11-22        250       -      3      0        0      N.N  lake: failed, lines: already published, single: already published, topic: already published
    brand, lines: 250 rows, NN.NN KiB in [FOLDER]/out/lines/dt=2026-11-22/account=brand/part-00000.ndjson
    brand, single: 250 rows, N.NN KiB in [FOLDER]/out/single/followers.parquet
    brand, topic: 250 rows, N.NN KiB in [FOLDER]/out/topic/dt=2026-11-22/account=brand/partition-00000.batches and 1 more

    ----- stderr -----
    error: account `brand`: sink `lake`: the published list was changed: `[FOLDER]/out/lake/dt=2026-11-22/account=brand/_SUCCESS` belongs to another manifest
    hint: put it back as it was, or remove all that is left of it; `fanout replay` then delivers it again, without a call
    hint: `fanout replay pipeline.toml --sink lake` delivers later what is missing, without an API call
    ");
}

#[test]
fn the_status_and_the_history_have_what_was_found_for_programs() {
    let project = project("");
    project.finish(&[]);
    remove(&project.path("out/lake"));
    std::fs::write(leaf(&project.path("out/lines")).join("_SUCCESS"), "{}").unwrap();
    let status = project.fanout(&["status", "pipeline.toml", "--json"]);
    assert_eq!(status.code, Some(1), "{status:?}");
    let last = status.json()["accounts"][0]["last"].clone();
    assert_eq!(last["published"], json!(SINKS), "the commit records stay");
    let found: Vec<_> = last["looks"].as_array().unwrap().iter().map(|look| (&look["sink"], &look["found"])).collect();
    let expected = SINKS.map(json).into_iter().zip(["gone", "altered", "held", "held"].map(json)).collect::<Vec<_>>();
    assert_eq!(found, expected.iter().map(|(sink, found)| (sink, found)).collect::<Vec<_>>());
    assert!(last["looks"][1]["hint"].is_string() && last["looks"][0]["error"].is_null(), "{last:#}");

    project.run(&[]);
    let history = project.fanout(&["history", "pipeline.toml", "brand", "--json"]).good().json();
    let sinks = &history["runs"][1]["sinks"];
    assert_eq!((&sinks[0]["state"], &sinks[0]["found"]), (&json("published"), &json("gone")));
    assert_eq!((&sinks[1]["state"], &sinks[1]["found"]), (&json("failed"), &json("altered")));
}

fn json(text: &str) -> Value {
    json!(text)
}

#[test]
fn a_list_that_its_loader_takes_away_stays_away_where_that_is_wanted() {
    let project = project("when_gone = 'ignore'");
    project.finish(&[]);
    remove(&project.path("out/lake"));
    let requests = project.api().requests();
    for command in ["run", "replay"] {
        let ended = command_with_date(&project, command, &[]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains("lake: already published, gone since"), "{ended:?}");
        assert!(!project.path("out/lake").exists());
    }
    let checked = check(&project, &[]).good();
    assert!(checked.stdout.contains("lake: already published, gone since"), "{checked:?}");
    let (code, findings) = connected(&project);
    assert_eq!((code, findings[1].0.as_str()), (Some(0), "ok"), "{findings:?}");
    assert_eq!(findings[1].1, "sink `lake`: the list is gone, and stays away (`when_gone`)");
    let status = project.fanout(&["status", "pipeline.toml"]).good();
    assert!(status.stdout.contains("gone: lake") && !status.stdout.contains("fanout replay"), "{status:?}");
    let problems = project.fanout(&["status", "pipeline.toml", "--problems"]).good();
    assert_eq!(problems.stdout, "no problem in 1 account\n");

    let again = ["--set", "sinks.lake.when_gone=deliver", "--json"];
    assert_eq!(
        state(&command_with_date(&project, "replay", &again).good().json(), "lake"),
        ("published", Some("gone"))
    );
    assert!(project.path("out/lake").exists());
    assert_eq!(project.api().requests().user_get, requests.user_get);
}

fn command_with_date(project: &Project, name: &str, more: &[&str]) -> Ended {
    command(project, &[&[name, "--date", DATE], more].concat())
}

#[test]
fn a_sink_that_may_fail_fails_alone() {
    let project = project("required = false");
    project.finish(&[]);
    std::fs::write(leaf(&project.path("out/lake")).join("_SUCCESS"), "{}").unwrap();
    remove(&project.path("out/single"));
    let status = project.fanout(&["status", "pipeline.toml"]);
    assert_eq!(status.code, Some(0), "{status:?}");
    assert!(status.stderr.contains("sink `lake`: the published list was changed"), "{status:?}");
    let (code, findings) = connected(&project);
    assert_eq!((code, findings[1].0.as_str()), (Some(0), "warning"), "{findings:?}");
    let calls = project.api().requests().total();
    let ended = project.run(&["--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(state(&ended.json(), "lake"), ("failed", Some("altered")));
    assert_eq!(state(&ended.json(), "single"), ("published", Some("gone")));
    let again = project.run(&["--json"]);
    assert_eq!((again.code, &again.json()["accounts"][0]["verdict"]), (Some(0), &json("already_published")));
    assert_eq!(project.api().requests().total(), calls);
}

#[test]
fn a_new_walk_replaces_a_list_that_was_changed_or_is_gone() {
    let project = project("");
    project.finish(&[]);
    std::fs::write(leaf(&project.path("out/lake")).join("_SUCCESS"), "{}").unwrap();
    remove(&project.path("out/single"));
    let report = project.finish(&["--fresh", "--json"]).json();
    for sink in SINKS {
        assert_eq!(state(&report, sink), ("published", None), "{sink}");
    }
    let report = project.finish(&["--json"]).json();
    assert!(SINKS.iter().all(|sink| state(&report, sink) == ("already_published", Some("held"))), "{report:#}");
}

#[test]
fn a_rehearsal_looks_at_its_own_lists() {
    let project = project("");
    let rehearse = |more: &[&str]| project.finish(&[&["--simulate", "50"], more].concat());
    rehearse(&[]);
    remove(&project.path("out/lake.simulated"));
    let simulated = rehearse(&["--json"]).json();
    assert_eq!(state(&simulated, "lake"), ("published", Some("gone")));
    assert_eq!(state(&simulated, "lines"), ("already_published", Some("held")));
    assert_eq!(simulated["accounts"][0]["calls"], 0);
    assert!(!project.path("out/lake").exists());
    let status = project.fanout(&["status", "pipeline.toml", "--simulate", "50"]).good();
    assert!(status.stdout.contains("lake, lines, single, topic"), "{status:?}");
}

/// A program that can look: it answers what the file `answer` says.
const PROGRAM: &str = r#"
name = "looking"
source.simulate = { followers = 400, page_size = 100 }
[sinks.table]
type = "command"
[sinks.table.options]
window = 8
command = ["sh", "-c", '''
say() { printf '{"type":%s}\n' "$1"; }
read -r hello
case "$hello" in *'"task":"find"'*) say '"ready","find":true'; read -r question; cat answer; exit 0;; esac
say '"ready"'; grep -a -q proof || exit 0
say '"written","batches":4'; say '"prepared"'; read -r line
echo "$line" >>published; say '"committed","rows":400'
''']
"#;

#[test]
fn a_program_is_asked_for_its_list() {
    let project = Project::builder().file(PROGRAM).date(DATE).build();
    let run = || command_with_date(&project, "run", &["--json"]);
    let published = || std::fs::read_to_string(project.path("published")).unwrap().lines().count();
    assert_eq!(state(&run().good().json(), "table"), ("published", None));
    for (answer, code, expected, commits) in [
        (r#"{"type":"found","state":"held"}"#, 0, ("already_published", Some("held")), 1),
        (r#"{"type":"found","state":"replaced"}"#, 0, ("already_published", Some("replaced")), 1),
        (r#"{"type":"found","state":"unknown"}"#, 0, ("already_published", Some("unknown")), 1),
        (r#"{"type":"found","state":"gone"}"#, 0, ("published", Some("gone")), 2),
        (r#"{"type":"found","state":"altered","message":"a row less"}"#, 1, ("failed", Some("altered")), 2),
        (r#"{"type":"found","state":"taken","message":"a view"}"#, 1, ("failed", Some("taken")), 2),
        (r#"{"type":"error","message":"no table","class":"permanent"}"#, 1, ("failed", None), 2),
    ] {
        std::fs::write(project.path("answer"), format!("{answer}\n")).unwrap();
        let ended = run();
        assert_eq!(ended.code, Some(code), "{answer}: {ended:?}");
        assert_eq!(state(&ended.json(), "table"), expected, "{answer}");
        assert_eq!(ended.json()["accounts"][0]["calls"], 0);
        assert_eq!(published(), commits, "{answer}");
        let status = project.fanout(&["status", "pipeline.toml"]);
        assert_eq!(status.code, Some(code), "{answer}: {status:?}");
    }
}

#[test]
fn a_status_without_the_secret_of_a_sink_says_that_it_could_not_look() {
    let secret = "window = 8\nenvironment = { KEY = { env = 'TABLE_KEY' } }\n";
    let project = Project::builder().file(&PROGRAM.replace("window = 8\n", secret)).date(DATE).build();
    let mut run = project.command(&["run", "pipeline.toml", "--date", DATE]);
    Ended::of(run.env("TABLE_KEY", "a key")).good();
    let status = project.fanout(&["status", "pipeline.toml"]);
    assert_eq!(status.code, Some(0), "{status:?}");
    assert!(status.stdout.contains("not looked at: table"), "{status:?}");
    assert!(status.stderr.contains("sink `table`: ") && status.stderr.contains("`TABLE_KEY`"), "{status:?}");
}

#[test]
fn a_status_during_a_run_is_not_misled_by_a_list_that_is_being_replaced() {
    let project = project("");
    project.finish(&[]);
    for _ in 0..3 {
        let mut process = project.run_command(&["--fresh"]).stdout(std::process::Stdio::null()).spawn().unwrap();
        while process.try_wait().unwrap().is_none() {
            let status = project.fanout(&["status", "pipeline.toml"]);
            assert_eq!(status.code, Some(0), "{status:?}");
        }
        assert_eq!(process.wait().unwrap().code(), Some(0));
    }
    assert!(!tree(&project.path("out")).is_empty());
}
