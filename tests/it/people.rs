//! What a person reads: one line for a cause, tables that fit the terminal, as much of the logs as
//! was asked for, and runs that were cut off.

use std::process::Command;
use std::time::Duration;

use fanout::simulator::{Effect, Endpoint, Fault, Simulator, SimulatorBuilder, When};
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use crate::crash_safety::small_disk::way_to_mount;
use crate::support::{Ended, Project, wait_until, while_halted, wrapped};

/// Enough accounts that a line for each would hide what matters.
const ACCOUNTS: usize = 200;

/// Makes a project of many accounts, with names in two scripts.
fn many(accounts: usize, simulator: SimulatorBuilder) -> Project {
    let builder = Project::builder().keys("[source.retry]\nattempts = 2\nbase_ms = 1\n[limits]\naccounts = 50");
    let builder = (0..accounts)
        .fold(builder, |builder, number| builder.account(&format!("品牌-{number:03}"), &format!("wx{number:03}")));
    builder.sink_of_files("lake", "parquet", "").simulator(simulator).build()
}

/// Returns the lines of stderr that begin so.
fn lines<'a>(ended: &'a Ended, beginning: &str) -> Vec<&'a str> {
    ended.stderr.lines().filter(|line| line.starts_with(beginning)).collect()
}

#[test]
fn one_cause_of_many_accounts_is_told_once() {
    for (effect, word, code) in
        [(Effect::errcode(48001), "errcode 48001", 1), (Effect::status(502), "unexpected HTTP status 502", 75)]
    {
        let project = many(ACCOUNTS, Simulator::builder().followers(10));
        project.api().add_fault(Fault::new(Endpoint::UserGet, When::Always, effect));
        let ended = project.run(&[]);
        assert_eq!(ended.code, Some(code), "{ended:?}");
        let errors = lines(&ended, "error: ");
        assert_eq!(errors.len(), 1, "{errors:#?}");
        let names = "error: 200 accounts (`品牌-000`, `品牌-001`, `品牌-002` and 197 more)";
        assert!(errors[0].starts_with(names) && errors[0].contains(word), "{errors:#?}");
        assert!(ended.stderr.lines().count() < 12, "the logs are short as well: {}", ended.stderr);
        let left_out = ended.stderr.contains("more log lines like this were left out (`-v` shows them): ");
        assert_eq!(left_out, code == 75, "only tries are logged: {}", ended.stderr);

        let report = project.run(&["--json"]).json();
        let with_error = report["accounts"].as_array().unwrap().iter().filter(|account| account["error"].is_string());
        assert_eq!(with_error.count(), ACCOUNTS, "for programs every row stays");
        let page = project.fanout(&["report", "pipeline.toml", "--html", "-"]).stdout;
        assert_eq!(page.matches("<div class=\"problem").count(), 1, "{word}");
        assert!(page.contains("<summary>and 190 more accounts</summary>"), "{word}");
    }
}

#[test]
fn different_causes_are_told_apart_and_few_accounts_one_by_one() {
    let project = many(8, Simulator::builder().followers(10));
    for (account, errcode) in [(0, 48001), (1, 48001), (2, 48001), (3, 40013), (4, 40013)] {
        let fault = Fault::new(Endpoint::UserGet, When::Always, Effect::errcode(errcode));
        project.api().add_fault(fault.account(format!("wx{account:03}")));
    }
    let ended = project.run(&[]);
    let errors = lines(&ended, "error: ");
    assert_eq!(errors.len(), 3, "{errors:#?}");
    assert!(errors[0].starts_with("error: 3 accounts (`品牌-000`, `品牌-001`, `品牌-002`)"), "{errors:#?}");
    assert!(errors[1].starts_with("error: account `品牌-003`: ") && errors[1].contains("40013"), "{errors:#?}");
    assert!(errors[2].starts_with("error: account `品牌-004`: "), "{errors:#?}");
}

