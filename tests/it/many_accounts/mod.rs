//! Many accounts in one run, as an agency has: some always fail, every other list is exact.
//!
//! `MANY_ACCOUNTS=2500` and a release build are the size that fanout is made for; see
//! `.ci/nightly`.

mod fleet;
mod rotated_secrets;

use std::process::Stdio;
use std::time::Instant;

use crate::support::{Ended, say, signal};
use fleet::{Fate, Fleet};

/// Memory that the process may take, in KiB.
const MEMORY_KIB: u64 = 256 << 10;

#[test]
fn a_night_of_many_accounts_is_exact_and_names_those_that_failed() {
    let fleet = Fleet::new();
    let started = Instant::now();
    let process = fleet.run(&[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let peak = fleet::watch_memory(process.id());
    let ended = Ended::after(process);
    let seconds = started.elapsed().as_secs_f64();
    let peak = peak.join().unwrap();

    let report = ended.json();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(report["exit"], 1);
    let accounts = report["accounts"].as_array().unwrap();
    assert_eq!(accounts.len(), fleet.accounts().len());
    for (account, reported) in fleet.accounts().iter().zip(accounts) {
        assert_eq!(reported["account"], account.name.as_str());
        match account.fate {
            Fate::Good => {
                assert_eq!(reported["verdict"], "published", "{reported:#}");
                assert!(fleet.published(account) == fleet.truth(account), "the list of {} differs", account.name);
            }
            Fate::Bad(fault) => {
                assert_eq!(reported["verdict"], "failed", "{reported:#}");
                let error = reported["error"].as_str().unwrap();
                assert!(error.contains(fault.words()), "{}: {error}", account.name);
                assert!(ended.stderr.contains(&format!("account `{}`: ", account.name)), "{}", account.name);
                assert_eq!(fleet.published(account), Vec::<String>::new(), "{}", account.name);
            }
        }
    }
    assert!(peak < MEMORY_KIB, "the peak was {peak} KiB");
    say(&fleet.describe(seconds, peak, accounts));
}

#[test]
fn after_a_kill_accounts_that_are_finished_are_not_called_again() {
    let fleet = Fleet::of(fleet::accounts() / 2);
    let mut process = fleet.run(&[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while fleet.finished().len() < fleet.accounts().len() / 3 {
        assert!(process.try_wait().unwrap().is_none(), "it ended before it could be killed");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    signal(&process, "KILL");
    process.wait().unwrap();
    let finished = fleet.finished();
    let calls = |account: &&fleet::Account| fleet.calls(account);
    let before: Vec<u64> = finished.iter().map(calls).collect();

    let ended = Ended::of(&mut fleet.run(&[]));
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(finished.iter().map(calls).collect::<Vec<_>>(), before);
    for account in fleet.good() {
        assert!(fleet.published(account) == fleet.truth(account), "the list of {} differs", account.name);
    }
    say(&format!(
        "many accounts: {} of {} accounts were finished when the run was killed",
        before.len(),
        fleet.accounts().len()
    ));
}

#[test]
fn published_lists_are_looked_for_in_no_time_and_those_that_are_gone_come_back_without_a_call() {
    let fleet = Fleet::of(fleet::accounts() / 2);
    let run = |more: &[&str]| {
        let started = Instant::now();
        let ended = Ended::of(&mut fleet.run(more));
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        let report = ended.json();
        let good = fleet.accounts().iter().zip(report["accounts"].as_array().unwrap());
        let good = good.filter(|(account, _)| matches!(account.fate, Fate::Good)).map(|(_, report)| report.clone());
        (started.elapsed().as_secs_f64(), good.collect::<Vec<_>>())
    };
    run(&[]);
    let calls = || fleet.good().map(|account| fleet.calls(account)).collect::<Vec<_>>();
    let before = calls();
    // The accounts that always fail are called once more, and not waited for.
    let (seconds, reports) = run(&["--set", "source.retry.attempts=1"]);
    assert!(reports.iter().all(|report| report["verdict"] == "already_published"));
    assert!(reports.iter().all(|report| report["sinks"][0]["found"] == "held"));
    std::fs::remove_dir_all(fleet.outputs()).unwrap();
    let (seconds_again, reports) = run(&["--set", "source.retry.attempts=1"]);
    assert!(reports.iter().all(|report| report["sinks"][0]["found"] == "gone" && report["calls"] == 0));
    assert_eq!(calls(), before);
    for account in fleet.good() {
        assert!(fleet.published(account) == fleet.truth(account), "the list of {} differs", account.name);
    }
    say(&format!(
        "many accounts: {} published lists were looked for in {seconds:.1} s, and delivered again in {seconds_again:.1} s, \
         each in a whole run",
        reports.len()
    ));
}

#[test]
fn the_first_failure_stops_the_others_where_that_is_asked_for() {
    let fleet = Fleet::of(60);
    let ended = Ended::of(&mut fleet.run(&["--fail-fast", "--set", "limits.accounts=2"]));
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let report = ended.json();
    let accounts = report["accounts"].as_array().unwrap();
    let of = |verdict: &str| accounts.iter().filter(|account| account["verdict"] == verdict).count();
    assert!((1..=2).contains(&of("failed")), "{report:#}");
    let stopped = accounts.iter().find(|account| account["verdict"] == "stopped").expect("some were not read");
    assert_eq!(stopped["exit"], 75);
    assert!(of("stopped") > of("published"), "{report:#}");
    let again = Ended::of(&mut fleet.run(&[]));
    assert_eq!(
        again.json()["accounts"].as_array().unwrap().iter().filter(|one| one["verdict"] == "stopped").count(),
        0
    );
}

#[test]
fn an_account_that_is_stuck_keeps_nobody_waiting() {
    let fleet = Fleet::of(12);
    let good: Vec<&fleet::Account> = fleet.good().collect();
    fleet.silence(good[0]);
    // The stuck account has one of two places, and the only slot for streaming.
    let limits = ["--set", "limits.accounts=2", "--set", "limits.deliveries=1"];
    let mut process = fleet.run(&limits).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while fleet.finished().len() < good.len() - 1 {
        assert!(process.try_wait().unwrap().is_none(), "it ended while an account was stuck");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(process.try_wait().unwrap().is_none(), "nothing was stuck");
    signal(&process, "KILL");
    process.wait().unwrap();
    for account in &good[1..] {
        assert!(fleet.published(account) == fleet.truth(account), "the list of {} differs", account.name);
    }
}

#[test]
fn shards_at_once_on_one_state_read_each_account_once() {
    const SHARDS: usize = 4;
    let fleet = Fleet::new();
    let started = Instant::now();
    let shard = |index: usize| {
        let mut command = fleet.run(&["--shard", &format!("{index}/{SHARDS}")]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    // Each writes more than a pipe holds, so a thread reads each of them.
    let processes: Vec<_> = (0..SHARDS).map(shard).collect();
    let ended: Vec<Ended> = std::thread::scope(|scope| {
        let waiting: Vec<_> = processes.into_iter().map(|process| scope.spawn(|| Ended::after(process))).collect();
        waiting.into_iter().map(|waiting| waiting.join().unwrap()).collect()
    });
    let seconds = started.elapsed().as_secs_f64();
    let mut reported: Vec<String> = Vec::new();
    for (index, ended) in ended.iter().enumerate() {
        let report = ended.json();
        assert_eq!(report["shard"], format!("{index}/{SHARDS}"), "{}", ended.stderr);
        let accounts = report["accounts"].as_array().unwrap();
        reported.extend(accounts.iter().map(|account| account["account"].as_str().unwrap().to_owned()));
    }
    let sizes: Vec<usize> = ended.iter().map(|ended| ended.json()["accounts"].as_array().unwrap().len()).collect();
    reported.sort_unstable();
    assert_eq!(reported, fleet.accounts().iter().map(|account| account.name.clone()).collect::<Vec<_>>());
    for account in fleet.accounts() {
        let expected = if matches!(account.fate, Fate::Good) { fleet.truth(account) } else { Vec::new() };
        assert!(fleet.published(account) == expected, "the list of {} differs", account.name);
    }
    say(&format!("many accounts: {SHARDS} shards with {sizes:?} accounts: {seconds:.1} s"));
}
