//! `fanout prune --account NAME --all`: all that the state keeps of an account goes, and nothing
//! else.

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::support::four_sinks::DATE;
use crate::support::{Ended, TWO_ACCOUNTS, assert_shows, while_halted};

/// Makes a project of the accounts `brand` (`wx1`) and `shop` (`wx2`), whose calls take `latency`.
fn two_accounts(latency: Duration) -> Project {
    let simulator = Simulator::builder().followers(FOLLOWERS).page_size(PAGE_SIZE).latency(latency);
    Project::builder().file(TWO_ACCOUNTS).simulator(simulator).date(DATE).build()
}

fn forget(project: &Project, more: &[&str]) -> Ended {
    project.fanout(&[&["prune", "pipeline.toml", "--account", "brand", "--all"], more].concat())
}

/// Returns the files below a folder of the project.
fn below(project: &Project, folder: &str) -> Vec<PathBuf> {
    let folder = project.path(folder);
    project.files().into_iter().filter(|path| path.starts_with(&folder)).collect()
}

#[test]
fn all_of_an_account_goes_and_what_was_published_and_other_accounts_stay() {
    let project = two_accounts(Duration::ZERO);
    project.finish(&[]);
    let (published, other, reports) =
        (below(&project, "out"), below(&project, "state/wx2"), below(&project, "state/runs"));
    let before = project.files();
    assert_shows!(project, forget(&project, &[]), @r"
    exit code: 0
    ----- stdout -----
    account  what                 why                      disk
    brand    calls.user-get.json  all of the account      128 B
    brand    followers            all of the account  NN.NN KiB
    brand    followers.lock       all of the account        0 B
    would remove 3 items (NN.NN KiB) with `--yes`

    ----- stderr -----
    ");
    assert_eq!(project.files(), before, "a look touches nothing");
    let gone = forget(&project, &["--yes"]);
    assert_eq!(gone.code, Some(0), "{gone:?}");
    assert!(gone.stdout.contains("removed 3 items ("), "{gone:?}");
    assert!(!project.path("state/wx1").exists());
    let stay = [published, other, reports].concat();
    let mut expected: Vec<_> = stay.into_iter().chain([project.path("pipeline.toml")]).collect();
    expected.sort();
    assert_eq!(project.files(), expected);
    let again = forget(&project, &["--yes"]);
    assert_eq!((again.code, again.stdout.as_str()), (Some(0), "nothing to remove\n"), "{again:?}");
    let calls = project.calls();
    project.finish(&[]);
    assert_eq!(project.calls(), calls + CALLS, "its list is read anew, and the other account's is not");
}

#[test]
fn an_account_of_which_a_list_is_owed_stays_unless_the_command_says_so() {
    let project = two_accounts(Duration::ZERO);
    project.append("[sinks.pipe]\ntype = 'command'\nrequired = false\n[sinks.pipe.options]\ncommand = ['false']\nprotocol = 'plain'\n");
    project.run(&[]);
    let before = project.files();
    for more in [&[][..], &["--yes"]] {
        let refused = forget(&project, more);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        let owed =
            ["account `brand`: list `followers` of ", " is owed to `pipe` of pipeline `test`", "`--owed` removes it"];
        assert!(owed.iter().all(|words| refused.stderr.contains(words)), "{refused:?}");
        assert_eq!(project.files(), before);
    }
    let gone = forget(&project, &["--yes", "--owed"]);
    assert_eq!(gone.code, Some(0), "{gone:?}");
    assert!(!project.path("state/wx1").exists() && project.path("state/wx2").exists());
}

#[test]
fn an_account_whose_records_are_damaged_goes_only_if_nothing_is_asked_about_debts() {
    let project = two_accounts(Duration::ZERO);
    project.finish(&[]);
    let walk = fs::read_dir(project.path("state/wx1/followers")).unwrap().next().unwrap().unwrap().path();
    fs::write(walk.join("decision.json"), "{}").unwrap();
    let refused = forget(&project, &["--yes"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("it is not known what is owed to a sink: "), "{refused:?}");
    assert!(walk.exists());
    assert_eq!(forget(&project, &["--yes", "--owed"]).code, Some(0));
    assert!(!project.path("state/wx1").exists());
}

#[test]
fn an_account_that_is_in_use_is_left_alone_as_a_whole() {
    let project = two_accounts(Duration::from_millis(200));
    project.finish(&[]);
    let process = project.start_until_page(&["--fresh", "--account", "brand"], 2);
    let (refused, looked) = while_halted(&process, || (forget(&project, &["--yes", "--owed"]), forget(&project, &[])));
    assert_eq!(refused.code, Some(75), "{refused:?}");
    let who = format!("account `brand` is in use and left alone (process {} on `", process.id());
    assert!(refused.stderr.contains(&who), "{refused:?}");
    assert_eq!(looked.code, Some(0), "{looked:?}");
    assert_eq!(Ended::after(process).code, Some(0), "the run was not disturbed");
}

#[test]
fn all_is_asked_for_by_the_names_of_accounts_and_goes_with_no_part_of_it() {
    let project = two_accounts(Duration::ZERO);
    for arguments in [
        &["--all"][..],
        &["--all", "--account", "brand", "--list", "followers"],
        &["--all", "--account", "brand", "--reports-older-than", "3"],
        &["--owed", "--account", "brand"],
    ] {
        let refused = project.fanout(&[&["prune", "pipeline.toml"], arguments].concat());
        assert_eq!(refused.code, Some(2), "{arguments:?}: {refused:?}");
    }
}
