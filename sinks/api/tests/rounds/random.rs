//! The seed of the random numbers, and the variables that say how the tests are run.

use std::io::Write;
use std::time::SystemTime;

/// Returns the seed of `PUBLISH_SEED`, or one from the clock.
pub(crate) fn seed() -> u64 {
    let clock = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64 % 1_000_000;
    variable("PUBLISH_SEED").map_or_else(clock, |seed| seed.parse().unwrap())
}

#[expect(clippy::disallowed_methods, reason = "how tests are run is no configuration of a pipeline")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Writes a line whether the test passes or not.
pub(crate) fn say(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}
