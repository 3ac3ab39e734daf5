//! `--shard`: several processes share a pipeline file and its state, each with a part of the
//! accounts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Stdio;

use crate::support::{Ended, Project};

const ACCOUNTS: usize = 12;
const SHARDS: usize = 3;

const PIPELINE: &str = r#"
name = "test"
accounts = { file = "accounts.csv" }
[sinks.archive]
type = "parquet"
[sinks.archive.options]
root = "out"
"#;

fn project() -> Project {
    let project = Project::new(PIPELINE);
    let mut sheet = "name,app_id,secret_env\n".to_owned();
    for number in 0..ACCOUNTS {
        writeln!(sheet, "brand-{number},wx{number},SECRET_{number}").unwrap();
    }
    std::fs::write(project.path("accounts.csv"), sheet).unwrap();
    project
}

#[test]
fn shards_at_once_publish_every_account_exactly_once() {
    let project = project();
    let shards = (0..SHARDS).map(|index| {
        let shard = format!("{index}/{SHARDS}");
        let mut command = project.command(&["run", "pipeline.toml", "--simulate", "5", "--shard", &shard, "--json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    });
    let shards: Vec<_> = shards.collect();
    let mut published = BTreeMap::new();
    for (index, shard) in shards.into_iter().enumerate() {
        let ended = Ended::after(shard);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let report = ended.json();
        assert_eq!(report["shard"], format!("{index}/{SHARDS}"));
        for account in report["accounts"].as_array().unwrap() {
            assert_eq!(account["verdict"], "published");
            let other = published.insert(account["account"].as_str().unwrap().to_owned(), index);
            assert_eq!(other, None, "{account}");
        }
    }
    assert_eq!(published.len(), ACCOUNTS);
    let all = project.fanout(&["run", "pipeline.toml", "--simulate", "5", "--json"]).json();
    assert!(all["shard"].is_null());
    let verdicts: Vec<_> = all["accounts"].as_array().unwrap().iter().map(|account| &account["verdict"]).collect();
    assert_eq!(verdicts, ["already_published"; ACCOUNTS]);
}

#[test]
fn a_shard_without_an_account_has_nothing_to_do_and_says_so() {
    let project = project();
    let shard = |index: usize| format!("{index}/1000");
    let run = |command: &str, shard: &str, json: &[&str]| {
        let arguments = [command, "pipeline.toml", "--simulate", "5", "--account", "brand-1*", "--shard", shard];
        project.fanout(&[&arguments, json].concat())
    };
    // Of three accounts most of a thousand shards have none.
    let empty =
        (0..4).map(shard).find(|shard| run("run", shard, &["--json"]).json()["accounts"] == serde_json::json!([]));
    let empty = empty.unwrap();
    for command in ["run", "check", "replay"] {
        let ended = run(command, &empty, &[]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(ended.stdout, format!("no account of `test` is in the shard {empty}\n"));
    }
}

#[test]
fn a_shard_that_does_not_exist_is_a_wrong_command_line() {
    let project = project();
    // The last two are variables that nothing has set, or that nothing has expanded.
    for shard in ["4/4", "0/0", "auto", "/4", "$(JOB_COMPLETION_INDEX)/4"] {
        let wrong = project.fanout(&["run", "pipeline.toml", "--simulate", "5", "--shard", shard]);
        assert_eq!(wrong.code, Some(2), "{wrong:?}");
        assert!(wrong.stderr.contains("such as `0/4` to `3/4`"), "{wrong:?}");
    }
}

#[test]
fn a_part_of_the_accounts_has_the_outputs_of_all_of_them() {
    // Two accounts would share this one file: an error even if only one of them is read.
    let project = project();
    let layout = "sinks.archive.options.layout=list.parquet";
    for selection in [["--account", "brand-3"], ["--shard", "0/3"]] {
        let ended =
            project.fanout(&[&["run", "pipeline.toml", "--simulate", "5", "--set", layout], &selection[..]].concat());
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains("brand-0"), "{ended:?}");
    }
}
