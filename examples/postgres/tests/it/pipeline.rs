//! The pipeline file of the example works unchanged but for the server and a simulated list.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::server::{Server, server};

const FOLLOWERS: u64 = 1_234;

/// Executes a command on the pipeline file, copied to `folder`.
fn fanout(server: &Server, folder: &Path, arguments: &[&str]) -> Output {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("postgres.toml");
    fs::copy(file, folder.join("postgres.toml")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanout-postgres"));
    command.current_dir(folder).args(&arguments[..1]).arg("postgres.toml").args(&arguments[1..]);
    for (key, value) in [
        ("source.simulate.followers", FOLLOWERS.to_string()),
        ("journal.path", "state".to_owned()),
        ("sinks.table.options.url", server.url()),
    ] {
        command.arg("--set").arg(format!("{key}={value}"));
    }
    command.env("BRAND_SECRET", "secret").env("DATABASE_PASSWORD", "password").output().unwrap()
}

#[test]
fn the_pipeline_file_of_the_example_fills_the_table() {
    let Some(server) = server("the_pipeline_file_of_the_example_fills_the_table") else { return };
    let folder = TempDir::new().unwrap();
    let ended = fanout(&server, folder.path(), &["run"]);
    assert!(ended.status.success(), "{ended:?}");
    let counts =
        server.sql("SELECT app_id, count(*), count(openid), count(fetched_at) FROM public.followers GROUP BY 1");
    assert_eq!(counts, format!("wx0123456789abcdef|{FOLLOWERS}|{FOLLOWERS}|{FOLLOWERS}"));
}

#[test]
fn a_list_that_was_dropped_is_delivered_again_without_a_call() {
    let Some(server) = server("a_list_that_was_dropped_is_delivered_again_without_a_call") else { return };
    let folder = TempDir::new().unwrap();
    let on = |name: &str, more: &[&str]| {
        let kept = ["--set", "sinks.table.options.table=dropped.followers", "--set", "sinks.table.options.dates=all"];
        fanout(&server, folder.path(), &[&[name], more, &kept].concat())
    };
    let printed = |ended: &Output| String::from_utf8([ended.stdout.clone(), ended.stderr.clone()].concat()).unwrap();
    let rows = || server.sql("SELECT dt, count(*) FROM dropped.followers GROUP BY dt ORDER BY dt");
    let drop = |date: &str| {
        let find = format!("SELECT partition FROM dropped.followers_snapshots WHERE dt = '{date}'");
        server.sql(&format!("DROP TABLE dropped.{}", server.sql(&find)));
    };
    let both = format!("2026-11-22|{FOLLOWERS}\n2026-11-23|{FOLLOWERS}");
    let (earlier, later) = (["--date", "2026-11-22"], ["--date", "2026-11-23"]);
    server.schema("dropped");
    for date in [&earlier, &later] {
        let ended = on("run", date);
        assert!(ended.status.success(), "{ended:?}");
    }
    assert_eq!(rows(), both);
    assert!(printed(&on("run", &later)).contains("table: already published"));

    // All dates are in one table: that the later one is there says nothing of the earlier one.
    for (date, command) in [("2026-11-22", "run"), ("2026-11-23", "run"), ("2026-11-22", "replay")] {
        drop(date);
        let checked = printed(&on("check", &["--date", date]));
        assert!(checked.contains("table: gone, would be delivered again"), "{checked}");
        let ended = on(command, &["--date", date, "--json"]);
        let report: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
        let account = &report["accounts"][0];
        assert_eq!((&account["calls"], &account["sinks"][0]["found"]), (&0.into(), &"gone".into()), "{report:#}");
        assert_eq!((&account["verdict"], ended.status.code()), (&"published".into(), Some(0)));
        assert_eq!(rows(), both, "{command} of {date}");
    }
    drop("2026-11-22");
    drop("2026-11-23");
    assert!(on("replay", &[]).status.success());
    assert_eq!(rows(), both);

    server.sql("DELETE FROM dropped.followers WHERE position = 7 AND dt = '2026-11-23'");
    for command in [&["run", "--date", "2026-11-23"][..], &["check", "--date", "2026-11-23"], &["status"]] {
        let ended = on(command[0], &command[1..]);
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        let words = format!("has {} rows, expected {FOLLOWERS}", FOLLOWERS - 1);
        assert!(printed(&ended).contains(&words) && printed(&ended).contains("hint: put it back"), "{ended:?}");
    }
}
