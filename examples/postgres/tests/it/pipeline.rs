//! The pipeline file of the example works unchanged but for the server and a simulated list.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::server::server;

const FOLLOWERS: u64 = 1_234;

#[test]
fn the_pipeline_file_of_the_example_fills_the_table() {
    let Some(server) = server("the_pipeline_file_of_the_example_fills_the_table") else { return };
    let folder = TempDir::new().unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("postgres.toml");
    fs::copy(file, folder.path().join("postgres.toml")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanout-postgres"));
    command.current_dir(folder.path()).args(["run", "postgres.toml"]);
    for (key, value) in [
        ("source.simulate.followers", FOLLOWERS.to_string()),
        ("journal.path", "state".to_owned()),
        ("sinks.table.options.url", server.url()),
    ] {
        command.arg("--set").arg(format!("{key}={value}"));
    }
    command.env("BRAND_SECRET", "secret").env("DATABASE_PASSWORD", "password");
    let ended = command.output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    let counts =
        server.sql("SELECT app_id, count(*), count(openid), count(fetched_at) FROM public.followers GROUP BY 1");
    assert_eq!(counts, format!("wx0123456789abcdef|{FOLLOWERS}|{FOLLOWERS}|{FOLLOWERS}"));
}
