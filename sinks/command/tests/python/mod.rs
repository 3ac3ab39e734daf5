//! A Python that has pyarrow, for the tests of the examples.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

#[expect(clippy::disallowed_methods, reason = "how tests are run is no configuration of a pipeline")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns a Python that has pyarrow. Returns `None` without one, and prints that the test is
/// skipped.
///
/// # Panics
///
/// If there is none and `FANOUT_REQUIRE_ALL` is set.
pub(crate) fn python() -> Option<String> {
    let python = variable("READERS_PYTHON").unwrap_or_else(|| "python3".to_owned());
    // The program runs in another folder.
    let python = if python.contains('/') { absolute(&python) } else { python };
    if Command::new(&python).args(["-c", "import pyarrow"]).output().is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    let hint = "pip install pyarrow, and name that Python in READERS_PYTHON";
    assert!(variable("FANOUT_REQUIRE_ALL").is_none(), "`{python}` has no pyarrow; {hint}");
    // Not `eprintln!`: the test harness shows its output only if the test fails.
    let word = format!("skipped: the command sink in Python was not tested; {hint}\n");
    std::io::stderr().write_all(word.as_bytes()).unwrap();
    None
}

/// Resolves a path that is relative to the workspace. Tests start in the folder of their crate.
fn absolute(path: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    path.to_str().unwrap().to_owned()
}
