//! fanout with one more sink: `type = "postgres"`.
//!
//! ```sh
//! cargo run --package fanout-sink-postgres --example postgres -- run sinks/postgres/examples/postgres.toml
//! ```

use std::process::ExitCode;

use fanout::{SinkRegistry, cli};
use fanout_sink_postgres::PostgresFactory;

fn main() -> ExitCode {
    cli::main(SinkRegistry::builtin().with(PostgresFactory))
}
