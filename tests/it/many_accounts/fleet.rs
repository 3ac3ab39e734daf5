//! Many accounts at a simulated API on loopback, and the pipeline file that reads them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt::Write as _;
use std::process::Command;
use std::thread::JoinHandle;
use std::time::Duration;

use fanout::simulator::{Effect, Endpoint, Fault, Simulator, When};
use serde_json::Value;

use crate::support::outputs::only_openids;
use crate::support::{Project, peak_kib, variable};

/// Few enough for a debug build and a test of every day.
const FEW: usize = 250;
/// Accounts that are read at the same time.
const AT_ONCE: usize = 200;
const LATENCY: Duration = Duration::from_millis(100);
/// The calls of any kind that fail by chance.
const CHANCE: f64 = 0.02;
/// The smallest and the largest list.
const FOLLOWERS: (f64, f64) = (200.0, 50_000.0);

/// Returns how many accounts there are.
pub(crate) fn accounts() -> usize {
    variable("MANY_ACCOUNTS").map_or(FEW, |count| count.parse().unwrap())
}

/// One account, and what is wrong with it.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) app_id: String,
    pub(crate) followers: u64,
    pub(crate) fate: Fate,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    Good,
    Bad(Trouble),
}

/// What is always wrong with an account.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trouble {
    WrongSecret,
    AddressNotAllowed,
    NotAuthorized,
    CallsUsedUp,
    Truncated,
}

const TROUBLES: [Trouble; 5] = [
    Trouble::WrongSecret,
    Trouble::AddressNotAllowed,
    Trouble::NotAuthorized,
    Trouble::CallsUsedUp,
    Trouble::Truncated,
];

impl Trouble {
    /// Words in the report's error.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::WrongSecret => "40125",
            Self::AddressNotAllowed => "40164",
            Self::NotAuthorized => "48001",
            Self::CallsUsedUp => "45009",
            Self::Truncated => "the call for the first page failed",
        }
    }

    fn fault(self) -> Fault {
        let always = |effect| Fault::new(Endpoint::UserGet, When::Always, effect);
        match self {
            Self::WrongSecret => Fault::new(Endpoint::StableToken, When::Always, Effect::errcode(40125)),
            Self::AddressNotAllowed => Fault::new(Endpoint::StableToken, When::Always, Effect::errcode(40164)),
            Self::NotAuthorized => always(Effect::errcode(48001)),
            Self::CallsUsedUp => always(Effect::errcode(45009)),
            Self::Truncated => always(Effect::Truncate(100)),
        }
    }
}

/// The accounts, and the project that reads them.
pub(crate) struct Fleet {
    accounts: Vec<Account>,
    project: Project,
}

impl Fleet {
    pub(crate) fn new() -> Self {
        Self::of(accounts())
    }

    /// Makes a fleet of `count` accounts. One in 25 always fails, ten at the most.
    pub(crate) fn of(count: usize) -> Self {
        let bad = (count / 25).clamp(1, 10);
        let accounts: Vec<Account> = (0..count)
            .map(|place| {
                // Sizes grow exponentially: many small accounts, few large ones.
                let share = (place * 7_919 % count) as f64 / count as f64;
                let fate = match place % (count / bad) {
                    0 if place / (count / bad) < bad => Fate::Bad(TROUBLES[place / (count / bad) % TROUBLES.len()]),
                    _ => Fate::Good,
                };
                Account {
                    name: format!("account-{place:04}"),
                    app_id: format!("wx{place:016}"),
                    followers: (FOLLOWERS.0 * (FOLLOWERS.1 / FOLLOWERS.0).powf(share)) as u64,
                    fate,
                }
            })
            .collect();
        let mut builder = Simulator::builder().latency(LATENCY);
        for (seed, effect) in (1..).zip([Effect::status(503), Effect::errcode(-1), Effect::Reset, Effect::Truncate(40)])
        {
            for endpoint in [Endpoint::UserGet, Endpoint::StableToken] {
                let when = When::Chance { probability: CHANCE / 4.0, seed };
                builder = builder.fault(Fault::new(endpoint, when, effect.clone()));
            }
        }
        for account in &accounts {
            builder = builder.account(&account.app_id, account.followers);
            if let Fate::Bad(trouble) = account.fate {
                builder = builder.fault(trouble.fault().account(&account.app_id));
            }
        }
        let limits = format!("limits = {{ accounts = {AT_ONCE}, calls_per_host = {AT_ONCE} }}");
        let mut project = Project::builder().name("many_accounts").keys(&limits).simulator(builder);
        for account in &accounts {
            project = project.account(&account.name, &account.app_id);
        }
        let lines = "[sinks.lines]\ntype = 'ndjson'\ncolumns = ['openid']\noptions = { root = 'out' }";
        Self { accounts, project: project.sinks(lines).build() }
    }

