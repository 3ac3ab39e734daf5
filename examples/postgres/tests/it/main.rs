//! Whole runs of fanout with the Postgres sink: the pipeline file of the example, profiles, the
//! table of who follows, and `kill -9`.

#![expect(clippy::unwrap_used, reason = "helper functions of tests may panic, like the tests")]

mod crash;
mod current_table;
mod pipeline;
mod profiles;

#[expect(dead_code, reason = "the tests of the sink itself use the rest")]
#[path = "../../../../sinks/postgres/tests/it/server.rs"]
mod server;
