//! `kill -9` while a list is delivered: the table holds the whole old list or the whole new one,
//! and the same command then finishes.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use fanout::simulator::Followers;
use tempfile::TempDir;

use crate::server::{Server, say, server, variable};

/// The defaults of `POSTGRES_FOLLOWERS` and `POSTGRES_KILLS`.
const FOLLOWERS: u64 = 30_000;
const KILLS: u64 = 4;

/// The app id of a simulated list in a pipeline file without accounts.
const APP_ID: &str = "wxsimulated";
const SCHEMA: &str = "crash";

fn number(name: &str, default: u64) -> u64 {
    variable(name).map_or(default, |number| number.parse().unwrap())
}

struct Scene {
    server: std::sync::Arc<Server>,
    folder: TempDir,
    followers: u64,
}

impl Scene {
    /// Returns the command that delivers list `number`. Each has other followers and a later date.
    fn command(&self, number: u64) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fanout-postgres"));
        command.current_dir(self.folder.path()).args(["run", "pipeline.toml"]);
        command.arg("--set").arg(format!("source.simulate.seed={number}"));
        command.arg("--clock").arg(format!("2026-10-{number:02}T04:00:00Z"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn finish(&self, number: u64) -> Output {
        let ended = self.command(number).output().unwrap();
        assert!(ended.status.success(), "{ended:?}");
        self.holds_exactly(number);
        ended
    }

    /// Returns the number of the list that the table of snapshots names.
    fn current(&self) -> u64 {
        let query = format!("SELECT to_char(dt, 'DD') FROM {SCHEMA}.followers_snapshots WHERE partition IS NOT NULL");
        self.server.sql(&query).parse().unwrap()
    }

    /// Compares every row of the table with list `number`.
    fn holds_exactly(&self, number: u64) {
        let query = format!("SELECT openid, position, app_id, dt FROM {SCHEMA}.followers ORDER BY position");
        let table = self.server.sql(&query);
        let mut rows = table.lines();
        for (position, openid) in Followers::new(number, APP_ID, self.followers).iter().enumerate() {
            let expected = format!("{openid}|{position}|{APP_ID}|2026-10-{number:02}");
            assert_eq!(rows.next(), Some(expected.as_str()));
        }
        assert_eq!(rows.next(), None);
        assert_eq!(self.current(), number);
    }

    /// Returns the number of staged rows; `None` if there is no staging table.
    fn staged(&self) -> Option<u64> {
        let find = format!(
            "SELECT oid::regclass FROM pg_class WHERE relnamespace = '{SCHEMA}'::regnamespace AND relname LIKE '%\\_staging\\_%' AND relkind = 'r'"
        );
        let staging = self.server.sql(&find);
        // The list may be published between the two statements.
        let count = self.server.psql(&format!("SELECT count(*) FROM {staging}"));
        String::from_utf8(count.stdout).unwrap().trim().parse().ok()
    }
}

#[test]
fn however_often_a_delivery_is_killed_the_table_has_a_whole_list() {
    let Some(server) = server("however_often_a_delivery_is_killed_the_table_has_a_whole_list") else { return };
    let scene = Scene { server, folder: TempDir::new().unwrap(), followers: number("POSTGRES_FOLLOWERS", FOLLOWERS) };
    scene.server.schema(SCHEMA);
    let pipeline = format!(
        "name = 'crash'\n[source]\nsimulate = {{ followers = {} }}\n[sinks.table]\ntype = 'postgres'\n\
         [sinks.table.options]\nurl = '{}'\ntable = '{SCHEMA}.followers'\n",
        scene.followers,
        scene.server.url()
    );
    std::fs::write(scene.folder.path().join("pipeline.toml"), pipeline).unwrap();

    let started = Instant::now();
    scene.command(1).output().unwrap();
    let whole = started.elapsed();
    let rate = scene.followers as f64 / whole.as_secs_f64();
    say(&format!("postgres: {} followers in {:.2} s, {rate:.0} a second", scene.followers, whole.as_secs_f64()));
    scene.finish(1);

    let (mut killed, mut staging) = (0, 0);
    let kills = number("POSTGRES_KILLS", KILLS);
    for number in 2..2 + kills {
        // In equal steps, from the beginning of the delivery to its end.
        let at = whole * (number - 1) as u32 / kills as u32;
        let mut process = scene.command(number).spawn().unwrap();
        std::thread::sleep(at);
        process.kill().unwrap();
        killed += u64::from(!process.wait().unwrap().success());

        let staged = scene.staged();
        staging += u64::from(staged.is_some());
        let current = scene.current();
        say(&format!(
            "postgres: killed after {at:.2?}, {staged:?} rows staged, list {current} of {number} in the table"
        ));
        assert!(current == number || current == number - 1, "{current}");
        scene.holds_exactly(current);
        scene.finish(number);
        assert_eq!(scene.staged(), None, "something is left of the crash");
    }
    assert!(killed > 0 && staging > 0, "no delivery was hit: {killed} killed, {staging} while it staged");
    let nothing_to_do = scene.finish(1 + kills);
    assert!(String::from_utf8_lossy(&nothing_to_do.stdout).contains("already published"), "{nothing_to_do:?}");
    // The sessions of a killed program end a moment later.
    let session_end_timeout = Duration::from_secs(10);
    let waited = Instant::now();
    while scene
        .server
        .sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'fanout' AND query LIKE '%crash%'")
        != "0"
    {
        assert!(waited.elapsed() < session_end_timeout);
        std::thread::sleep(Duration::from_millis(20));
    }
}
