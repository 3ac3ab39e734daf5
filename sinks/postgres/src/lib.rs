//! A Postgres sink for [fanout](https://docs.rs/fanout): the worked example of a sink that is not built in.
//!
//! All accounts share one table, which Postgres partitions by `(app_id, dt)`: one partition holds one list. A list is
//! staged in a table of its own with `COPY … FROM STDIN (FORMAT binary)`, a statement a batch, while the walk goes on. The
//! commit is one transaction: the old partition is dropped, the staging table is attached in its place (no row is written
//! a second time, and readers wait for milliseconds), and a row of `<table>_snapshots` says which list is there now. So a
//! reader sees the old list or the new one, rows of other accounts are not touched, a repeat after a crash is recognised,
//! and an older list never takes the place of a newer one.
//!
//! | module | what it is about |
//! | --- | --- |
//! | `options` | what the pipeline file says |
//! | `factory` | the entry: `type = "postgres"` |
//! | `preflight` | what `fanout check` finds out about server, rights and table |
//! | `sink` | the life of a list: staging, prepare, commit, abort |
//! | `swap` | the one transaction |
//! | `session` | a connection, its settings, its lock |
//! | `tls` | which certificates are trusted |
//! | `table` | the tables, and the statements about them |
//! | `sql` | how names and texts are quoted |
//! | `column` | Arrow types and values → Postgres types and values |
//! | `error` | which errors may pass by themselves |
//!
//! A program that has this sink is one call; see `examples/postgres.rs`:
//!
//! ```no_run
//! # use fanout::{SinkRegistry, cli};
//! # use fanout_sink_postgres::PostgresFactory;
//! fn main() -> std::process::ExitCode {
//!     cli::main(SinkRegistry::builtin().with(PostgresFactory))
//! }
//! ```

mod column;
mod error;
mod factory;
mod options;
mod preflight;
mod session;
mod sink;
mod sql;
mod swap;
mod table;
mod tls;

pub use factory::PostgresFactory;
pub use options::{Dates, PostgresOptions, Tls};
pub use sink::PostgresSink;