#[test]
fn status_shows_only_accounts_that_need_a_look_if_asked() {
    let project = many(5, Simulator::builder().followers(10));
    let none = project.fanout(&["status", "pipeline.toml", "--problems"]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(0), "no problem in 5 accounts\n"), "{none:?}");
    project.finish(&[]);
    // Two accounts get a sink more, of which they lack the list, and one has a record that is
    // damaged.
    let damaged = project.path("state/wx001/followers");
    let walk = std::fs::read_dir(&damaged).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_dir());
    std::fs::write(walk.unwrap().join("decision.json"), "{").unwrap();
    let ended = project.fanout(&["status", "pipeline.toml", "--problems"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let rows: Vec<&str> = ended.stdout.lines().skip(1).collect();
    assert!(rows.len() == 1 && rows[0].starts_with("品牌-001  "), "{ended:?}");
    let all = project.fanout(&["status", "pipeline.toml", "--json"]).json();
    let some = project.fanout(&["status", "pipeline.toml", "--problems", "--json"]).json();
    let length = |status: &Value| status["accounts"].as_array().unwrap().len();
    assert_eq!((length(&all), length(&some)), (5, 1));
    project.append("[sinks.late]\ntype = 'parquet'\noptions = { root = 'late' }\n");
    let lacking = project.fanout(&["status", "pipeline.toml", "--problems", "--json"]).json();
    assert_eq!(length(&lacking), 5, "{lacking:#}");
}

#[test]
fn quiet_shows_errors_alone_and_verbose_shows_more() {
    let project = many(2, Simulator::builder().followers(10));
    project.api().add_fault(Fault::new(Endpoint::UserGet, When::Call(1), Effect::status(502)));
    for flags in [&["-q"][..], &["--quiet"]] {
        let ended = project.run(&[flags, &["--fresh"]].concat());
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
        assert!(ended.stdout.contains("published"), "the result stays: {ended:?}");
    }
    let failed = project.run(&["-q", "--fresh", "--set", "source.base_url=http://127.0.0.1:1"]);
    assert!(failed.stderr.starts_with("error: account ") && !failed.stderr.contains(" WARN "), "{failed:?}");
    assert_eq!(failed.stderr.matches("hint: ").count(), 2, "{failed:?}");
    let usual = project.run(&["--fresh"]);
    let verbose = project.run(&["--fresh", "-v"]);
    let most = project.run(&["--fresh", "-vv"]);
    let count = |ended: &Ended, level: &str| ended.stderr.matches(&format!(" {level} ")).count();
    assert_eq!(count(&usual, "DEBUG"), 0, "{usual:?}");
    assert!(count(&verbose, "DEBUG") > 0 && count(&verbose, "TRACE") == 0, "{verbose:?}");
    assert!(most.stderr.lines().count() >= verbose.stderr.lines().count());
    // A flag counts more than the variable.
    let both = Ended::of(project.run_command(&["--fresh", "-q"]).env("RUST_LOG", "fanout=debug"));
    assert_eq!(both.stderr, "", "{both:?}");
    for command in ["status", "check", "replay", "prune"] {
        for flag in ["-q", "-v"] {
            let ended = Ended::of(&mut project.command_with_secrets(&[command, "pipeline.toml", flag]));
            assert_eq!(ended.code, Some(0), "{command} {flag}: {ended:?}");
        }
    }
    assert_eq!(project.run(&["-q", "-v"]).code, Some(2));
}

#[test]
fn what_a_command_shows_fits_a_terminal_of_eighty_columns() {
    let project = many(3, Simulator::builder().followers(23_000).page_size(2_000).quota(500));
    project.append("[sinks.lines]\ntype = 'ndjson'\noptions = { root = 'lines' }\n");
    let refused = Fault::new(Endpoint::UserGet, When::Page(2), Effect::errcode(48001));
    project.api().add_fault(refused.account("wx002"));
    let show = |arguments: &[&str]| Ended::of(project.command_with_secrets(arguments).env("COLUMNS", "80"));
    let run = ["run", "pipeline.toml"];
    let status = ["status", "pipeline.toml"];
    let mut all: Vec<Vec<&str>> = vec![run.to_vec(), run.to_vec(), status.to_vec()];
    all.push(vec!["check", "pipeline.toml"]);
    all.push(vec!["check", "pipeline.toml", "--connect", "--no-calls"]);
    all.push(vec!["history", "pipeline.toml", "品牌-000"]);
    all.push(vec!["history", "pipeline.toml", "品牌-002"]);
    all.push(vec!["replay", "pipeline.toml"]);
    all.push(vec!["prune", "pipeline.toml", "--set", "journal.keep=1"]);
    all.push(vec!["sinks"]);
    let commands = ["run", "replay", "check", "status", "history", "report", "prune", "sinks", "new", "schema", "man"];
    let more = ["completions", "simulate"];
    for command in commands.iter().chain(&more) {
        all.push(vec![command, "--help"]);
        all.push(vec![command, "-h"]);
    }
    all.extend([vec!["--help"], vec!["-h"], vec!["sinks", "test", "--help"], vec!["new", "sink", "--help"]]);
    for arguments in all {
        let ended = show(&arguments);
        assert!(!ended.stdout.is_empty(), "{arguments:?}: {ended:?}");
        for line in ended.stdout.lines().filter(|line| line.width() > 80) {
            // A path or a flag is one word, and is not divided.
            let longest = line.split_whitespace().map(UnicodeWidthStr::width).max().unwrap_or(0);
            assert!(longest > 60, "{arguments:?}: {line}");
        }
    }
    let wide = Ended::of(&mut project.run_command(&[]));
    assert!(
        wide.stdout.lines().next().unwrap().ends_with("retries  seconds  sinks"),
        "a pipe has every column: {wide:?}"
    );
    let lines = show(&["run", "pipeline.toml"]).stdout;
    assert!(lines.contains("\n    /"), "a long path stands on a line of its own: {lines}");
}

#[test]
fn a_run_that_was_cut_off_has_its_line_in_history() {
    let project = many(1, Simulator::builder().followers(2_000).page_size(100).latency(Duration::from_millis(50)));
    let mut process = project.start_until_page(&[], 3);
    let history = |project: &Project| project.fanout(&["history", "pipeline.toml", "品牌-000", "--json"]).json();
    assert_eq!(while_halted(&process, || history(&project))["runs"], json!([]), "a run under way is no past one");
    process.kill().unwrap();
    process.wait().unwrap();
    let cut = history(&project)["runs"][0].clone();
    assert_eq!((&cut["verdict"], &cut["exit"]), (&json!("cut_off"), &json!(130)), "{cut:#}");
    assert!(cut["error"].as_str().unwrap().contains("the process ended before the run did"), "{cut:#}");
    let date = project.finish(&["--json"]).json()["accounts"][0]["date"].clone();
    assert_eq!(cut["date"], date);
    let verdicts: Vec<Value> =
        history(&project)["runs"].as_array().unwrap().iter().map(|run| run["verdict"].clone()).collect();
    assert_eq!(verdicts, [json!("cut_off"), json!("published")]);
    let table = project.fanout(&["history", "pipeline.toml", "品牌-000"]).stdout;
    let line = table.lines().nth(1).unwrap();
    assert!(line.contains("  cut off  ") && !line.contains(" 0 "), "what it could not count is not told: {table}");
    let page = project.fanout(&["report", "pipeline.toml", "--html", "-"]).stdout;
    assert!(page.contains("130: interrupted") && page.contains("0: complete"));
}

/// Runs a command in a container of its own: other process numbers.
fn in_a_container(command: &Command) -> Command {
    let mut unshare = Command::new("unshare");
    unshare.args(["--pid", "--fork", "--mount-proc"]);
    if Command::new("id").arg("-u").output().unwrap().stdout != b"0\n" {
        unshare.args(["--user", "--map-root-user"]);
    }
    wrapped(unshare, command)
}

#[test]
fn the_holder_in_a_container_is_named_and_one_that_cannot_be_looked_up_is_said_to_be_so() {
    if way_to_mount().is_none() {
        return;
    }
    let project = many(1, Simulator::builder().followers(4_000).page_size(100).latency(Duration::from_millis(100)));
    let status = ["status", "pipeline.toml", "--json"];
    let is_at_work = |calls: u64| project.calls() > calls + 2;

    // From the host, the lock of a container is seen under another number than the file names.
    let mut run = in_a_container(&project.run_command(&[])).spawn().unwrap();
    wait_until("the first pages", || is_at_work(0));
    let account = project.fanout(&status).json()["accounts"][0].clone();
    let holder = account["held_by"].as_str().unwrap_or_else(|| panic!("{account:#}"));
    assert!(holder.starts_with("process 1 on `"), "its number there: {holder}");
    assert_eq!(run.wait().unwrap().code(), Some(0));

    // From a container, the lock of the host is not seen.
    let calls = project.calls();
    let mut run = project.run_command(&["--fresh"]).spawn().unwrap();
    wait_until("the first pages", || is_at_work(calls));
    let inside = |arguments: &[&str]| Ended::of(&mut in_a_container(&project.command(arguments)));
    let (seen, table) = while_halted(&run, || (inside(&status), inside(&["status", "pipeline.toml"]).stdout));
    let account = seen.json()["accounts"][0].clone();
    assert_eq!(account["held_by"], Value::Null, "{account:#}");
    let holder = account["perhaps_held_by"].as_str().unwrap_or_else(|| panic!("{account:#}"));
    assert!(holder.starts_with(&format!("process {} on `", run.id())), "{holder}");
    assert!(table.contains("品牌-000: perhaps in use: the lock file names process "), "{table}");
    assert_eq!(run.wait().unwrap().code(), Some(0));

    // A run that has ended is not named, from wherever.
    for command in [project.command(&status), in_a_container(&project.command(&status))] {
        let mut command = command;
        let account = Ended::of(&mut command).json()["accounts"][0].clone();
        assert_eq!((&account["held_by"], &account["perhaps_held_by"]), (&Value::Null, &Value::Null), "{account:#}");
    }
}

#[test]
fn the_file_of_metrics_can_be_read_by_others_whatever_the_umask() {
    use std::os::unix::fs::PermissionsExt as _;
    let project = many(1, Simulator::builder().followers(10));
    for umask in ["077", "027", "000"] {
        let mut shell = Command::new("sh");
        shell.args(["-c", "umask 0$0; exec \"$@\"", umask]);
        let run = project.run_command(&["--set", "metrics.path=fanout.prom"]);
        let ended = Ended::of(&mut wrapped(shell, &run));
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let mode = std::fs::metadata(project.path("fanout.prom")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644, "{umask}");
    }
}
