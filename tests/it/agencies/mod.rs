//! Agencies: many accounts get their tokens from the token server of one third-party platform.
//!
//! The token server is a real one that counts its questions; WeChat is the simulator. A failure of
//! the platform stops the accounts of its token server, and no others.

mod answers;
mod failures;
mod shared;
mod token_server;

use fanout::engine::RunOptions;
use fanout::report::{AccountReport, RunReport, Verdict};
use fanout::simulator::{Simulator, SimulatorBuilder};

use crate::support::{ONE_SINK, Project};
use token_server::TokenServer;

/// The followers of each account, on two pages.
const FOLLOWERS: u64 = 20;
const PAGE_SIZE: u64 = 10;
/// The calls of a list: its pages and its end.
const CALLS: u64 = FOLLOWERS.div_ceil(PAGE_SIZE) + 1;

fn app_id(number: usize) -> String {
    format!("wx{number:016x}")
}

fn name(number: usize) -> String {
    format!("brand-{number:02}")
}

fn simulator() -> SimulatorBuilder {
    Simulator::builder().followers(FOLLOWERS).page_size(PAGE_SIZE)
}

fn project(simulator: SimulatorBuilder) -> Project {
    Project::builder().account("unused", &app_id(0)).simulator(simulator).build()
}

/// Returns the keys of a shared token server that answers as Tencent's middleware does.
fn shared(url: &str) -> String {
    format!("[source.token_endpoint]\nurl = '{url}'\npointer = '/data/token'\nerror_pointer = '/code'\n")
}

/// Returns accounts without a credential.
fn accounts(numbers: impl IntoIterator<Item = usize>) -> String {
    numbers.into_iter().map(|number| account(number, "")).collect()
}

/// Returns an account with this credential.
fn account(number: usize, credential: &str) -> String {
    format!("[[accounts]]\nname = '{}'\napp_id = '{}'\n{credential}\n", name(number), app_id(number))
}

/// Returns the text of a pipeline file whose accounts are read `at_once`; each call is tried three
/// times.
fn file(at_once: usize, sections: &str) -> String {
    format!(
        "name = 'agency'\nlimits.accounts = {at_once}\nsource.retry = {{ attempts = 3, base_ms = 1, max_ms = 4 }}\n\
         {sections}{ONE_SINK}"
    )
}

async fn run(project: &Project, text: &str) -> RunReport {
    project.engine_run_file(text, RunOptions::default()).await.unwrap()
}

/// Returns the verdicts of all accounts, in their order.
fn verdicts(report: &RunReport) -> Vec<Verdict> {
    report.accounts.iter().map(|account| account.verdict).collect()
}

/// Asserts that the exact list of each of these accounts is published.
#[track_caller]
fn exact(project: &Project, report: &RunReport, numbers: impl IntoIterator<Item = usize>) {
    for number in numbers {
        let account = of(report, number);
        assert_eq!((account.verdict, &account.error), (Verdict::Published, &None), "{account:#?}");
        assert_eq!(project.recorder.published("kept", &name(number)).unwrap(), project.truth_of(&app_id(number)));
    }
}

/// Returns the report of an account.
fn of(report: &RunReport, number: usize) -> &AccountReport {
    report.accounts.iter().find(|account| account.app_id == app_id(number)).unwrap()
}

/// Asserts that error and hint of an account hold these words.
#[track_caller]
fn says(account: &AccountReport, words: &[&str]) {
    let said = format!("{}\n{}", account.error.as_deref().unwrap_or(""), account.hint.as_deref().unwrap_or(""));
    for word in words {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
}

/// Starts a token server whose tokens the API of `project` takes.
fn good_server(project: &Project) -> TokenServer {
    TokenServer::tencent(tokens_of(project))
}

/// Returns what issues the token of an account.
fn tokens_of(project: &Project) -> impl Fn(&str) -> String + Send + Sync + 'static {
    let numbers = 0..100;
    let tokens: std::collections::HashMap<String, String> =
        numbers.map(|number| (app_id(number), project.api().issue_token(&app_id(number)))).collect();
    move |app_id| tokens[app_id].clone()
}
