//! Chaos: many short walks of the real process with random faults, killed at random moments. Each
//! run ends with the exact list, or with an error that says why and what to do; and without faults
//! the same command publishes the exact list.
//!
//! Walk number `n` of a test depends on `CHAOS_SEED + n` alone, and on the clock where a process is
//! killed after some time. `CHAOS_SEED=<its seed> CHAOS_WALKS=1` repeats it.

mod disturbance;
mod faults;

use std::collections::{BTreeMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use fanout::simulator::Simulator;

use crate::support::four_sinks::{self, CALLS_OF_A_RESTART, holds_nothing_or_a_whole_list, holds_the_list};
use crate::support::{Ended, Project, Random, say, seed, variable};
use disturbance::{Disturbance, damage};
use faults::List;

/// The default of `CHAOS_WALKS`.
const WALKS: u64 = 60;
/// The most runs of a walk with faults and disturbances.
const MOST_WILD_RUNS: u64 = 5;
/// The most runs that a walk may need after that: one may end in an error whose hint is `--fresh`.
const MOST_CALM_RUNS: u64 = 2;

/// Timeouts and pauses that fit short walks. `max_shortfall_percent` is 0, so that no follower may
/// be missing.
const SETTINGS: [&str; 6] = [
    "source.retry.base_ms=1",
    "source.retry.max_ms=4",
    "source.retry.budget_secs=3",
    "source.retry.minute_secs=1",
    "source.idle_timeout_secs=1",
    "source.max_shortfall_percent=0",
];

/// What was seen of all walks.
#[derive(Debug, Default)]
struct Tally {
    walks: u64,
    runs: u64,
    /// Runs by exit code.
    exits: BTreeMap<&'static str, u64>,
    kills: u64,
    terminations: u64,
    file_limits: u64,
    damages: u64,
    faults: BTreeMap<&'static str, u64>,
    calls: u64,
    /// Calls beyond one undisturbed walk of each list.
    extra_calls: u64,
    broken: Broken,
    /// The seeds of walks that broke a promise.
    seeds: Vec<u64>,
}

/// What must never happen.
#[derive(Debug, Default, PartialEq, Eq)]
struct Broken {
    /// Followers that a list without an error did not have.
    lost: u64,
    /// Followers that it had twice.
    doubled: u64,
    /// Runs that ended with exit code 0 and a wrong list.
    false_successes: u64,
    /// Runs that did not end.
    hangs: u64,
    /// Runs that failed without an error and a hint.
    unclean: u64,
    /// Walks that no run could finish.
    unfinished: u64,
    /// Panics of the test; each has printed its message.
    other: u64,
}

#[test]
fn whatever_goes_wrong_a_walk_ends_exact_or_with_a_clean_error_and_exact_after_the_next_runs() {
    let first = seed("CHAOS_SEED");
    let walks = variable("CHAOS_WALKS").map_or(WALKS, |walks| walks.parse().unwrap());
    say(&format!("chaos: CHAOS_SEED={first} CHAOS_WALKS={walks}"));
    let next = AtomicU64::new(0);
    let tally = Mutex::new(Tally::default());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().unwrap().get() {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= walks {
                        break;
                    }
                    let seed = first + number;
                    let walk = catch_unwind(AssertUnwindSafe(|| Walk::new(seed).run()));
                    tally.lock().unwrap().add(seed, walk.ok());
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap();
    say(&format!("chaos: {tally:?}"));
    assert_eq!(tally.broken, Broken::default(), "CHAOS_WALKS=1 CHAOS_SEED=… of {:?}", tally.seeds);
    assert_eq!(tally.walks, walks);
}

impl Tally {
    /// Adds the tally of one walk; `None` means that it panicked.
    fn add(&mut self, seed: u64, walk: Option<Self>) {
        let walk = walk.unwrap_or_else(|| Self { broken: Broken { other: 1, ..Broken::default() }, ..Self::default() });
        if walk.broken != Broken::default() {
            self.seeds.push(seed);
        }
        self.walks += 1;
        for (sum, count) in [
            (&mut self.runs, walk.runs),
            (&mut self.kills, walk.kills),
            (&mut self.terminations, walk.terminations),
            (&mut self.file_limits, walk.file_limits),
            (&mut self.damages, walk.damages),
            (&mut self.calls, walk.calls),
            (&mut self.extra_calls, walk.extra_calls),
            (&mut self.broken.lost, walk.broken.lost),
            (&mut self.broken.doubled, walk.broken.doubled),
            (&mut self.broken.false_successes, walk.broken.false_successes),
            (&mut self.broken.hangs, walk.broken.hangs),
            (&mut self.broken.unclean, walk.broken.unclean),
            (&mut self.broken.unfinished, walk.broken.unfinished),
            (&mut self.broken.other, walk.broken.other),
        ] {
            *sum += count;
        }
        for (name, count) in walk.faults {
            *self.faults.entry(name).or_default() += count;
        }
        for (name, count) in walk.exits {
            *self.exits.entry(name).or_default() += count;
        }
    }
}

/// One list, and the runs that must publish it in the end.
struct Walk {
    random: Random,
    list: List,
    project: Project,
    attempts: u64,
    /// Whether the next run gets `--fresh`, as a hint has said.
    fresh: bool,
    has_begun_anew: bool,
    tally: Tally,
}

impl Walk {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let page_size = 5 + random.below(40);
        let list = List { followers: 1 + random.below(12 * page_size), page_size };
        let mut builder = Simulator::builder().followers(list.followers).page_size(page_size).seed(seed);
        let mut tally = Tally::default();
        for _ in 0..random.below(5) {
            let (name, fault) = faults::random(&mut random, &list);
            builder = builder.fault(fault);
            *tally.faults.entry(name).or_default() += 1;
        }
        let attempts = 1 + random.below(5);
        Self {
            random,
            list,
            project: four_sinks::project(builder),
            attempts,
            fresh: false,
            has_begun_anew: false,
            tally,
        }
    }

    fn run(mut self) -> Tally {
        let wild = self.random.below(MOST_WILD_RUNS + 1);
        let mut is_done = false;
        for run in 0..wild + MOST_CALM_RUNS {
            let is_calm = run >= wild;
            if is_calm {
                self.project.api().clear_faults();
            }
            let disturbance = if is_calm { Disturbance::Nothing } else { Disturbance::random(&mut self.random) };
            if self.run_once(disturbance, is_calm) {
                is_done = true;
                break;
            }
            if !is_calm && self.random.below(10) == 0 && damage(&mut self.random, &self.project) {
                self.tally.damages += 1;
            }
        }
        self.tally.broken.unfinished += u64::from(!is_done);
        self.tally.calls = self.project.calls();
        let undisturbed = self.list.pages() + 1;
        self.tally.extra_calls = self.tally.calls.saturating_sub(undisturbed);
        let is_plain = self.tally.faults.is_empty() && !self.has_begun_anew && self.tally.damages == 0;
        let most = undisturbed + CALLS_OF_A_RESTART * (self.tally.runs - 1);
        assert!(!is_plain || self.tally.calls <= most, "{} calls in {} runs", self.tally.calls, self.tally.runs);
        self.tally
    }

    fn command(&self) -> Command {
        let attempts = format!("source.retry.attempts={}", self.attempts);
        let settings = SETTINGS.iter().copied().chain([attempts.as_str()]);
        let mut arguments: Vec<_> = settings.flat_map(|setting| ["--set", setting]).collect();
        if self.fresh {
            arguments.push("--fresh");
        }
        self.project.run_command(&arguments)
    }

    /// Runs the pipeline once, and returns whether the exit code says that the list is published.
    fn run_once(&mut self, disturbance: Disturbance, is_calm: bool) -> bool {
        self.has_begun_anew |= self.fresh;
        let command = self.command();
        let run = disturbance.run(&mut self.random, command, &self.project, &self.list);
        self.tally.runs += 1;
        match disturbance {
            Disturbance::Nothing => {}
            Disturbance::Kill => self.tally.kills += u64::from(run.was_hit),
            Disturbance::Terminate => self.tally.terminations += u64::from(run.was_hit),
            Disturbance::FileLimit(_) => self.tally.file_limits += 1,
        }
        let ended = &run.ended;
        let (name, is_clean) = match ended.code {
            _ if run.hung => ("hung", true),
            Some(0) => ("0", true),
            Some(1) => ("1", is_understandable(ended)),
            Some(75) => ("75", is_understandable(ended)),
            Some(130) => ("130", run.was_hit && disturbance == Disturbance::Terminate),
            // SIGTERM may come before it is caught.
            None => ("killed", run.was_hit),
            Some(_) => ("another", false),
        };
        *self.tally.exits.entry(name).or_default() += 1;
        self.tally.broken.hangs += u64::from(run.hung);
        self.tally.broken.unclean += u64::from(!is_clean);
        if !is_clean || run.hung {
            say(&format!("chaos: {disturbance:?}: {ended:?}"));
        }
        let is_done = ended.code == Some(0);
        if is_done {
            self.judge();
        } else {
            holds_nothing_or_a_whole_list(&self.project, &[self.list.followers]);
        }
        // A person follows the hint, but not always at once.
        let says_fresh = ended.stderr.contains("start a new walk with `--fresh`");
        self.fresh = says_fresh && (is_calm || self.random.below(2) == 0);
        is_done
    }

    /// Compares the published list with the truth.
    fn judge(&mut self) {
        let truth = self.project.truth();
        let listed = four_sinks::listed(&self.project);
        let distinct: HashSet<_> = listed.iter().collect();
        let lost = truth.iter().filter(|openid| !distinct.contains(openid)).count();
        self.tally.broken.lost += lost as u64;
        self.tally.broken.doubled += (listed.len() - distinct.len()) as u64;
        // If a page that left out a follower is read again, that follower comes after those of
        // later pages.
        let may_differ = faults::REORDERING.iter().any(|kind| self.tally.faults.contains_key(kind));
        let is_exact = lost == 0 && listed.len() == truth.len();
        if listed == truth || (is_exact && may_differ) {
            holds_the_list(&self.project, &listed);
        } else {
            self.tally.broken.false_successes += 1;
            let place = listed.iter().zip(&truth).position(|(one, other)| one != other);
            say(&format!("chaos: {} followers of {}, the first other one at {place:?}", listed.len(), truth.len()));
        }
    }
}

/// Returns whether a failed run says why it failed and what to do.
fn is_understandable(ended: &Ended) -> bool {
    ended.stderr.contains("error: ") && ended.stderr.contains("hint: ") && !ended.stderr.contains("panicked")
}
