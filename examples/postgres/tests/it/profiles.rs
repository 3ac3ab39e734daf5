//! A whole run with profiles: each row of the table is what is true of the follower.

use std::process::Command;

use fanout::simulator::{Flaw, OddRemark, Oddity, Profile, Simulator, Standing, Who};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::server;

const APP_ID: &str = "wx0000000000000001";
const DATE: &str = "2026-01-29";
const FOLLOWERS: u64 = 2_345;

/// Returns the row that the table should have.
fn expected(position: usize, profile: &Profile) -> Value {
    let outcome = match profile.standing {
        Standing::Follows => "follows",
        Standing::Left => "left",
        Standing::Refused => "refused",
        Standing::Unreadable => "unreadable",
    };
    json!({
        "app_id": APP_ID,
        "list": "profiles",
        "dt": DATE,
        "openid": profile.openid,
        "outcome": outcome,
        "unionid": profile.unionid,
        "subscribe_time": profile.subscribe_time,
        "subscribe_scene": profile.subscribe_scene,
        "qr_scene": profile.qr_scene,
        "qr_scene_str": profile.qr_scene_str,
        "remark": profile.remark,
        "tagid_list": profile.tagid_list,
        "groupid": profile.groupid,
        "language": profile.language,
        "position": position,
        "fetched_at": true,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles_come_back_with_arrays_nulls_and_times() {
    let Some(server) = server("profiles_come_back_with_arrays_nulls_and_times") else { return };
    let share = |share, seed| Who::Share { share, seed };
    let flaws = [
        (share(0.02, 1), Oddity::Left),
        (share(0.02, 2), Oddity::NoUnionid),
        (Who::Index(77), Oddity::Refused { alone: true }),
        (Who::Index(1_777), Oddity::Unreadable { alone: true }),
        (share(0.01, 5), Oddity::Remark(OddRemark::RawControls)),
        (share(0.01, 6), Oddity::Remark(OddRemark::LoneSurrogate)),
    ];
    let simulator = Simulator::builder().followers(FOLLOWERS).page_size(1_000);
    let simulator =
        flaws.into_iter().fold(simulator, |simulator, (who, oddity)| simulator.flaw(Flaw::new(who, oddity)));
    let simulator = simulator.start().await.unwrap();

    let folder = TempDir::new().unwrap();
    let table = format!("{}.people", server.schema("profiles"));
    let pipeline = format!(
        "name = 'people'\nprofiles.max_refused_percent = 1\n[source]\nbase_url = '{}'\n\
         profiles = {{ concurrency = 8, ask_again_after_secs = 0 }}\n\
         [[accounts]]\nname = 'brand'\napp_id = '{APP_ID}'\nsecret = {{ env = 'BRAND_SECRET' }}\n\
         [sinks.table]\ntype = 'postgres'\nlist = 'profiles'\n[sinks.table.options]\nurl = '{}'\ntable = '{table}'\n",
        simulator.base_url(),
        server.url()
    );
    std::fs::write(folder.path().join("pipeline.toml"), pipeline).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanout-postgres"));
    command.current_dir(folder.path()).env("BRAND_SECRET", "5ec4e700112233445566778899aabbcc");
    command.args(["run", "pipeline.toml", "--date", DATE, "--clock", &format!("{DATE}T04:00:00Z")]);
    let ended = tokio::task::block_in_place(|| command.output()).unwrap();
    assert!(ended.status.success(), "{ended:?}");

    // Times as seconds, and whether a row was fetched on the day of the list.
    let rows = server.sql(&format!(
        "SET timezone = 'UTC'; SELECT to_jsonb(people) || jsonb_build_object('subscribe_time', extract(epoch FROM \
         subscribe_time)::bigint, 'fetched_at', fetched_at::date = dt) FROM {table} AS people ORDER BY position"
    ));
    let rows: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let truth: Vec<Profile> = simulator.profiles(APP_ID).iter().collect();
    assert_eq!(rows.len(), truth.len());
    for ((position, row), profile) in rows.iter().enumerate().zip(&truth) {
        assert_eq!(*row, expected(position, profile), "position {position}");
    }
    let types = "SELECT string_agg(DISTINCT format('%s %s %s', pg_typeof(tagid_list), pg_typeof(subscribe_time), \
                 pg_typeof(qr_scene)), ',') FROM ";
    assert_eq!(server.sql(&format!("{types}{table}")), "integer[] timestamp with time zone bigint");
    let tagged = server.sql(&format!("SELECT count(*) FROM {table} WHERE 2 = ANY (tagid_list)"));
    let is_tagged = |profile: &&Profile| profile.tagid_list.as_ref().is_some_and(|tags| tags.contains(&2));
    assert_eq!(tagged, truth.iter().filter(is_tagged).count().to_string());
}
