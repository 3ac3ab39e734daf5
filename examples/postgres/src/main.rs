//! fanout with one more sink: `type = "postgres"`.
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
