//! One-shot sinks: each run delivers anew, and nothing is remembered, owed or found again.

use std::ffi::OsStr;
use std::path::PathBuf;

use fanout::error::Error;
use fanout::report::{AccountReport, RunReport, SinkState, Verdict};
use fanout_sink::SinkError;

use super::*;
use crate::support::noon;

const FOLLOWERS: u64 = 50;
const STREAM: &str = "[sinks.stream]\ntype = 'recorder'\noptions.one_shot = true\n";
const DATES: [&str; 3] = ["2026-01-29", "2026-01-30", "2026-01-31"];

fn project() -> Project {
    one_account(Simulator::builder().followers(FOLLOWERS).page_size(10))
}

async fn run(project: &Project, sinks: &str) -> RunReport {
    project.engine_run_file(&(project.file() + sinks), RunOptions::default()).await.unwrap()
}

/// Returns the folders of the walks in the state.
fn walks(project: &Project) -> Vec<PathBuf> {
    let list = project.path("state").join(APP_ID).join("followers");
    list.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Returns the names of the commit records of the only walk, and the sinks of its decision.
fn recorded(project: &Project) -> (Vec<String>, serde_json::Value) {
    let walk = walks(project).pop().unwrap();
    let records = project.files().into_iter().filter(|path| path.starts_with(walk.join("commits")));
    let name = |path: &OsStr| path.to_str().unwrap().split('.').nth(1).unwrap().to_owned();
    let names = records.map(|path| name(path.file_name().unwrap())).collect();
    let decision = std::fs::read(walk.join("decision.json")).unwrap();
    (names, serde_json::from_slice::<serde_json::Value>(&decision).unwrap()["record"]["sinks"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_run_delivers_the_whole_list_without_a_call_and_says_so() {
    let project = project();
    let sinks = ONE_SINK.to_owned() + STREAM;
    for round in 0..3 {
        let calls = project.api().requests().total();
        let report = run(&project, &sinks).await;
        let account = &report.accounts[0];
        assert_eq!((published(account).rows, account.verdict), (FOLLOWERS, Verdict::Published));
        let [kept, stream] = account.sinks.as_slice() else { panic!("{account:#?}") };
        assert_eq!((kept.one_shot, stream.one_shot), (false, true));
        assert!(matches!(&stream.state, SinkState::Published(report) if report.rows == FOLLOWERS), "{stream:?}");
        assert_eq!(matches!(kept.state, SinkState::AlreadyPublished(_)), round > 0, "{kept:?}");
        assert_eq!(project.recorder.count("stream commit"), round + 1);
        assert_eq!(project.recorder.count("stream end"), round + 1);
        assert_eq!(project.recorder.published("stream", "brand").unwrap(), project.truth());
        assert_eq!(project.api().requests().total() > calls, round == 0, "round {round}");
        assert_eq!(recorded(&project), (vec!["kept".to_owned()], serde_json::json!(["kept"])));
    }
    assert_eq!(project.recorder.count("kept commit"), 1);
    assert_eq!(project.recorder.looks("stream"), 0, "nothing is looked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_it_has_missed_is_owed_to_nobody() {
    let project = project();
    let file = project.file().replacen('\n', "\n[journal]\nkeep = 1\n", 1) + STREAM;
    let run = async || project.engine_run_file(&file, RunOptions::default()).await.unwrap();
    for (night, date) in DATES.into_iter().enumerate() {
        project.clock.set(noon(date));
        if night == 0 {
            project.recorder.fail("stream", "commit", SinkError::permanent("it is broken"));
        }
        let report = run().await;
        let dates: Vec<String> = report.accounts.iter().map(|account| account.date.unwrap().to_string()).collect();
        assert_eq!(dates, [date]);
        if night == 0 {
            failed(&report.accounts[0], 1, "it is broken");
            assert_eq!(recorded(&project), (Vec::new(), serde_json::json!([])));
        } else {
            published(&report.accounts[0]);
        }
    }
    assert_eq!(walks(&project).len(), 1, "no list is kept for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_owed_to_another_sink_goes_to_that_sink_only() {
    let project = project();
    let sinks = ONE_SINK.to_owned() + STREAM;
    project.clock.set(noon(DATES[0]));
    project.recorder.fail("kept", "commit", SinkError::permanent("it is broken"));
    let report = run(&project, &sinks).await;
    assert!(matches!(report.accounts[0].sinks[1].state, SinkState::NotReached), "{report:#?}");

    project.clock.set(noon(DATES[1]));
    let report = run(&project, &sinks).await;
    let states: Vec<[&SinkState; 2]> =
        report.accounts.iter().map(|account| [&account.sinks[0].state, &account.sinks[1].state]).collect();
    assert!(
        matches!(
            states[..],
            [[SinkState::Published(_), SinkState::NotDue], [SinkState::Published(_), SinkState::Published(_)]]
        ),
        "{report:#?}"
    );
    assert_eq!(project.recorder.count("stream open"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_several_accounts_come_one_after_the_other() {
    const ACCOUNTS: usize = 8;
    let mut project = Project::builder()
        .keys("limits = { accounts = 8, deliveries = 3 }")
        .simulator(Simulator::builder().followers(FOLLOWERS).page_size(10));
    for account in 0..ACCOUNTS {
        project = project.account(&format!("account{account}"), &format!("wx{account}"));
    }
    let project = project.build();
    for _ in 0..2 {
        let before = project.recorder.story().len();
        let report = run(&project, STREAM).await;
        assert_eq!(report.exit.code(), 0, "{report:#?}");
        let story = project.recorder.story().split_off(before);
        let (end, lists) = story.split_last().unwrap();
        assert_eq!(end, "stream end");
        assert_eq!(lists.len(), 3 * ACCOUNTS);
        for list in lists.chunks(3) {
            assert_eq!(list, ["stream open", "stream prepare", "stream commit"], "{story:#?}");
        }
    }
    for account in 0..ACCOUNTS {
        let name = format!("account{account}");
        assert_eq!(project.recorder.published("stream", &name).unwrap(), project.truth_of(&format!("wx{account}")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_fails_takes_back_what_the_run_has_delivered() {
    for (required, exit) in [("", 1), ("required = false\n", 0)] {
        let project = project();
        project.recorder.fail("stream", "end", SinkError::permanent("its reader is gone"));
        let sinks = format!("[sinks.stream]\ntype = 'recorder'\n{required}options.one_shot = true\n");
        let report = run(&project, &sinks).await;
        let account = &report.accounts[0];
        assert!(matches!(account.sinks[0].state, SinkState::Failed { .. }), "{account:#?}");
        assert_eq!((report.exit.code(), account.exit.code()), (exit, exit), "{account:#?}");
        published(&run(&project, &sinks).await.accounts[0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_lists_have_failed_ends_it_all_the_same() {
    let project = project();
    let file = project.file().replace("attempts = 3", "attempts = 1") + STREAM;
    project.stop.cancel();
    let report = project.engine_run_file(&file, RunOptions::default()).await.unwrap();
    assert_eq!(report.accounts[0].verdict, Verdict::Interrupted);
    assert_eq!(project.recorder.story(), ["stream end early"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_says_whether_the_sink_has_all_lists_of_the_run() {
    let project = Project::builder()
        .account("first", "wx1")
        .account("second", "wx2")
        .simulator(Simulator::builder().followers(FOLLOWERS).page_size(10))
        .build();
    run(&project, STREAM).await;
    assert_eq!(project.recorder.story().last().unwrap(), "stream end");
    project.recorder.fail("stream", "commit", SinkError::permanent("it is broken"));
    let report = run(&project, STREAM).await;
    let is_taken = |account: &AccountReport| matches!(account.sinks[0].state, SinkState::Published(_));
    assert_eq!(report.accounts.iter().filter(|account| is_taken(account)).count(), 1, "{report:#?}");
    assert_eq!(project.recorder.story().last().unwrap(), "stream end early");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_delivers_to_it_only_if_it_is_named() {
    let project = project();
    let sinks = ONE_SINK.to_owned() + STREAM;
    for date in &DATES[..2] {
        project.clock.set(noon(date));
        run(&project, &sinks).await;
    }
    let calls = project.api().requests().total();
    let replay = async |sinks: &str, names: &[&str], selection: RunOptions| -> Result<RunReport, Error> {
        project.engine_replay(&(project.file() + sinks), names, selection).await
    };
    replay(&sinks, &[], RunOptions::default()).await.unwrap();
    assert_eq!(project.recorder.count("stream commit"), 2, "it lacks nothing");

    let date = RunOptions::default().with_date(DATES[0].parse().unwrap());
    let report = replay(&sinks, &["stream"], date).await.unwrap();
    assert_eq!(report.accounts.len(), 1);
    assert_eq!((published(&report.accounts[0]).rows, project.recorder.count("stream commit")), (FOLLOWERS, 3));
    assert_eq!(project.recorder.count("stream end"), 3);
    assert_eq!(project.api().requests().total(), calls);

    let error = replay(STREAM, &[], RunOptions::default()).await.unwrap_err().to_string();
    assert!(error.contains("found only sinks that lack no list, because each run delivers anew: `stream`"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_file_cannot_ask_of_it_is_an_error() {
    let project = project();
    let error = async |sinks: &str| {
        let ran = project.engine_run_file(&(project.file() + sinks), RunOptions::default()).await;
        ran.unwrap_err().to_string()
    };
    let stream = error(&(STREAM.to_owned() + "deliver = 'stream'\n")).await;
    assert!(stream.contains("`sinks.stream.deliver`: found `stream`, expected `when_complete`"), "{stream}");
    let changes = "list = 'changes'\nbaseline = true\noptions.one_shot = true\n";
    let baseline = error(&format!("[sinks.stream]\ntype = 'recorder'\n{changes}")).await;
    assert!(baseline.contains("`sinks.stream.baseline`: found `true`, expected `false`"), "{baseline}");
    let to_stdout = |name: &str| format!("[sinks.{name}]\ntype = 'ndjson'\noptions.path = '-'\n");
    let twice = error(&(to_stdout("one") + &to_stdout("two"))).await;
    assert!(
        twice.contains("`sinks.two.options`: found stdout, expected a place of its own: the sink `one` writes there"),
        "{twice}"
    );
}
