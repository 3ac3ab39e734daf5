//! The metrics of a run, parsed as Prometheus parses them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use fanout::simulator::{Effect, Endpoint, Fault, Simulator, TOKEN_MARKER, When};
use serde_json::Value;

use crate::support::{Ended, Project, python_with};

const PIPELINE: &str = r#"
name = "night"
[source.retry]
attempts = 2
base_ms = 1
[metrics]
path = "metrics/fanout.prom"
[[accounts]]
name = "brand"
app_id = "wxbrand"
secret = { env = "TEST_SECRET" }
[[accounts]]
name = '"商店" 2'
app_id = "wxshop"
secret = { env = "TEST_SECRET" }
[sinks.lake]
type = "parquet"
options = { root = "out" }
"#;

const SECRET: &str = "CANARYSECRET0123456789";
const FOLLOWERS: u64 = 2_500;
const PAGE_SIZE: u64 = 1_000;
const PAGES: u64 = FOLLOWERS.div_ceil(PAGE_SIZE);
/// The pages and the end.
const CALLS: u64 = PAGES + 1;

fn project() -> Project {
    let simulator = Simulator::builder().followers(FOLLOWERS).page_size(PAGE_SIZE).quota(500);
    let project = Project::builder().file(PIPELINE).simulator(simulator).secret("TEST_SECRET", SECRET).build();
    std::fs::create_dir(project.path("metrics")).unwrap();
    project
}

/// Returns the metrics that the last run has written.
fn text(project: &Project) -> String {
    std::fs::read_to_string(project.path("metrics/fanout.prom")).unwrap()
}

/// Returns the value of a sample as a whole number. `sample` is its name with its labels, as they
/// stand in the text.
#[track_caller]
fn value(text: &str, sample: &str) -> u64 {
    let found = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no `{sample}` in:\n{text}")).parse::<f64>().unwrap() as u64
}

/// Reads a text with the parser of Prometheus' Python client, and with Prometheus' own linter if it
/// is installed. Returns `None` without the parser.
fn parse(text: &str) -> Option<Value> {
    let feed = |command: &mut Command| -> std::io::Result<Ended> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        Ok(Ended::after(child))
    };
    if let Ok(checked) = feed(Command::new("promtool").args(["check", "metrics"])) {
        assert_eq!((checked.code, checked.stdout.as_str(), checked.stderr.as_str()), (Some(0), "", ""), "{text}");
    }
    let python = python_with("prometheus_client")?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/prometheus.py");
    let read = feed(Command::new(python).arg(script)).unwrap();
    assert_eq!(read.code, Some(0), "{read:?}");
    Some(read.json())
}

/// Returns the value of the sample of a parsed family that has these labels besides pipeline and
/// list, as a whole number.
#[track_caller]
fn parsed(families: &Value, family: &str, labels: &[(&str, &str)]) -> u64 {
    let samples = families[family]["samples"].as_array().unwrap_or_else(|| panic!("no {family} in {families:#}"));
    let is_meant = |sample: &&Value| {
        let of = sample["labels"].as_object().unwrap();
        of.len() == labels.len() + 1 + usize::from(of.contains_key("list"))
            && of["pipeline"] == "night"
            && labels.iter().all(|(name, value)| of[*name] == *value)
    };
    samples.iter().find(is_meant).unwrap_or_else(|| panic!("no {labels:?} in {samples:#?}"))["value"].as_f64().unwrap()
        as u64
}

