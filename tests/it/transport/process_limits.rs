//! Limits of threads and open files: a run that has too few is refused before its first call, with
//! the number that suffices, and with that number it reaches its end.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use super::*;
use crate::support::{say, variable, wrapped};

/// A user that has no process, so that the limit of its processes is that of the test.
const LONELY_USER: &str = "54321";

/// How long a run may take. One that waits for ever is ended and has no exit code of its own.
const LONGEST_RUN_SECS: &str = "120";

/// A pipeline of so many accounts and so many sinks.
fn pipeline(accounts: u64, sinks: u64) -> String {
    use std::fmt::Write as _;
    let mut file = "name = \"many\"\n".to_owned();
    for account in 0..accounts {
        writeln!(
            file,
            "[[accounts]]\nname = \"a{account}\"\napp_id = \"wx{account:016x}\"\nsecret = {{ env = \"TEST_SECRET\" }}"
        )
        .unwrap();
    }
    for sink in 0..sinks {
        writeln!(file, "[sinks.s{sink}]\ntype = \"ndjson\"\n[sinks.s{sink}.options]\nroot = \"out{sink}\"").unwrap();
    }
    file
}

fn project(accounts: u64, sinks: u64) -> Project {
    reading(&pipeline(accounts, sinks), Simulator::builder().followers(300))
}

/// Returns the number before or behind these words.
fn number(text: &str, before: &str) -> u64 {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("`{before}` in {text}"));
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

fn refused_without_a_call(ended: &Ended, project: &Project, words: &str) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains(words), "{ended:?}");
    assert_eq!(project.api().log().len(), 0, "{ended:?}");
}

#[test]
fn open_files_are_counted_before_the_first_call_and_the_number_that_is_named_suffices() {
    for (accounts, sinks) in [(1, 1), (3, 3), (100, 2)] {
        let project = project(accounts, sinks);
        let with = |most: u64, arguments: &[&str]| {
            let mut prlimit = Command::new("timeout");
            prlimit.args([LONGEST_RUN_SECS, "prlimit", &format!("--nofile={most}")]);
            Ended::of(&mut wrapped(prlimit, &project.run_command(&[&["--json"], arguments].concat())))
        };
        let refused = with(24, &[]);
        refused_without_a_call(&refused, &project, "open files at the same time");
        let needed = number(&refused.stderr, "ulimit -n ");
        let refused = with(needed - 1, &[]);
        refused_without_a_call(&refused, &project, "open files at the same time");
        if accounts == 100 {
            // Each part opens the locks of its accounts alone.
            let parts = number(&refused.stderr, "--shard 0/");
            assert_eq!(parts, 2, "{refused:?}");
        }
        assert_eq!(with(needed, &[]).good().json()["exit"], 0);
    }
}

/// Runs the project as a user who may have only so many threads.
fn with_threads(project: &Project, most: u64, arguments: &[&str]) -> Ended {
    // The other user must reach the program and the folder.
    let program = project.path("fanout-of-another-user");
    if !program.exists() {
        fs::copy(env!("CARGO_BIN_EXE_fanout"), &program).unwrap();
        fs::set_permissions(project.path(""), fs::Permissions::from_mode(0o777)).unwrap();
    }
    let command = project.run_command(&[&["--json"], arguments].concat());
    let mut outer = Command::new("timeout");
    outer.args([LONGEST_RUN_SECS, "setpriv", "--reuid", LONELY_USER, "--regid", LONELY_USER, "--clear-groups"]);
    outer.args(["prlimit", &format!("--nproc={most}")]).arg(&program).args(command.get_args());
    outer.current_dir(project.path("")).envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Ended::of(&mut outer)
}

/// Returns whether this test is root, who may become another user.
fn is_root() -> bool {
    let is_root = fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0);
    if !is_root {
        assert!(variable("FANOUT_REQUIRE_ALL").is_none(), "the limit of processes can be tested only as root");
        say("skipped: no run had too few threads; the test starts it as another user, which takes root");
    }
    is_root
}

#[test]
fn threads_are_tried_before_the_first_call_and_the_number_that_is_named_suffices() {
    if !is_root() {
        return;
    }
    // The sinks of one list have threads when those of the other need theirs.
    let of_profiles = "[sinks.p]\ntype = \"ndjson\"\nlist = \"profiles\"\noptions.root = \"p\"\n".to_owned()
        + "[sinks.q]\ntype = \"ndjson\"\nlist = \"profiles\"\noptions.root = \"q\"\n";
    for (accounts, sinks, others) in [(1, 1, ""), (6, 3, ""), (6, 2, &of_profiles)] {
        let lists = pipeline(accounts, sinks) + others;
        let project = reading(&lists, Simulator::builder().followers(300));
        let mut named = None;
        let mut of_one_account = None;
        // With each number of threads the run is refused without a call, or reaches its end.
        for most in 1.. {
            let ended = with_threads(&project, most, &[]);
            if ended.code == Some(0) {
                assert_eq!(named, Some(most), "the number that was named suffices, and no smaller one");
                break;
            }
            refused_without_a_call(&ended, &project, "threads");
            if ended.stderr.contains("the run needs") {
                // The program itself has its threads; from here on the number is exact.
                let enough = most + number(&ended.stderr, "by ");
                assert_eq!(*named.get_or_insert(enough), enough, "{ended:?}");
            }
            if ended.stderr.contains("`limits.accounts = 1`") {
                of_one_account.get_or_insert(most);
            }
        }
        assert_eq!(of_one_account.is_some(), accounts > 1);
        if let Some(most) = of_one_account {
            let project = project.without_state();
            assert_eq!(with_threads(&project, most, &["--set", "limits.accounts=1"]).good().json()["exit"], 0);
        }
    }
}

/// Runs its arguments in a new group of at most `$1` processes, if the system has such groups.
const IN_A_GROUP: &str = r#"
group=/sys/fs/cgroup/pids/fanout-test-$$
mkdir "$group" 2>/dev/null || exit 99
echo "$1" >"$group/pids.max" && echo $$ >"$group/cgroup.procs" || exit 99
shift
"$@"
code=$?
echo $$ >/sys/fs/cgroup/pids/cgroup.procs
rmdir "$group"
exit $code
"#;

#[test]
fn a_container_with_few_processes_never_makes_a_run_wait() {
    let project = project(40, 3);
    for most in [8, 16, 24] {
        let mut shell = Command::new("timeout");
        shell.args([LONGEST_RUN_SECS, "sh", "-c", IN_A_GROUP, "sh", &most.to_string()]);
        let ended = Ended::of(&mut wrapped(shell, &project.run_command(&["--json", "--fresh"])));
        match ended.code {
            // Not a foreign program: the kernel of a container often forbids it.
            Some(99) => return say("skipped: no group with few processes was made; the system forbids it"),
            Some(0) => assert_eq!(ended.json()["exit"], 0),
            _ => assert!(ended.code == Some(1) && ended.stderr.contains("threads"), "{most}: {ended:?}"),
        }
    }
}