    pub(crate) fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// Returns the accounts that meet no fault but those that happen by chance.
    pub(crate) fn good(&self) -> impl Iterator<Item = &Account> {
        self.accounts.iter().filter(|account| matches!(account.fate, Fate::Good))
    }

    /// Makes the API stop within each page of an account.
    pub(crate) fn silence(&self, account: &Account) {
        let stall = Fault::new(Endpoint::UserGet, When::Always, Effect::Stall);
        self.project.api().add_fault(stall.account(&account.app_id));
    }

    /// Returns the command that reads all accounts.
    pub(crate) fn run(&self, more: &[&str]) -> Command {
        self.project.run_command(&[&["--json"], more].concat())
    }

    /// Returns the folder of all lists.
    pub(crate) fn outputs(&self) -> std::path::PathBuf {
        self.project.path("out")
    }

    /// Returns the followers that an account has.
    pub(crate) fn truth(&self, account: &Account) -> Vec<String> {
        self.project.truth_of(&account.app_id)
    }

    /// Returns the followers that were published for an account, of whatever date.
    pub(crate) fn published(&self, account: &Account) -> Vec<String> {
        let mut rows = Vec::new();
        for date in std::fs::read_dir(self.project.path("out")).unwrap() {
            let part = date.unwrap().path().join(format!("account={}/part-00000.ndjson", account.name));
            if let Ok(text) = std::fs::read_to_string(part) {
                rows.extend(only_openids(&text));
            }
        }
        rows
    }

    /// Returns the accounts whose lists are published, as the commit records show.
    pub(crate) fn finished(&self) -> Vec<&Account> {
        let is_committed = |account: &&Account| {
            let state = self.project.path("state").join(&account.app_id).join("followers");
            let walks = std::fs::read_dir(state).into_iter().flatten();
            walks.flatten().any(|walk| {
                let commits = std::fs::read_dir(walk.path().join("commits")).into_iter().flatten().flatten();
                commits.into_iter().any(|commit| commit.path().extension().is_some_and(|kind| kind == "json"))
            })
        };
        self.accounts.iter().filter(is_committed).collect()
    }

    /// Returns how many calls for pages an account has made.
    pub(crate) fn calls(&self, account: &Account) -> u64 {
        self.project.api().user_get_calls(&account.app_id)
    }

    /// Compares how long a run took with how long it must take.
    pub(crate) fn describe(&self, seconds: f64, peak_kib: u64, reports: &[Value]) -> String {
        let requests = self.project.api().requests();
        let calls = requests.total();
        let followers: u64 = self.accounts.iter().map(|account| account.followers).sum();
        let alone = calls_alone(reports);
        let mut text =
            format!("many accounts: {} accounts, {followers} followers, {calls} calls ({requests:?})\n", reports.len());
        let _ = writeln!(
            text,
            "many accounts: {seconds:.1} s, peak {} MiB; the calls alone take {alone:.1} s, so {:.2} times that",
            peak_kib >> 10,
            seconds / alone
        );
        for report in reports.iter().filter(|report| report["verdict"] == "failed") {
            let _ = writeln!(text, "many accounts: {}: {}", report["account"], report["error"]);
        }
        text
    }
}

/// Returns the seconds that a run takes if nothing but calls takes any: those of an account follow
/// one another, and the accounts begin in their order, [`AT_ONCE`] at the same time. An account
/// that has failed takes as long as its report says, because it waits between its tries; the waits
/// of the others do not count.
fn calls_alone(reports: &[Value]) -> f64 {
    let of_account = |report: &Value| {
        if report["verdict"] == "failed" {
            return Duration::from_secs_f64(report["seconds"].as_f64().unwrap());
        }
        // For the token, and for the calls that are left.
        LATENCY * (2 + report["calls"].as_u64().unwrap() as u32)
    };
    let mut places: BinaryHeap<Reverse<Duration>> = vec![Reverse(Duration::ZERO); AT_ONCE].into();
    let mut last = Duration::ZERO;
    for report in reports {
        let Reverse(begun) = places.pop().expect("each account gives its place back");
        let ended = begun + of_account(report);
        last = last.max(ended);
        places.push(Reverse(ended));
    }
    last.as_secs_f64()
}

/// Watches the memory of a process until it ends; the result is its peak in KiB.
pub(crate) fn watch_memory(process: u32) -> JoinHandle<u64> {
    std::thread::spawn(move || {
        let mut peak = 0;
        while let Some(kib) = peak_kib(process) {
            peak = peak.max(kib);
            std::thread::sleep(Duration::from_millis(20));
        }
        peak
    })
}
