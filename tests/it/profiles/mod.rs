//! Lists of profiles: whole runs against the simulated API, compared with what is true of each
//! follower.

mod case;
mod dates;
mod deliveries;
mod faults;
mod interruptions;
mod kills;
mod order;
mod quota;
mod refresh;
mod truth;

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};
use fanout::engine::RunOptions;
use fanout::report::{AccountReport, RunReport};
use fanout::simulator::{Endpoint, Profile, Simulator, SimulatorBuilder, Standing};
use serde_json::Value;

use crate::support::Project;

/// The app id of the first account.
const APP_ID: &str = "wx0000000000000001";

/// The elements of a batch that no other batch has.
const NEW: u64 = 99;

/// A sink of newline JSON that takes profiles.
const LINES: &str = "[sinks.lines]\ntype = 'ndjson'\nlist = 'profiles'\noptions.root = 'out/lines'";

/// A sink of newline JSON that takes followers.
const FOLLOWERS: &str = "[sinks.ids]\ntype = 'ndjson'\noptions.root = 'out/ids'";

/// A sink that fails when a test tells it to, and takes profiles.
const KEPT: &str = "[sinks.kept]\ntype = 'recorder'\nlist = 'profiles'";

/// Calls are tried twice and not waited for; followers about whom a reply was odd are asked about
/// again at once.
const QUICK: &str = "[source]\nretry = { attempts = 2, base_ms = 1 }\nprofiles.ask_again_after_secs = 0";

/// Makes an API with so many followers.
fn followers(count: u64) -> SimulatorBuilder {
    Simulator::builder().followers(count).page_size(1_000)
}

/// Makes a project with one account and these sinks.
fn project(simulator: SimulatorBuilder, sinks: &str) -> Project {
    Project::builder().keys(QUICK).account("brand", APP_ID).sinks(sinks).simulator(simulator).build()
}

/// Runs the pipeline file in this process.
async fn run(project: &Project) -> RunReport {
    run_with(project, RunOptions::default()).await
}

async fn run_with(project: &Project, options: RunOptions) -> RunReport {
    project.engine_run_file(&project.file(), options).await.unwrap()
}

/// Returns the rows of a run about a list.
fn of_list<'a>(report: &'a RunReport, list: &str) -> Vec<&'a AccountReport> {
    report.accounts.iter().filter(|account| account.list == list).collect()
}

/// Asserts that the run has one row of profiles, which is good, and returns it.
#[track_caller]
fn good(report: &RunReport) -> &AccountReport {
    let rows = of_list(report, "profiles");
    assert_eq!(rows.len(), 1, "{report:#?}");
    assert_eq!(rows[0].error, None, "{report:#?}");
    assert_eq!(report.exit.code(), 0, "{report:#?}");
    rows[0]
}

/// Returns how many batches a list of so many followers has.
fn batches(followers: u64) -> u64 {
    followers.div_ceil(NEW)
}

/// Returns how many calls for batches, and for single followers, an account has cost.
fn calls(project: &Project) -> (u64, u64) {
    let of = |endpoint| project.api().calls(endpoint, APP_ID);
    (of(Endpoint::BatchGet), of(Endpoint::UserInfo))
}

/// Reads the published profiles of an account, by the newline JSON files of the sink `lines`.
fn published(project: &Project, account: &str) -> Vec<Value> {
    rows_below(project, "out/lines", account)
}

fn rows_below(project: &Project, root: &str, account: &str) -> Vec<Value> {
    let root = project.path(root);
    let is_it = |path: &Path| {
        path.starts_with(&root)
            && path.extension().is_some_and(|extension| extension == "ndjson")
            && path.to_string_lossy().contains(&format!("account={account}/"))
    };
    let files = project.files().into_iter().filter(|path| is_it(path));
    let lines: Vec<String> = files.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    lines.iter().flat_map(|text| text.lines()).map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Asserts that rows are those of all followers of an account, in their order, and that each says
/// what is true.
#[track_caller]
fn are_true(project: &Project, app_id: &str, rows: &[Value]) {
    let truth: Vec<Profile> = project.api().profiles(app_id).iter().collect();
    assert_eq!(rows.len(), truth.len());
    for ((position, row), profile) in rows.iter().enumerate().zip(&truth) {
        let expected = expected(profile, position);
        let found = |column: &&'static str| (*column, found(row, column));
        assert_eq!(expected.keys().map(found).collect::<BTreeMap<_, _>>(), expected, "position {position}");
    }
}

/// Returns a value of a row, a time as seconds.
fn found(row: &Value, column: &str) -> Value {
    match (column, &row[column]) {
        ("subscribe_time", Value::String(time)) => time.parse::<DateTime<Utc>>().unwrap().timestamp().into(),
        (_, value) => value.clone(),
    }
}

/// Returns what the row of a follower must say.
pub(crate) fn expected(profile: &Profile, position: usize) -> BTreeMap<&'static str, Value> {
    let outcome = match profile.standing {
        Standing::Follows => "follows",
        Standing::Left => "left",
        Standing::Refused => "refused",
        Standing::Unreadable => "unreadable",
    };
    [
        ("openid", profile.openid.clone().into()),
        ("outcome", outcome.into()),
        ("position", position.into()),
        ("unionid", profile.unionid.clone().into()),
        ("subscribe_time", profile.subscribe_time.into()),
        ("subscribe_scene", profile.subscribe_scene.into()),
        ("qr_scene", profile.qr_scene.into()),
        ("qr_scene_str", profile.qr_scene_str.clone().into()),
        ("remark", profile.remark.clone().into()),
        ("tagid_list", profile.tagid_list.clone().into()),
        ("groupid", profile.groupid.into()),
        ("language", profile.language.into()),
    ]
    .into()
}
