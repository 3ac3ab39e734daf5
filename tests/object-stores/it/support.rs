//! The variables that say how the tests are run, files of this package, and random moments.

use std::io::Write;
use std::path::{Path, PathBuf};

/// Returns an environment variable that configures the tests.
#[expect(clippy::disallowed_methods, reason = "how tests are run is no configuration of a pipeline")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns a number from an environment variable that configures the tests.
pub(crate) fn number(name: &str, otherwise: u64) -> u64 {
    variable(name).map_or(otherwise, |value| value.replace('_', "").parse().unwrap())
}

/// Prints a line whether the test passes or not. The harness shows the output of `eprintln!` only
/// if the test fails.
pub(crate) fn say(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// Returns a file of this package.
pub(crate) fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Returns the Python that the readers are installed for.
pub(crate) fn python() -> String {
    let python = variable("READERS_PYTHON").unwrap_or_else(|| "python3".to_owned());
    // Relative to the workspace, as for the other tests; this one runs in a folder of its own.
    if python.contains('/') && !python.starts_with('/') {
        return file("../..").join(python).to_str().unwrap().to_owned();
    }
    python
}

/// The xorshift generator.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Self(seed | 1);
        random.below(2);
        random
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}
