//! Lists of changes: whole runs against the simulated API, night after night, compared with what
//! has happened.

mod chain;
mod guards;
mod histories;
mod rows;
mod sinks;
mod verification;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use fanout::engine::RunOptions;
use fanout::report::{AccountReport, RunReport, Verdict};
use fanout::simulator::{Endpoint, Event, Simulator, SimulatorBuilder};
use serde_json::Value;

use crate::support::{Project, noon};

/// The app id of the account.
const APP_ID: &str = "wx0000000000000001";

/// The nights of a test.
const NIGHTS: [&str; 6] = ["2026-01-10", "2026-01-11", "2026-01-12", "2026-01-13", "2026-01-14", "2026-01-15"];

/// Calls are tried twice and not waited for; people about whom a reply was odd are asked about
/// again at once.
const QUICK: &str = "[source]\nretry = { attempts = 2, base_ms = 1 }\nprofiles.ask_again_after_secs = 0";

/// A sink of newline JSON that takes changes.
const LINES: &str = "[sinks.lines]\ntype = 'ndjson'\nlist = 'changes'\noptions.root = 'out/lines'\n";

/// Another one, that is given everybody at its beginning.
const WHOLE: &str = "[sinks.whole]\ntype = 'ndjson'\nlist = 'changes'\nbaseline = true\noptions.root = 'out/whole'\n";

/// A sink that fails when a test tells it to, and need not succeed.
const KEPT: &str = "[sinks.kept]\ntype = 'recorder'\nlist = 'changes'\nrequired = false\n";

/// What is told of a person: the change, and the person's number.
type Told = (String, u64);

/// Makes an API with so many followers.
fn followers(count: u64) -> SimulatorBuilder {
    Simulator::builder().followers(count).page_size(400)
}

/// Makes a project with one account and these sinks, at noon of the first night.
fn project(simulator: SimulatorBuilder, sinks: &str) -> Project {
    project_with(simulator, sinks, "")
}

fn project_with(simulator: SimulatorBuilder, sinks: &str, keys: &str) -> Project {
    let builder = Project::builder().keys(&format!("{QUICK}\n{keys}")).account("brand", APP_ID).sinks(sinks);
    builder.simulator(simulator).date(NIGHTS[0]).build()
}

/// Lets something happen to the account.
fn happen(project: &Project, events: impl IntoIterator<Item = Event>) {
    events.into_iter().for_each(|event| project.api().happen(APP_ID, &event));
}

/// Returns a moment between the night before and this one.
fn before(night: usize) -> DateTime<Utc> {
    noon(NIGHTS[night]) - TimeDelta::hours(6)
}

/// Runs the pipeline file at noon of a night.
async fn run_at(project: &Project, night: usize) -> RunReport {
    run_with(project, night, &project.file(), RunOptions::default()).await
}

async fn run_with(project: &Project, night: usize, file: &str, options: RunOptions) -> RunReport {
    project.clock.set(noon(NIGHTS[night]));
    project.engine_run_file(file, options).await.unwrap()
}

/// Returns the rows of a run about changes.
fn of_changes(report: &RunReport) -> Vec<&AccountReport> {
    report.accounts.iter().filter(|account| account.list == "changes").collect()
}

/// Returns the date and the verdict of each row about changes.
fn verdicts(report: &RunReport) -> Vec<(String, Verdict)> {
    of_changes(report).iter().map(|row| (row.date.unwrap().to_string(), row.verdict)).collect()
}

/// Asserts that a run is good and published the changes of one night; returns their row.
#[track_caller]
fn good(report: &RunReport, night: usize) -> &AccountReport {
    let rows = of_changes(report);
    assert_eq!((report.exit.code(), rows.len()), (0, 1), "{report:#?}");
    assert_eq!(verdicts(report), [(NIGHTS[night].to_owned(), Verdict::Published)], "{report:#?}");
    rows[0]
}

/// Returns a field of the proof of a list.
#[track_caller]
fn proof(row: &AccountReport, field: &str) -> Value {
    let snapshot = row.snapshot.as_ref().expect("it is decided");
    snapshot.proof.get(field).unwrap_or_else(|| panic!("no {field} in {:?}", snapshot.proof)).clone()
}

/// Reads the rows that the sink `sink` was given for a night, in their order.
fn rows_of(project: &Project, sink: &str, night: usize) -> Vec<Value> {
    let root = project.path(&format!("out/{sink}/dt={}", NIGHTS[night]));
    let is_it = |path: &std::path::PathBuf| {
        path.starts_with(&root) && path.extension().is_some_and(|extension| extension == "ndjson")
    };
    let files = project.files().into_iter().filter(is_it);
    let lines: Vec<String> = files.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    lines.iter().flat_map(|text| text.lines()).map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns what the sink `sink` was told of a night, each once.
#[track_caller]
fn told(project: &Project, sink: &str, night: usize) -> BTreeSet<Told> {
    let roster = project.api().roster(APP_ID);
    let rows = rows_of(project, sink, night);
    let told = |row: &Value| {
        let person = roster.index(row["openid"].as_str().unwrap()).expect("a person of this account");
        (row["change"].as_str().unwrap().to_owned(), person)
    };
    let all: BTreeSet<Told> = rows.iter().map(told).collect();
    assert_eq!(all.len(), rows.len(), "nobody is told twice");
    all
}

/// Returns changes of one kind.
fn each(change: &str, people: impl IntoIterator<Item = u64>) -> BTreeSet<Told> {
    people.into_iter().map(|person| (change.to_owned(), person)).collect()
}

/// Returns the calls that were made for batches and for single people.
fn calls(project: &Project) -> u64 {
    let of = |endpoint| project.api().calls(endpoint, APP_ID);
    of(Endpoint::BatchGet) + of(Endpoint::UserInfo)
}
