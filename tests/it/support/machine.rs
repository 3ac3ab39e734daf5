//! The machine that the tests run on: the variables that say how they are run, and a line for the
//! person who runs them.

use std::io::Write;

/// Returns a variable that says how the tests are run.
#[expect(clippy::disallowed_methods, reason = "how tests are run is no configuration of a pipeline")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Writes a line whether the test passes or not: the test harness shows what `eprintln!` prints
/// only when it fails.
pub(crate) fn say(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}
