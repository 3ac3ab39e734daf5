//! fanout with a sink of your own: `type = "postgres"`.
//!
//! Before it: the engine of fanout. Behind it: the sink of `sinks/postgres`.
//!
//! ```sh
//! cargo run --package fanout-postgres -- run examples/postgres/postgres.toml
//! ```

use std::process::ExitCode;

use fanout::{SinkRegistry, cli};
use fanout_sink_postgres::PostgresFactory;

fn main() -> ExitCode {
    cli::main(SinkRegistry::builtin().with(PostgresFactory))
}
