//! The statement of `examples/changes` keeps the table of who follows, from what the sink has
//! written.

#[path = "../../../../tests/it/readers/history.rs"]
mod history;

use std::path::Path;

use fanout_sink::ConfiguredSink;
use fanout_sink_postgres::PostgresFactory;
use serde_json::json;

use crate::server::{Server, server};
use history::{NIGHTS, Table, assert_same, date, deliver, deltas, late_baseline, newest, table, truth};

const STATEMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../changes/merge-postgres.sql");

/// The rows as objects, with times in microseconds since 1970.
const ROWS: &str = "SELECT to_jsonb(t) || jsonb_build_object( \
    'first_seen', (extract(epoch FROM first_seen) * 1000000)::bigint, \
    'followed_at', (extract(epoch FROM followed_at) * 1000000)::bigint, \
    'unfollowed_not_before', (extract(epoch FROM unfollowed_not_before) * 1000000)::bigint, \
    'unfollowed_not_after', (extract(epoch FROM unfollowed_not_after) * 1000000)::bigint) FROM followers_current AS t";

/// Returns the sink of a schema.
fn sink(server: &Server, schema: &str) -> ConfiguredSink {
    let options = json!({ "url": server.url(), "table": format!("{schema}.changes"), "dates": "all" });
    ConfiguredSink::new(PostgresFactory, serde_json::from_value(options).unwrap())
}

/// Fills the table of a schema with the deltas of all nights.
async fn publish(server: &Server, schema: &str) {
    let sink = sink(server, &server.schema(schema));
    for delta in (0..NIGHTS).flat_map(deltas) {
        deliver(&sink, &delta, Path::new(".")).await;
    }
}

/// Merges the deltas of a night, as a user does, and returns the table.
fn merge(server: &Server, schema: &str, night: usize) -> Table {
    let in_schema = format!("SET search_path = {schema}; SET timezone = 'Asia/Shanghai'");
    let mut psql = server.psql_command(&in_schema);
    let ended = psql.arg("-v").arg(format!("dt={}", date(night))).arg("-f").arg(STATEMENT).output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    table(server.sql(&format!("SET search_path = {schema}; {ROWS}")).lines())
}

#[tokio::test]
async fn the_table_says_who_follows_after_each_night_however_often_a_delta_is_merged() {
    let Some(server) = server("the_table_says_who_follows_after_each_night") else { return };
    publish(&server, "nightly").await;
    for night in 0..NIGHTS {
        for time in ["once", "twice"] {
            assert_same(&merge(&server, "nightly", night), &truth(night), &format!("night {night}, {time}"));
        }
    }
    for night in 0..NIGHTS {
        assert_same(&merge(&server, "nightly", night), &truth(NIGHTS - 1), &format!("night {night} again"));
    }
    let (late, expected) = late_baseline();
    deliver(&sink(&server, "nightly"), &late, Path::new(".")).await;
    for time in ["once", "twice"] {
        assert_same(&merge(&server, "nightly", NIGHTS - 1), &expected, &format!("a later baseline, {time}"));
    }
}

#[tokio::test]
async fn an_older_delta_that_comes_late_changes_nothing_newer() {
    let Some(server) = server("an_older_delta_that_comes_late_changes_nothing_newer") else { return };
    publish(&server, "late").await;
    // No delta from before a baseline comes after it.
    for nights in [[0, 4, 3, 2, 1, 6, 5, 9, 8, 7], [0, 2, 1, 3, 4, 5, 7, 8, 6, 9], [0, 1, 3, 2, 4, 5, 9, 6, 7, 8]] {
        server.sql("DROP TABLE IF EXISTS late.followers_current");
        let tables: Vec<Table> = nights.iter().map(|&night| merge(&server, "late", night)).collect();
        assert_same(&newest(tables.last().unwrap()), &newest(&truth(NIGHTS - 1)), &format!("{nights:?}"));
    }
}
