//! The blacklist as a run of the program delivers it: to sinks of every kind, beside the followers.

use fanout::simulator::{Endpoint, Simulator};

use crate::support::Project;
use crate::support::outputs::{openids, published};

const APP_ID: &str = "wx0000000000000001";
const BLOCKED: u64 = 2_345;

#[test]
fn the_blacklist_arrives_at_sinks_of_every_kind_beside_the_followers() {
    let sink = |name: &str, kind: &str, list: &str, options: &str| {
        format!("[sinks.{name}]\ntype = '{kind}'\nlist = '{list}'\n[sinks.{name}.options]\n{options}\n")
    };
    let files =
        |name: &str, kind: &str, more: &str| sink(name, kind, "blacklist", &format!("root = 'out/{name}'\n{more}"));
    let program = "command = ['sh', '-c', 'cat > blocked.ndjson']\nprotocol = 'plain'";
    let sinks = [
        files("lake", "parquet", "max_file_rows = 1_000"),
        files("lines", "ndjson", ""),
        files("packed", "ndjson", "compression = 'zstd'"),
        sink("program", "command", "blacklist", program),
        sink("people", "ndjson", "followers", "root = 'out/people'"),
    ];
    let simulator = Simulator::builder().followers(3_000).blacklisted(BLOCKED);
    let builder = Project::builder().account("brand", APP_ID).date("2026-01-15").simulator(simulator);
    let project = builder.sinks(&sinks.concat()).build();
    project.finish(&[]);

    let roster = project.api().roster(APP_ID);
    let truth: Vec<String> = roster.blocked().map(|index| roster.openid(index)).collect();
    assert_eq!(truth.len() as u64, BLOCKED);
    for name in ["lake", "lines", "packed"] {
        assert_eq!(openids(&published(&project.path("out").join(name)).unwrap().files), truth, "{name}");
    }
    let lines = std::fs::read_to_string(project.path("blocked.ndjson")).unwrap();
    let of_line =
        |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["openid"].as_str().unwrap().to_owned();
    assert_eq!(lines.lines().map(of_line).collect::<Vec<_>>(), truth);
    assert_eq!(openids(&published(&project.path("out/people")).unwrap().files), project.truth());
    // 1,000 people a page; the list has an end of its own.
    assert_eq!(project.api().calls(Endpoint::Blacklist, APP_ID), BLOCKED.div_ceil(1_000) + 1);

    let status = project.fanout(&["status", "pipeline.toml", "--json"]).json();
    let lists = status["accounts"].as_array().unwrap();
    let of = |list: &str| lists.iter().find(|account| account["list"] == list).unwrap();
    assert_eq!((&of("blacklist")["last"]["rows"], &of("blacklist")["calls_today"]), (&BLOCKED.into(), &4.into()));
    let history = project.fanout(&["history", "pipeline.toml", "brand", "--json"]).json();
    assert!(history.to_string().contains("\"list\":\"blacklist\""), "{history}");
}
