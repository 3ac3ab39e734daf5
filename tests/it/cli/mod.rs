//! The command line, through the real binary.

mod lost_output;
mod output;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::support::outputs::parquet_rows_of as rows;
use crate::support::{Ended, Project, SimulatorProcess, TWO_ACCOUNTS, fanout, signal, wait_until};

/// The example of WeChat's documentation.
const FOLLOWERS: u64 = 23_000;

/// No server listens on port 1: every call fails.
const NO_SERVER: &str = "source.base_url=http://127.0.0.1:1";

const ONE_ACCOUNT: &str = r#"
name = "test"
[source]
simulate = { followers = 23_000 }
[sinks.archive]
type = "parquet"
[sinks.archive.options]
root = "out"
"#;

#[test]
fn a_run_publishes_the_list_and_the_next_one_makes_no_call() {
    let project = Project::new(ONE_ACCOUNT);
    let first = project.fanout(&["run", "pipeline.toml"]);
    assert_eq!(first.code, Some(0), "{first:?}");
    assert!(first.stdout.contains("archive: published"), "{first:?}");
    assert!(first.stdout.contains("23,000"), "{first:?}");
    let out = project.path("out").canonicalize().unwrap();
    assert!(first.stdout.contains(&format!(" in {}/dt=", out.display())), "a place is called by its path: {first:?}");
    assert_eq!(rows(&project, "out"), FOLLOWERS);

    let second = project.fanout(&["run", "pipeline.toml", "--json"]);
    assert_eq!(second.code, Some(0), "{second:?}");
    let account = &second.json()["accounts"][0];
    assert_eq!(account["verdict"], "already_published");
    assert_eq!(account["calls"], 0);
    assert_eq!(rows(&project, "out"), FOLLOWERS);
}

#[test]
fn the_json_document_is_the_whole_report() {
    let project = Project::new(TWO_ACCOUNTS);
    let arguments = ["run", "pipeline.toml", "--simulate", "12_345", "--clock", "2026-01-31T04:00:00Z", "--json"];
    let report = project.fanout(&arguments).json();
    assert_eq!((&report["pipeline"], &report["exit"]), (&"test".into(), &0.into()));
    for (place, name) in ["brand", "shop"].into_iter().enumerate() {
        let account = &report["accounts"][place];
        assert_eq!(account["account"], name);
        assert_eq!(account["verdict"], "published");
        assert_eq!(account["date"], "2026-01-31");
        assert_eq!(account["snapshot"]["rows"], 12_345);
        assert_eq!((&account["sinks"][0]["sink"], &account["sinks"][0]["rows"]), (&"archive".into(), &12_345.into()));
    }
    assert_eq!(rows(&project, "out.simulated/dt=2026-01-31"), 2 * 12_345);
}

#[test]
fn only_the_selected_accounts_are_read() {
    let project = Project::new(TWO_ACCOUNTS);
    let report = project.fanout(&["run", "pipeline.toml", "--simulate", "5", "--account", "shop", "--json"]).json();
    assert_eq!(report["accounts"].as_array().unwrap().len(), 1);
    assert_eq!(report["accounts"][0]["account"], "shop");
}

#[test]
fn an_unknown_account_is_told_which_there_are() {
    let project = Project::new(TWO_ACCOUNTS);
    for command in ["run", "check"] {
        let ended = project.fanout(&[command, "pipeline.toml", "--simulate", "5", "--account", "shp"]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains("expected one of `brand`, `shop`; did you mean `shop`?"), "{ended:?}");
        assert_eq!(ended.stdout, "");
    }
}

