//! Python, with modules that this machine may lack. `FANOUT_REQUIRE_ALL` makes a missing module a
//! failure.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output};

use super::machine::{say, variable};
use super::project::Project;

/// What a script ends with if it lacks a module.
const NOT_INSTALLED: i32 = 3;

/// Returns a Python that has `module`: the one that `READERS_PYTHON` names, or `python3`. Without
/// the module it says so and returns `None`.
pub(crate) fn python_with(module: &str) -> Option<String> {
    let python = variable("READERS_PYTHON").unwrap_or_else(|| "python3".to_owned());
    // It is started in other folders.
    let python = if python.contains('/') {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(python).to_str().unwrap().to_owned()
    } else {
        python
    };
    if Command::new(&python)
        .args(["-c", &format!("import {module}")])
        .output()
        .is_ok_and(|output| output.status.success())
    {
        return Some(python);
    }
    let hint = format!("pip install {module}, and name that Python in READERS_PYTHON");
    assert!(variable("FANOUT_REQUIRE_ALL").is_none(), "`{python}` has no {module}; {hint}");
    say(&format!("skipped: what needs {module} was not run; {hint}"));
    None
}

/// Runs a script of this repository in the folder of a project, and returns its exit code and what
/// it printed. If it lacks a module, it says what was not done and returns `None`.
pub(crate) fn run_script(
    project: &Project,
    script: &str,
    arguments: &[impl AsRef<OsStr>],
    not_done: &str,
    how_to_get_it: &str,
) -> Option<(i32, String)> {
    let python = variable("READERS_PYTHON").unwrap_or_else(|| "python3".to_owned());
    let mut command = Command::new(python);
    let tree = Path::new(env!("CARGO_MANIFEST_DIR"));
    command.args([tree.join("tests/it/script.py"), tree.join(script)]);
    command.args(arguments).current_dir(project.path("."));
    let (code, said) = match command.output() {
        Ok(output) => (output.status.code().unwrap(), text(&output)),
        Err(error) => (NOT_INSTALLED, error.to_string()),
    };
    if code != NOT_INSTALLED {
        return Some((code, said));
    }
    assert!(variable("FANOUT_REQUIRE_ALL").is_none(), "it is not installed ({}); {how_to_get_it}", said.trim());
    say(&format!("skipped: {not_done}; {how_to_get_it}"));
    None
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
