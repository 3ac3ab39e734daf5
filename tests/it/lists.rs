//! Several lists of one account: what they share, and what each has of its own.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use fanout::SinkRegistry;
use fanout::config::{Overrides, Pipeline};
use fanout::engine::{self, Progress, RunOptions};
use fanout::report::{RunReport, Verdict};
use fanout::simulator::Simulator;
use fanout::wechat::List;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::support::{say, variable};

const APP_ID: &str = "wx0000000000000001";
const FOLLOWERS: u64 = 60;
const PAGE_SIZE: u64 = 10;
/// Full pages, and the end.
const CALLS: u64 = FOLLOWERS / PAGE_SIZE + 1;

/// Reads `list` of the account at `base_url` into `<folder>/out-<list>`, with the state in
/// `folder`. No pipeline file can name the second list, so its section is changed after parsing.
fn run(folder: &Path, base_url: &str, list: List, classic: bool) -> RunReport {
    let text = format!(
        "name = '{list}'\n[source]\nbase_url = '{base_url}'\n[[accounts]]\nname = 'brand'\napp_id = '{APP_ID}'\n\
         secret = {{ env = 'SECRET' }}\nclassic_token = {classic}\n[sinks.lines]\ntype = 'ndjson'\noptions.root = 'out-{list}'\n"
    );
    let environment = [("SECRET", "anything")].into_iter().collect();
    let overrides = Overrides { environment, ..Overrides::default() };
    let mut pipeline = Pipeline::from_toml(&text, &folder.join("p.toml"), &overrides).unwrap();
    pipeline.sinks[0].list = list;
    let progress = Arc::new(Progress::new(&pipeline));
    let registry = SinkRegistry::builtin();
    let run = engine::run(pipeline, &registry, RunOptions::default(), progress, CancellationToken::new());
    Runtime::new().unwrap().block_on(run).unwrap()
}

/// What the process of the second list does; it is started by the tests below.
#[test]
#[ignore = "a part of the other tests of this file, in a process of its own"]
fn the_second_process() {
    let [Some(folder), Some(base_url), Some(classic)] =
        ["LISTS_FOLDER", "LISTS_BASE_URL", "LISTS_CLASSIC"].map(variable)
    else {
        return;
    };
    let report = run(Path::new(&folder), &base_url, List::SECOND, classic == "true");
    let account = &report.accounts[0];
    say(&format!("verdict {:?} {}", account.verdict, account.error.as_deref().unwrap_or_default()));
}

/// Runs the first list here and the second one in another process at the same time. Returns the
/// report of the first, and the output of the second process.
fn both(folder: &Path, base_url: &str, classic: bool) -> (RunReport, String) {
    let second = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "lists::the_second_process", "--ignored", "--nocapture"])
        .env("LISTS_FOLDER", folder)
        .env("LISTS_BASE_URL", base_url)
        .env("LISTS_CLASSIC", classic.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let first = run(folder, base_url, List::FOLLOWERS, classic);
    let output = second.wait_with_output().unwrap();
    (first, String::from_utf8(output.stderr).unwrap())
}

fn rows(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let rows = entries.map(|path| match path.extension().and_then(|extension| extension.to_str()) {
        _ if path.is_dir() => rows(&path),
        Some("ndjson") => std::fs::read_to_string(path).unwrap().lines().count(),
        _ => 0,
    });
    rows.sum()
}

#[test]
fn two_processes_read_two_lists_of_one_account_on_one_state_at_once() {
    let (runtime, folder) = (Runtime::new().unwrap(), TempDir::new().unwrap());
    let builder = Simulator::builder().followers(FOLLOWERS).page_size(PAGE_SIZE).latency(Duration::from_millis(100));
    let simulator = runtime.block_on(builder.start()).unwrap();
    let (first, second) = both(folder.path(), &simulator.base_url(), false);
    assert_eq!(first.accounts[0].verdict, Verdict::Published, "{first:#?}");
    assert!(second.contains("verdict Published"), "{second}");
    assert_eq!(simulator.requests().user_get, 2 * CALLS);
    for list in ["followers", "second"] {
        assert_eq!(rows(&folder.path().join(format!("out-{list}"))), FOLLOWERS as usize, "{list}");
        assert!(folder.path().join(format!("state/{APP_ID}/{list}")).is_dir(), "{list}");
    }
    // WeChat counts by endpoint, and so does the ledger: what one list has cost, the other knows.
    let ledger = std::fs::read_to_string(folder.path().join(format!("state/{APP_ID}/calls.user-get.json"))).unwrap();
    assert!(ledger.contains(&format!("\"calls\":{}", 2 * CALLS)), "{ledger}");
}

#[test]
fn a_classic_token_has_one_owner_so_the_other_list_waits() {
    let (runtime, folder) = (Runtime::new().unwrap(), TempDir::new().unwrap());
    let builder = Simulator::builder().followers(FOLLOWERS).page_size(PAGE_SIZE).latency(Duration::from_millis(300));
    let simulator = runtime.block_on(builder.start()).unwrap();
    let (first, second) = both(folder.path(), &simulator.base_url(), true);
    let first = &first.accounts[0];
    let refusal = format!("the token of app id `{APP_ID}` is in use by another run");
    let refused = first.error.as_deref().unwrap_or_default().contains(&refusal);
    assert_ne!(refused, second.contains(&refusal), "one of the two owns the token: {first:#?} {second}");
    assert_eq!(simulator.requests().user_get, CALLS, "the refused one made no call");
    assert_eq!(simulator.requests().token, 1);
}
