//! A Postgres sink for [fanout](https://docs.rs/fanout): the worked example of a sink that is not
//! built in.
//!
//! All accounts share one table. Postgres partitions it by `(app_id, list, dt)`, and each partition
//! holds one list. During the walk a list is staged in a table of its own with
//! `COPY … FROM STDIN (FORMAT binary)`, one statement for each batch. The commit is one
//! transaction: it drops the old partition, attaches the staging table in its place, and records in
//! `<table>_snapshots` which list is there now. No row is written a second time, and readers wait
//! for milliseconds.
//!
//! So a reader sees either the old list or the new one, rows of other accounts are not touched, a
//! repeat after a crash is recognised, and an older list never replaces a newer one.
//!
//! | module | what it is about |
//! | --- | --- |
//! | `options` | what the pipeline file says |
//! | `factory` | the entry: `type = "postgres"` |
//! | `preflight` | what `fanout check` examines: server, rights, table |
//! | `sink` | the life of a list: staging, prepare, commit, abort |
//! | `swap` | the one transaction |
//! | `record` | the table of snapshots: which list is in which partition |
//! | `find` | looks whether a committed list is still there |
//! | `session` | a connection, its settings, its lock |
//! | `tls` | which certificates are trusted |
//! | `table` | the tables, and the statements about them |
//! | `sql` | how names and texts are quoted |
//! | `column` | Arrow types and values → Postgres types and values |
//! | `error` | which errors are transient |
//!
//! A program that has this sink is one call:
//! `cli::main(SinkRegistry::builtin().with(PostgresFactory))`. `examples/postgres` is one.

mod column;
mod error;
mod factory;
mod find;
mod options;
mod preflight;
mod record;
mod session;
mod sink;
mod sql;
mod swap;
mod table;
mod tls;

pub use factory::PostgresFactory;
pub use options::{Dates, PostgresOptions, Tls};
pub use sink::PostgresSink;
