//! The `fanout` program: the command line with the sinks that the features compiled in.

use std::process::ExitCode;

use fanout::SinkRegistry;

fn main() -> ExitCode {
    fanout::cli::main(SinkRegistry::builtin())
}
