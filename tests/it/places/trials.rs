//! Trials leave nothing behind, whatever runs at the same time and whatever is killed.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use super::{DATE, hidden, project};
use crate::support::{Ended, Random, say, seed};

/// How many groups of processes are started, and how many processes are in each.
const ROUNDS: usize = 12;
const PROCESSES: usize = 4;

/// A check takes about this long.
const LONGEST_LIFE: Duration = Duration::from_millis(60);

#[test]
fn trials_that_run_at_once_or_are_killed_leave_nothing_behind() {
    let project = project();
    let seed = seed("TRIALS_SEED");
    say(&format!("TRIALS_SEED={seed}"));
    let mut random = Random(seed);
    // Each has a state of its own, or the lock of the list would keep them apart.
    let states: Vec<String> = (0..PROCESSES).map(|number| format!("journal.path=state-{number}")).collect();
    let check = |state: &str| project.command_with_secrets(&["check", "pipeline.toml", "--date", DATE, "--set", state]);
    for _ in 0..ROUNDS {
        let silent = || Stdio::null();
        let processes: Vec<_> =
            states.iter().map(|state| check(state).stdout(silent()).stderr(silent()).spawn().unwrap()).collect();
        for mut process in processes {
            std::thread::sleep(LONGEST_LIFE.mul_f64(random.below(100) as f64 / 100.0));
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
    let checks: Vec<_> = states
        .iter()
        .map(|state| check(state).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
        .collect();
    for check in checks {
        Ended::after(check).good();
    }
    assert_eq!(hidden(&project), Vec::<PathBuf>::new());
    project.finish(&[]);
    assert_eq!(hidden(&project), Vec::<PathBuf>::new());
}
