//! The examples of sinks in other languages: each of them publishes the list of its pipeline file.

use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use fanout::simulator::Followers;
use flate2::read::MultiGzDecoder;

use crate::support::{Ended, Project, python_with, signal};

const README: &str = include_str!("../../sinks/README.md");

/// The followers of both pipeline files.
const FOLLOWERS: u64 = 23_000;

/// Copies the examples, and the library that they import, into a project, so that what they write
/// goes there.
pub(crate) fn examples() -> Project {
    let project = Project::new("");
    for folder in ["examples/python", "examples/shell", "integrations/python/fanout_etl"] {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let target = project.path(folder);
        std::fs::create_dir_all(&target).unwrap();
        for entry in std::fs::read_dir(source).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                std::fs::copy(&path, target.join(path.file_name().unwrap())).unwrap();
            }
        }
    }
    project
}

/// Runs a pipeline file twice, and returns the content of the one file below `out`.
fn publish(project: &Project, arguments: &[&str]) -> Vec<u8> {
    let run = |expected: &str| {
        let ended = project.fanout(&[&["run", "--clock", "2026-11-22T04:00:00Z"], arguments].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains(expected), "{ended:?}");
    };
    run(": published");
    run("already published");
    let mut outputs = project.files();
    // Beside a list of the example in Python lies its label, a hidden file.
    let is_hidden = |path: &Path| path.file_name().unwrap().to_str().unwrap().starts_with('.');
    outputs.retain(|path| path.starts_with(project.path("out")) && !is_hidden(path));
    assert_eq!(outputs.len(), 1, "{outputs:?}");
    assert!(
        outputs[0].file_name().unwrap().to_str().unwrap().starts_with("2026-11-22-wxsimulated-followers."),
        "{outputs:?}"
    );
    std::fs::read(&outputs[0]).unwrap()
}

fn openids() -> Vec<String> {
    Followers::new(1, "wxsimulated", FOLLOWERS).iter().collect()
}

#[test]
fn the_example_in_python_publishes_its_list() {
    let Some(python) = python_with("pyarrow") else { return };
    let project = examples();
    let command = format!("sinks.table.options.command=[{python:?}, \"csv_sink.py\"]");
    let text = String::from_utf8(publish(&project, &["examples/python/csv.toml", "--set", &command])).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(r#""app_id","openid","position","page","fetched_at""#));
    let found: Vec<&str> = lines.map(|line| line.split(',').nth(1).unwrap().trim_matches('"')).collect();
    assert_eq!(found, openids());
}

#[test]
fn the_example_in_python_is_asked_for_its_list() {
    let Some(python) = python_with("pyarrow") else { return };
    let project = examples();
    let command = format!("sinks.table.options.command=[{python:?}, \"csv_sink.py\"]");
    let arguments = ["examples/python/csv.toml", "--set", &command];
    publish(&project, &arguments);
    let file = project.files().into_iter().find(|path| path.extension().is_some_and(|end| end == "csv")).unwrap();
    let text = std::fs::read(&file).unwrap();
    let run = || project.fanout(&[&["run", "--clock", "2026-11-22T04:00:00Z"], &arguments[..]].concat());

    std::fs::remove_file(&file).unwrap();
    let ended = run();
    assert!(ended.code == Some(0) && ended.stdout.contains("table: published again"), "{ended:?}");
    assert_eq!(std::fs::read(&file).unwrap(), text);

    std::fs::write(&file, &text[..text.len() / 2]).unwrap();
    let ended = run();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("sink `table`: the published list was changed: "), "{ended:?}");
    assert_eq!(std::fs::read(&file).unwrap().len(), text.len() / 2);
}

#[test]
fn the_example_in_shell_publishes_its_list() {
    let mut text = String::new();
    let content = publish(&examples(), &["examples/shell/gzip.toml"]);
    MultiGzDecoder::new(content.as_slice()).read_to_string(&mut text).unwrap();
    let openids = openids();
    let lines =
        (0..).zip(&openids).map(|(position, openid)| format!("{{\"openid\":\"{openid}\",\"position\":{position}}}\n"));
    assert_eq!(text, lines.collect::<String>());
}