#[test]
fn every_problem_of_a_pipeline_file_is_one_line_of_stderr() {
    // The columns of a sink are not checked if its list is unknown.
    let project = Project::new(
        "nam = \"x\"\nlimits.memory = \"much\"\n\
         [sinks.archive]\ntype = \"parquet\"\noptions = { rooot = \"out\" }\n\
         [sinks.lines]\ntype = \"ndjsonn\"\n\
         [sinks.others]\ntype = \"ndjson\"\nlist = \"folowers\"\ncolumns = [\"openidd\"]\noptions.root = \"out\"\n",
    );
    for command in ["run", "check"] {
        let ended = project.fanout(&[command, "pipeline.toml"]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        let of_key = |line: &str| {
            let key = line.strip_prefix("error: pipeline.toml: `").and_then(|rest| rest.split('`').next());
            key.unwrap_or_else(|| panic!("{ended:?}")).to_owned()
        };
        let mut keys: Vec<String> = ended.stderr.lines().map(of_key).collect();
        keys.sort_unstable();
        let of_sinks =
            ["sinks.archive.options.rooot", "sinks.archive.options.root", "sinks.lines.type", "sinks.others.list"];
        assert_eq!(keys, [&["accounts", "limits.memory", "nam", "name"][..], &of_sinks].concat(), "{ended:?}");
        assert!(ended.stderr.contains("did you mean `name`?"), "{ended:?}");
        assert_eq!(ended.stdout, "");
    }
    assert_eq!(project.files(), [project.path("pipeline.toml")]);
}

#[test]
fn a_wrong_sink_is_named_before_anything_is_opened() {
    for (wrong, message) in [
        ("type = \"parquett\"", "did you mean `parquet`?"),
        ("type = \"parquet\"\noptions = { rooot = \"out\" }", "did you mean `root`?"),
        ("type = \"parquet\"\noptions = { root = \"out\", layout = \"../{part}.parquet\" }", "options.layout"),
    ] {
        let pipeline = format!("name = \"x\"\nsource.simulate.followers = 5\n[sinks.archive]\n{wrong}\n");
        let project = Project::new(&pipeline);
        let ended = project.fanout(&["run", "pipeline.toml"]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(message), "{ended:?}");
        assert!(!project.path("out").exists());
    }
}

#[test]
fn accounts_that_would_share_a_single_file_are_told_before_the_first_call() {
    let project = Project::new(&TWO_ACCOUNTS.replace("root = \"out\"", "root = \"out\"\nlayout = \"list.parquet\""));
    for command in ["run", "check"] {
        // A call would end with another exit code.
        let ended = Ended::of(&mut project.command_with_secrets(&[command, "pipeline.toml", "--set", NO_SERVER]));
        assert_eq!(ended.code, Some(2), "{ended:?}");
        let message = "error: pipeline.toml: `sinks.archive.options.layout`: `list.parquet` is one file for the accounts \
                       `brand`, `shop`; it needs `{account}` or `{app_id}`\n";
        assert_eq!(ended.stderr, message);
    }
    let layout = "sinks.archive.options.layout={app_id}.parquet";
    let ended = project.fanout(&["run", "pipeline.toml", "--simulate", "5", "--set", layout]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!((rows(&project, "wx1.parquet"), rows(&project, "wx2.parquet")), (5, 5));
}

#[test]
fn a_missing_file_is_a_wrong_command_line() {
    let ended = fanout(&["run", "/nonexistent.toml"]).output().unwrap();
    assert_eq!(ended.status.code(), Some(2));
}

#[test]
fn a_check_makes_no_call_and_publishes_nothing() {
    let project = Project::new(TWO_ACCOUNTS);
    let ended = Ended::of(&mut project.command_with_secrets(&["check", "pipeline.toml", "--set", NO_SERVER]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout.matches("ready").count(), 2, "{ended:?}");
    assert!(!project.path("out").exists());
}

#[test]
fn a_source_that_is_away_is_worth_another_try_later() {
    let project = Project::new(TWO_ACCOUNTS);
    let ended = project.run(&["--set", NO_SERVER]);
    assert_eq!(ended.code, Some(75), "{ended:?}");
    assert_eq!(ended.stderr.matches("error: account `").count(), 2, "{ended:?}");
    assert_eq!(ended.stderr.matches("\nhint: ").count(), 2, "{ended:?}");
}

/// Forty pages of 50 ms each: two seconds, in which a run can be interrupted.
const SLOW_RUN: [&str; 9] = [
    "run",
    "pipeline.toml",
    "--json",
    "--set",
    "source.simulate.followers=4_000",
    "--set",
    "source.simulate.page_size=100",
    "--set",
    "source.simulate.latency_ms=50",
];

/// Starts a run, interrupts it when it has some pages, and returns it with the number of those
/// pages.
fn interrupted(project: &Project, arguments: &[&str], how_to_go_on: &str) -> u64 {
    let process = project.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for_pages(project);
    signal(&process, "INT");
    let ended = Ended::after(process);
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert_eq!(ended.stderr.lines().last(), Some(how_to_go_on), "{ended:?}");
    let account = &ended.json()["accounts"][0];
    assert_eq!((&account["verdict"], &account["hint"]), (&"interrupted".into(), &how_to_go_on.into()));
    let pages = account["pages"].as_u64().unwrap();
    assert!((1..40).contains(&pages), "{ended:?}");
    pages
}

#[test]
fn a_new_walk_that_was_interrupted_is_not_begun_anew() {
    let project = Project::new(ONE_ACCOUNT);
    let fresh = [&SLOW_RUN[..], &["--fresh"]].concat();
    let before = interrupted(&project, &fresh, "run the same command again, without `--fresh`, to go on");
    let finished = project.fanout(&SLOW_RUN);
    assert_eq!(finished.json()["accounts"][0]["calls"], 1 + (40 - before) + 1, "{finished:?}");
}

#[test]
fn an_interrupted_walk_is_finished_by_the_same_command() {
    let project = Project::new(ONE_ACCOUNT);
    let before = interrupted(&project, &SLOW_RUN, "run the same command again to go on");
    let finished = project.fanout(&SLOW_RUN);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let account = &finished.json()["accounts"][0];
    assert_eq!((&account["pages"], &account["snapshot"]["rows"]), (&40.into(), &4_000.into()));
    // The boundary page once more, the rest, and the end.
    assert_eq!(account["calls"], 1 + (40 - before) + 1);
    assert_eq!(rows(&project, "out"), 4_000);
}

/// Waits until the journal has a page.
fn wait_for_pages(project: &Project) {
    let has_pages =
        |path: &Path| path.ends_with("pages") && std::fs::metadata(path).is_ok_and(|file| file.len() > 2_000);
    wait_until("a page in the journal", || {
        project.path("state").exists() && project.files().iter().any(|path| has_pages(path))
    });
}

/// Starts a run that cannot stop: its sink waits for a reader of stdout that reads one byte and no
/// more.
fn blocked_run(project: &Project) -> Child {
    let arguments = ["run", "pipeline.toml", "--set", "source.simulate.followers=100_000"];
    let mut process = project.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let stdout = process.stdout.as_mut().unwrap();
    stdout.read_exact(&mut [0]).unwrap();
    process
}

const ROWS_TO_STDOUT: &str = r#"
name = "test"
[source]
simulate = { followers = 23_000 }
[sinks.lines]
type = "ndjson"
options = { path = "-" }
"#;

#[test]
fn a_run_that_does_not_stop_is_ended_within_five_seconds() {
    let project = Project::new(ROWS_TO_STDOUT);
    let mut process = blocked_run(&project);
    let started = Instant::now();
    signal(&process, "TERM");
    assert_eq!(process.wait().unwrap().code(), Some(130));
    // It was given time to stop by itself; the last second is for a busy machine.
    assert!((3.0..6.0).contains(&started.elapsed().as_secs_f64()), "{:?}", started.elapsed());
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    let project = Project::new(ROWS_TO_STDOUT);
    let mut process = blocked_run(&project);
    let mut stderr = BufReader::new(process.stderr.take().unwrap()).lines();
    let started = Instant::now();
    signal(&process, "INT");
    // Two pending signals of a kind become one: the second one waits until the first was handled.
    assert!(stderr.any(|line| line.unwrap().starts_with("interrupted: ")));
    signal(&process, "INT");
    assert_eq!(process.wait().unwrap().code(), Some(130));
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

#[test]
fn a_summary_keeps_out_of_rows_on_stdout() {
    let project = Project::new(ROWS_TO_STDOUT);
    let ended = project.fanout(&["run", "pipeline.toml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout.lines().filter(|line| line.starts_with("{\"app_id\"")).count() as u64, FOLLOWERS);
    assert_eq!(ended.stdout.lines().count() as u64, FOLLOWERS);
    assert!(ended.stderr.contains("lines: published"), "{}", ended.stderr);
}

#[test]
fn the_simulator_serves_as_a_process_of_its_own() {
    let mut simulator = SimulatorProcess::start(&["--followers", "1_234", "--page-size", "100"]);
    assert!(simulator.base_url.starts_with("http://127.0.0.1:"), "{}", simulator.base_url);
    let project = Project::new(TWO_ACCOUNTS);
    let ended = project.run(&["--json", "--set", &format!("source.base_url={}", simulator.base_url)]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.json()["accounts"][1]["snapshot"]["rows"], 1_234);

    signal(&simulator.process, "TERM");
    assert_eq!(simulator.process.wait().unwrap().code(), Some(0));
}

#[test]
fn changes_tags_and_the_blacklist_can_be_tried_with_the_simulator_of_its_own() {
    let arguments = ["--followers", "2_000", "--changes-per-mille", "20", "--tags", "3", "--blacklisted", "7"];
    let account = "name = 'test'\n[[accounts]]\nname = 'brand'\napp_id = 'wx1'\nsecret = { env = 'TEST_SECRET' }\n\
                   [source]\nprofiles.ask_again_after_secs = 0\n";
    let sinks = ["changes", "tags", "blacklist"]
        .map(|list| format!("[sinks.{list}]\ntype = 'ndjson'\nlist = '{list}'\noptions.root = 'out/{list}'\n"));
    let project = Project::new(&format!("{account}{}", sinks.concat()));
    let today = (chrono::Utc::now() + chrono::TimeDelta::hours(8)).date_naive();
    let mut told = Vec::new();
    for (date, days) in [(today - chrono::Days::new(1), "0"), (today, "1")] {
        let simulator = SimulatorProcess::start(&[&arguments[..], &["--days-later", days]].concat());
        let base_url = format!("source.base_url={}", simulator.base_url);
        let ended = project.run(&["--json", "--date", &date.to_string(), "--set", &base_url]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        told.push(ended.json());
    }
    let of = |report: &serde_json::Value, list: &str| {
        let rows = report["accounts"].as_array().unwrap();
        rows.iter().find(|row| row["list"] == list).unwrap_or_else(|| panic!("no {list} in {report:#}")).clone()
    };
    for report in &told {
        assert_eq!(of(report, "tags")["snapshot"]["rows"], 3);
        assert_eq!(of(report, "blacklist")["snapshot"]["rows"], 7);
    }
    let changes = of(&told[1], "changes");
    let left = changes["changes"]["unfollowed"].as_u64().unwrap();
    assert!((20..=60).contains(&left), "{changes:#}");
}

#[test]
fn the_sinks_are_listed_one_a_line_with_their_guarantees() {
    let output = fanout(&["sinks"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = |name: &str| text.lines().find(|line| line.starts_with(&format!("{name}  "))).unwrap();
    assert!(line("parquet").ends_with("exactly once"), "{text}");
    assert!(line("ndjson").contains("in one step: exactly once; or stdout: at least once"), "{text}");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn logs_go_to_stderr_without_colours() {
    let project = Project::new(TWO_ACCOUNTS);
    let ended = project.run(&["--set", NO_SERVER]);
    for account in ["brand", "shop"] {
        // Whose line it is stands on it.
        let beginning =
            format!(r#" WARN run{{pipeline="test"}}:account{{account="{account}" list="followers"}}:begin: "#);
        assert!(ended.stderr.contains(&beginning), "{ended:?}");
    }
    assert!(!ended.stderr.contains('\x1b') && !ended.stdout.contains("WARN"), "{ended:?}");
}

#[test]
fn a_new_sink_is_caught_up_without_a_server_and_without_the_secret() {
    let simulator = SimulatorProcess::start(&["--followers", "500"]);
    let project = Project::new(
        &TWO_ACCOUNTS
            .replace("[source.retry]", &format!("[source]\nbase_url = {:?}\n[source.retry]", simulator.base_url)),
    );
    project.finish(&[]);
    drop(simulator);
    project.append("[sinks.late]\ntype = \"parquet\"\noptions = { root = \"late\" }\n");

    let replay = project.fanout(&["replay", "pipeline.toml", "--sink", "late", "--account", "shop", "--json"]);
    assert_eq!(replay.code, Some(0), "{replay:?}");
    let account = &replay.json()["accounts"][0];
    assert_eq!((&account["calls"], &account["sinks"][0]["state"]), (&0.into(), &"published".into()), "{account:#}");
    assert_eq!((rows(&project, "late"), rows(&project, "account=brand")), (500, 500));

    let rest = project.fanout(&["replay", "pipeline.toml"]);
    assert_eq!((rest.code, rows(&project, "late")), (Some(0), 1_000), "{rest:?}");
    let nothing = project.fanout(&["replay", "pipeline.toml"]);
    assert_eq!(nothing.code, Some(0), "{nothing:?}");
    assert!(nothing.stdout.contains("already published"), "{nothing:?}");
}

#[test]
fn the_command_that_catches_a_sink_up_is_named() {
    let project = Project::new(ONE_ACCOUNT);
    project.append("[sinks.lines]\ntype = \"ndjson\"\nrequired = false\noptions = { path = \"-\" }\n");
    let mut run = project.start(&[]);
    // A closed stdout fails the sink that writes there.
    drop(run.stdout.take());
    let mut stderr = String::new();
    run.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(0), "{stderr}");
    assert!(stderr.contains("account `simulated`: sink `lines`: stdout was closed by its reader"), "{stderr}");
    assert!(stderr.contains("hint: `fanout replay pipeline.toml --sink lines` delivers"), "{stderr}");
}
