//! `fanout` with the feature `kafka-broker`, for the tests of this package to run and to kill.

use std::process::ExitCode;

use fanout::{SinkRegistry, cli};

fn main() -> ExitCode {
    cli::main(SinkRegistry::builtin())
}
