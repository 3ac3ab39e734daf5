//! `kill -9` at random moments of a run, while a reader looks again and again: it never sees a part
//! of a list.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use crate::project::Project;
use crate::servers::{AZURITE_KEY, Azurite, Moto, Server};
use crate::support::{Random, file, number, python, say};

/// More than one part of 8 MiB, without compression.
const FOLLOWERS: u64 = 230_000;

/// Returns the uploads that are open when the store has ended its work: the last request of a
/// killed process may still be under way.
fn uploads_at_rest(moto: &Moto) -> Vec<String> {
    loop {
        let before = moto.uploads();
        std::thread::sleep(Duration::from_secs(1));
        if moto.uploads() == before {
            return before;
        }
    }
}

/// A reader that looks until it is asked what it saw.
struct Watch {
    process: Child,
    stdout: BufReader<ChildStdout>,
}

impl Watch {
    fn start(project: &Project, endpoint: &str, root: &str) -> Self {
        let mut process = Command::new(python())
            .arg(file("reader.py"))
            .args(["watch", endpoint, root])
            .arg(project.truth())
            .env("LAKE_ACCOUNT_KEY", AZURITE_KEY)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self { process, stdout }
    }

    fn end(mut self) -> Value {
        drop(self.process.stdin.take());
        let mut said = String::new();
        self.stdout.read_to_string(&mut said).unwrap();
        assert!(self.process.wait().unwrap().success(), "{said}");
        serde_json::from_str(&said).unwrap()
    }
}

/// Runs that were killed.
struct Killed {
    project: Project,
    kills: u64,
    runs: u64,
    /// What a reader saw meanwhile.
    watched: Value,
}

/// Kills runs over `store`, and asserts that the next run finishes each.
fn kill_runs<S: Server>(store: &S) -> Killed {
    let root = S::root();
    let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let seed = number("CRASH_SEED", clock % 1_000_000);
    let kills = number("STORE_KILLS", 20);
    say(&format!("object stores: {root}, CRASH_SEED={seed}"));
    let mut random = Random::new(seed);
    let options = "compression = 'none'\nencoding = 'plain'";
    let project = Project::new("parquet", &root, &store.endpoint(), FOLLOWERS, options);
    let watch = Watch::start(&project, &store.endpoint(), &root);

    let started = Instant::now();
    project.finish(&[]);
    let mut window = started.elapsed();
    let (mut killed, mut runs) = (0, 0);
    while killed < kills {
        assert!(runs < 5 * kills, "runs are never hit");
        runs += 1;
        // A new walk each time, so that every list differs from the one that it replaces.
        let mut process = project.command(&["run", "pipeline.toml", "--fresh"]).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(random.below(window.as_micros() as u64)));
        process.kill().unwrap();
        if process.wait().unwrap().success() {
            window = window * 9 / 10;
            continue;
        }
        killed += 1;
        project.finish(&[]);
        let mut found = store.keys("lists");
        if found.iter().any(|key| key.ends_with("/.fanout-check")) {
            // A check was killed, and the run behind it had nothing to publish, so it checked
            // nothing.
            project.finish(&["--fresh"]);
            found = store.keys("lists");
        }
        let ends = |end: &str| found.iter().filter(|key| key.ends_with(end)).count();
        assert_eq!(
            (ends(".parquet"), ends("/_manifest.json"), ends("/_SUCCESS"), found.len()),
            (1, 1, 1, 3),
            "{found:?}"
        );
    }
    Killed { project, kills: killed, runs, watched: watch.end() }
}

fn assert_whole(watched: &Value) {
    assert_eq!(watched["wrong"], Value::Null, "{watched}");
    assert!(watched["versions"].as_u64().unwrap() > 1, "{watched}");
}

#[test]
fn whenever_a_run_is_killed_a_reader_of_s3_sees_a_whole_list_or_none() {
    let Some(moto) = Moto::start() else { return };
    let Killed { project, kills, runs, watched } = kill_runs(&moto);
    let left_open = uploads_at_rest(&moto);
    project.finish(&["--fresh"]);
    // A run that ends leaves none open, and cannot know those of runs that were killed.
    assert_eq!(uploads_at_rest(&moto), left_open);
    let open = left_open.len();
    assert!(open as u64 <= kills, "a killed run leaves one upload open at most: {open} after {kills} kills");
    say(&format!("object stores: {kills} kills in {runs} runs, {open} uploads left open; the reader saw {watched}"));
    assert_whole(&watched);
}

#[test]
fn whenever_a_run_is_killed_a_reader_of_azure_sees_a_whole_list_or_none() {
    let Some(azurite) = Azurite::start() else { return };
    let Killed { kills, runs, watched, .. } = kill_runs(&azurite);
    say(&format!("object stores: {kills} kills in {runs} runs over Azurite; the reader saw {watched}"));
    assert_whole(&watched);
}