#[test]
fn the_file_says_what_came_of_every_account_and_of_the_run() {
    let project = project();
    let shop = r#""商店" 2"#;
    let fault = Fault::new(Endpoint::UserGet, When::Page(2), Effect::errcode(48001)).account("wxshop");
    project.api().add_fault(fault);
    project
        .api()
        .add_fault(Fault::new(Endpoint::UserGet, When::Page(3), Effect::errcode(-1)).account("wxbrand").times(1));
    let ended = project.run(&[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let text = text(&project);
    assert!(!text.contains(TOKEN_MARKER) && !text.contains("CANARY"), "{text}");
    assert_eq!(
        value(
            &text,
            r#"fanout_account_verdict{account="brand",list="followers",pipeline="night",verdict="published"}"#
        ),
        1
    );
    let failed = r#"fanout_account_verdict{account="\"商店\" 2",list="followers",pipeline="night",verdict="failed"}"#;
    assert_eq!(value(&text, failed), 1);
    assert_eq!(value(&text, r#"fanout_run_exit_code{pipeline="night"}"#), 1);

    let Some(families) = parse(&text) else { return };
    let brand = [("account", "brand")];
    assert_eq!(parsed(&families, "fanout_followers", &brand), FOLLOWERS);
    assert_eq!(parsed(&families, "fanout_pages", &brand), PAGES);
    assert_eq!(parsed(&families, "fanout_calls", &brand), (CALLS + 1), "one was made again");
    assert_eq!(parsed(&families, "fanout_retries", &brand), 1);
    assert_eq!(parsed(&families, "fanout_calls_left", &brand), (500 - CALLS - 1));
    let lake = [("account", "brand"), ("sink", "lake")];
    assert_eq!(parsed(&families, "fanout_sink_rows", &lake), FOLLOWERS);
    assert_eq!(parsed(&families, "fanout_sink_published", &lake), 1);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let success = parsed(&families, "fanout_last_success_timestamp_seconds", &brand);
    assert!((now - 60..=now).contains(&success), "{success}, now {now}");
    assert!(parsed(&families, "fanout_sink_bytes", &lake) > 1_000);
    assert_eq!(parsed(&families, "fanout_account_verdict", &[("account", shop), ("verdict", "failed")]), 1);
    assert_eq!(parsed(&families, "fanout_pages", &[("account", shop)]), 1);
    assert_eq!(families["fanout_account_verdict"]["samples"].as_array().unwrap().len(), 2, "one verdict an account");
    assert_eq!(families["fanout_last_success_timestamp_seconds"]["samples"].as_array().unwrap().len(), 1);
    assert_eq!(families["fanout_calls"]["type"], "counter");
    assert_eq!(parsed(&families, "fanout_run_exit_code", &[]), 1);
}

#[test]
fn an_account_that_fails_later_keeps_the_time_of_its_last_success() {
    let project = project();
    let success = r#"fanout_last_success_timestamp_seconds{account="brand",list="followers",pipeline="night"}"#;
    assert_eq!(project.run(&[]).code, Some(0));
    let first = value(&text(&project), success);
    // Published already: no call, and the same success.
    assert_eq!(project.run(&[]).code, Some(0));
    assert_eq!(value(&text(&project), success), first);
    assert_eq!(value(&text(&project), r#"fanout_calls_total{account="brand",list="followers",pipeline="night"}"#), 0);
    project.api().add_fault(Fault::new(Endpoint::UserGet, When::Always, Effect::errcode(48001)));
    assert_eq!(project.run(&["--fresh"]).code, Some(1));
    assert_eq!(value(&text(&project), success), first);
    assert_eq!(
        value(&text(&project), r#"fanout_followers{account="brand",list="followers",pipeline="night"}"#),
        FOLLOWERS
    );
}

#[test]
fn a_file_that_cannot_be_written_is_a_warning_and_changes_no_list() {
    let project = project();
    std::fs::remove_dir(project.path("metrics")).unwrap();
    let ended = project.run(&["--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.json()["accounts"][0]["snapshot"]["rows"], FOLLOWERS);
    assert!(
        ended.stderr.contains("WARN fanout::metrics::exposition: the metrics cannot be written (`metrics.path`)"),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("metrics/fanout.prom") && ended.stderr.contains("No such file"), "{ended:?}");
}

#[test]
fn only_the_file_is_left_and_a_simulation_has_one_of_its_own() {
    let project = project();
    std::fs::write(project.path("metrics/fanout.prom"), "an older run\n").unwrap();
    let ended = project.run(&["--simulate", "10"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(text(&project), "an older run\n");
    let files = std::fs::read_dir(project.path("metrics")).unwrap();
    let mut files: Vec<String> = files.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    assert_eq!(files, ["fanout.prom", "fanout.prom.simulated"]);
}

#[test]
fn a_port_that_is_taken_is_a_wrong_pipeline_file_and_no_call_is_made() {
    let project = project();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let ended = project.run(&["--set", &format!("metrics.listen={address}")]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
    let expected =
        format!("error: pipeline.toml: `metrics.listen`: cannot listen on `{address}` (Address already in use");
    assert!(ended.stderr.starts_with(&expected), "{ended:?}");
    assert_eq!(project.api().requests().total(), 0);

    for wrong in ["9464", "localhost", "127.0.0.1"] {
        let ended = project.run(&["--set", &format!("metrics.listen={wrong}")]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains("`metrics.listen` (from `--set`): found "), "{ended:?}");
        assert!(ended.stderr.contains("expected an address and a port such as `127.0.0.1:9464`"), "{ended:?}");
    }
}

/// A run that takes a while, and the port that it serves on.
struct SlowRun {
    process: Child,
    address: String,
}

impl SlowRun {
    fn start(project: &Project) -> Self {
        let mut command = project.command(&["run", "pipeline.toml", "--set", "metrics.listen=127.0.0.1:0"]);
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(process.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let (_, rest) = line.split_once("metrics are served on http://").unwrap_or_else(|| panic!("{line}"));
        let address = rest.split('/').next().unwrap().to_owned();
        // The rest of stderr must not fill the pipe.
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        Self { process, address }
    }

    /// Sends a request and returns the whole reply.
    fn ask(&self, request: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.write_all(
            format!("{request} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address).as_bytes(),
        )?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply)?;
        Ok(reply)
    }

    fn scrape(&self) -> std::io::Result<String> {
        let reply = self.ask("GET /metrics")?;
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
        Ok(body.to_owned())
    }
}

#[test]
fn a_run_is_scraped_while_it_lasts_and_not_after_it() {
    let project = Project::new(
        "name = 'night'\nsource.simulate = { followers = 1_000, page_size = 10, latency_ms = 20 }\n\
         accounts = [{ name = 'first', app_id = 'wx1' }, { name = 'second', app_id = 'wx2' }]\nlimits.accounts = 1\n\
         [sinks.lake]\ntype = 'parquet'\noptions = { root = 'out' }\n",
    );
    let mut run = SlowRun::start(&project);
    let pages = |text: &str| value(text, r#"fanout_pages_total{account="first",list="followers",pipeline="night"}"#);
    let mut seen: Vec<String> = Vec::new();
    while seen.last().is_none_or(|text| pages(text) < 20) {
        seen.push(run.scrape().unwrap());
    }
    let [first, last] = [seen.first().unwrap(), seen.last().unwrap()];
    assert!(pages(first) < pages(last), "it grows while the run goes on");
    let verdict = |account: &str, verdict: &str| {
        value(
            last,
            &format!(
                r#"fanout_account_verdict{{account="{account}",list="followers",pipeline="night",verdict="{verdict}"}}"#
            ),
        )
    };
    assert_eq!((verdict("first", "under_way"), verdict("second", "waiting")), (1, 1));
    assert!(!last.contains("fanout_run_exit_code"), "nobody knows it yet");
    assert!(!last.contains(TOKEN_MARKER));
    parse(last);

    assert!(run.ask("GET /").unwrap().starts_with("HTTP/1.1 404 "), "the metrics have one place");
    assert!(run.ask("POST /metrics").unwrap().starts_with("HTTP/1.1 405 "));
    let head = run.ask("HEAD /metrics").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK") && head.ends_with("\r\n\r\n"), "{head}");
    if let Ok(curl) =
        Command::new("curl").args(["--silent", "--fail", &format!("http://{}/metrics", run.address)]).output()
    {
        assert!(String::from_utf8(curl.stdout).unwrap().contains("# TYPE fanout_pages_total counter\n"));
    }
    // A silent connection does not keep the run from ending.
    let _silent = TcpStream::connect(&run.address).unwrap();
    assert_eq!(run.process.wait().unwrap().code(), Some(0));
    assert!(run.scrape().is_err());
}
