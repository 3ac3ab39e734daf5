//! `fanout` with the feature `object-store`, for the tests of this package to run and to kill.

use std::process::ExitCode;

use fanout::{SinkRegistry, cli};

fn main() -> ExitCode {
    cli::main(SinkRegistry::builtin())
}