#[test]
fn the_examples_are_as_short_as_promised_and_stand_in_the_readme() {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (path, longest) in [("examples/python/csv_sink.py", 12), ("integrations/python/fanout_etl/sink.py", 116)] {
        let text = std::fs::read_to_string(checkout.join(path)).unwrap();
        assert!(text.lines().count() <= longest, "{path}");
    }
    for path in ["examples/python/csv_sink.py", "examples/shell/gzip_sink.sh"] {
        let text = std::fs::read_to_string(checkout.join(path)).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with("# "));
        let code = lines.fold(String::new(), |code, line| code + line + "\n");
        assert!(README.contains(&code), "{path} is another one in sinks/README.md:\n{code}");
    }
}

#[test]
fn what_a_program_says_reaches_the_log_and_the_error() {
    let project = examples();
    let command = r#"sinks.table.options.command=["sh", "-c", "echo 'no module named pyarrow' >&2; exit 1"]"#;
    let ended = project.fanout(&["run", "examples/python/csv.toml", "--set", command]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let end = "ended with exit status 1 before it said `ready`; stderr ends with `no module named pyarrow`";
    assert!(
        ended.stderr.contains("INFO fanout_sink_command::log: no module named pyarrow sink=\"table\""),
        "{ended:?}"
    );
    assert!(ended.stderr.lines().any(|line| line.starts_with("error: ") && line.ends_with(end)), "{ended:?}");
}

#[test]
fn a_program_that_is_missing_is_a_wrong_pipeline_file() {
    let project = examples();
    let set = ["--set", r#"sinks.table.options.command=["no-such-program"]"#];
    for command in ["check", "run"] {
        let ended: Ended = project.fanout(&[&[command, "examples/python/csv.toml"], &set[..]].concat());
        assert_eq!(ended.code, Some(2), "{ended:?}");
        let start = "error: examples/python/csv.toml: `sinks.table.options.command` (from `--set`): the program \
                     `no-such-program` is in no folder of `PATH`";
        assert!(ended.stderr.starts_with(start), "{ended:?}");
    }
}

#[test]
fn a_simulated_list_is_not_given_to_a_program() {
    let ended = examples().fanout(&["run", "examples/shell/gzip.toml", "--simulate", "5"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.stderr.contains("`sinks.lines.type`: found `command`, expected a sink that writes files"),
        "{ended:?}"
    );
}

/// A program that acknowledges all four batches at once and publishes its own process id.
const COUNTS: &str = r#"
name = "count"
source.simulate = { followers = 400, page_size = 100, latency_ms = 100 }
[sinks.count]
type = "command"
[sinks.count.options]
window = 8
command = ["sh", "-c", '''
say() { printf '{"type":%s}\n' "$1"; }
echo $$ >>pids; read -r hello; say '"ready"'
grep -a -q proof || exit 0
say '"written","batches":4'; say '"prepared"'; read -r line
echo "$line $$" >>published; say '"committed","rows":400'
''']
"#;

#[test]
fn a_killed_run_takes_its_program_along_and_the_next_one_publishes_once() {
    let project = Project::new(COUNTS);
    let lines = |name: &str| -> Vec<String> {
        let text = std::fs::read_to_string(project.path(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    };
    let mut process = project.command(&["run", "pipeline.toml"]).spawn().unwrap();
    let started = Instant::now();
    while lines("pids").is_empty() {
        assert!(started.elapsed() < Duration::from_secs(30), "the program was not started");
        std::thread::sleep(Duration::from_millis(5));
    }
    signal(&process, "KILL");
    process.wait().unwrap();
    let program = lines("pids").remove(0);
    // Its parent is dead: once it has ended, it may stay a zombie until the process that adopts it
    // reaps it.
    let runs = || std::fs::read_to_string(format!("/proc/{program}/stat")).is_ok_and(|text| !text.contains(") Z "));
    while runs() {
        assert!(started.elapsed() < Duration::from_secs(30), "the program goes on without fanout");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(lines("published"), [""; 0]);

    let ended = project.fanout(&["run", "pipeline.toml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(lines("published"), [format!("{{\"type\":\"commit\"}} {}", lines("pids")[1])]);
}
