//! Histories of thirty nights with real processes that are killed at random moments.
//!
//! Each night the program runs until its changes are told, or it is killed and the next night has
//! to go on. What every sink was told is compared with what is true.

mod moments;
mod night;
mod outputs;
mod sinks;
mod truth;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use chrono::{DateTime, Days, TimeDelta, Utc};
use fanout::simulator::{Event, Simulator};

use self::sinks::Sink;
use self::truth::{Chain, Night, Version};
use self::world::World;
use super::{APP_ID, LINES, QUICK, WHOLE, calls};
use crate::support::outputs::are_equal_to_the_byte;
use crate::support::{Project, Random, noon, say, seed, variable};

/// The default of `HISTORIES`: how many there are.
const HISTORIES: u64 = 3;
const NIGHTS: u64 = 30;
const FIRST: &str = "2026-01-10";

const COUNT: u64 = 300;
const PAGE_SIZE: u64 = 90;
const LATENCY: Duration = Duration::from_millis(2);
/// One of so many nights is missed.
const MISSED: u64 = 10;
/// Keeps every walk.
const ALL: u64 = 999;

/// The followers themselves, which makes the list of the day one that `--fresh` reads again.
const FOLLOWERS: &str = "[sinks.ids]\ntype = 'ndjson'\noptions.root = 'out/ids'\n";

/// What was seen of all histories.
#[derive(Debug, Default)]
struct Tally {
    nights: u64,
    missed: u64,
    left_open: u64,
    runs: u64,
    /// By what the run was doing.
    kills: BTreeMap<&'static str, u64>,
    /// Changes of people between the list and the end of its verification.
    in_between: u64,
    rows: BTreeMap<&'static str, u64>,
    holes: u64,
    fresh: u64,
    late_sinks: u64,
    /// People in questions: those who changed, and the controls.
    asked: u64,
    others_asked: u64,
    /// Histories whose journal was delivered again in another place.
    told_again: u64,
}

/// A history under way.
struct History<'a> {
    project: Project,
    random: Random,
    tally: &'a mut Tally,
    world: World,
    /// Everything that was true, oldest first.
    versions: Vec<Version>,
    verify: bool,
    keep: u64,
    /// What is told. `None` before the first night is.
    chain: Option<Chain>,
    /// The nights that may still be told.
    pending: Vec<Night>,
    sinks: Vec<Sink>,
    /// When the night began, and how many questions had been asked before.
    began: (i64, u64),
    /// How many calls of the log were looked at.
    looked_at: usize,
    /// The dates of which changes were told.
    told: Vec<String>,
}

#[test]
fn what_thirty_nights_with_kills_have_told_adds_up_to_the_last_list() {
    let seed = seed("CRASH_SEED");
    let histories = variable("HISTORIES").map_or(HISTORIES, |histories| histories.parse().unwrap());
    let mut tally = Tally::default();
    for history in 0..histories {
        // One history alone is repeated by its own seed and `HISTORIES=1`.
        say(&format!("histories: CRASH_SEED={}", seed + history));
        History::new(seed + history, &mut tally).run();
    }
    say(&format!("histories: {histories} of {NIGHTS} nights: {tally:?}"));
}

/// Returns the date of a night.
fn date(night: u64) -> String {
    (FIRST.parse::<chrono::NaiveDate>().unwrap() + Days::new(night)).to_string()
}

impl<'a> History<'a> {
    fn new(seed: u64, tally: &'a mut Tally) -> Self {
        let mut random = Random(seed);
        let verify = random.below(4) > 0;
        let keep = if random.below(2) == 0 { ALL } else { 1 + random.below(3) };
        say(&format!("histories: verify = {verify}, keep = {keep}"));
        let keys = format!(
            "{QUICK}\nmax_shortfall_percent = 50.0\n[journal]\nkeep = {keep}\n\
             [changes]\nverify = {verify}\nmax_change_percent = 100.0"
        );
        let simulator = Simulator::builder().followers(COUNT).page_size(PAGE_SIZE).seed(seed).latency(LATENCY);
        let builder = Project::builder().name("history").keys(&keys).account("brand", APP_ID);
        let project = builder.sinks(&format!("{LINES}{WHOLE}{FOLLOWERS}")).simulator(simulator).date(FIRST).build();
        let sinks = vec![Sink::new("lines", false, FIRST), Sink::new("whole", true, FIRST)];
        let world = World::new(COUNT, verify);
        Self {
            project,
            random,
            tally,
            world,
            versions: Vec::new(),
            verify,
            keep,
            chain: None,
            pending: Vec::new(),
            sinks,
            began: (0, 0),
            looked_at: 0,
            told: Vec::new(),
        }
    }

    fn run(mut self) {
        for night in 0..NIGHTS {
            self.project.clock.set(noon(&date(night)));
            let is_last = night + 1 == NIGHTS;
            for _ in 0..self.random.below(8) {
                let at = self.project.clock.now() - TimeDelta::minutes(60 + self.random.below(300) as i64);
                let events = self.world.change(&mut self.random, at);
                self.happen(events);
            }
            if is_last {
                let shown = self.world.show_all();
                self.happen([shown]);
            }
            self.note_version();
            if night > 0 && !is_last && self.random.below(MISSED) == 0 {
                self.tally.missed += 1;
                continue;
            }
            self.night(&date(night), is_last);
            self.end_version();
            self.tally.nights += 1;
        }
        self.is_the_last_list();
        if self.keep == ALL {
            self.is_told_again_in_another_place();
            self.tally.told_again += 1;
        }
    }

    /// Lets the simulator do what the model has done.
    fn happen(&self, events: impl IntoIterator<Item = Event>) {
        events.into_iter().for_each(|event| self.project.api().happen(APP_ID, &event));
    }

    /// Notes who follows from now on.
    fn note_version(&mut self) {
        let listed: BTreeSet<u64> = self.project.api().roster(APP_ID).listed().collect();
        assert!(listed == self.world.listed(), "the simulator does not what the model does");
        self.end_version();
        let now = self.seconds();
        self.versions.push(Version { people: self.world.people.clone(), from: now, until: i64::MAX });
    }

    /// Notes that no run asks any more about those who follow now, until something changes.
    fn end_version(&mut self) {
        let now = self.seconds();
        if let Some(last) = self.versions.last_mut() {
            last.until = last.until.min(now);
        }
    }

    fn now(&self) -> DateTime<Utc> {
        self.project.clock.now()
    }

    fn seconds(&self) -> i64 {
        self.now().timestamp()
    }

    /// Asserts that the last list, which lacks nobody, is what each sink has.
    fn is_the_last_list(&self) {
        let chain = self.chain.as_ref().unwrap();
        let following = self.world.following();
        assert!(chain.sum == following && chain.holes.is_empty(), "somebody is missing: {chain:?}");
        for sink in &self.sinks {
            let sum = outputs::add_up(&self.project, &sink.name, sink.beginning.clone().unwrap_or_default());
            assert!(sum == following, "{sink:?} has another sum: {:?}", sum.symmetric_difference(&following));
        }
    }

    /// Asserts that the journal alone tells all of it again in another place, to the byte.
    fn is_told_again_in_another_place(&self) {
        let (project, requests) = (&self.project, self.project.api().requests());
        let other = project.with_file(&fs::read_to_string(project.path("pipeline.toml")).unwrap());
        let state = project.path("state");
        for path in project.files().into_iter().filter(|path| path.starts_with(&state)) {
            let below = path.strip_prefix(project.path("")).unwrap();
            if below.components().all(|part| part.as_os_str() != "commits") {
                let there = other.path("").join(below);
                fs::create_dir_all(there.parent().unwrap()).unwrap();
                fs::create_dir_all(there.parent().unwrap().join("commits")).unwrap();
                fs::copy(&path, there).unwrap();
            }
        }
        other.fanout(&["replay", "pipeline.toml"]).good();
        assert_eq!(project.api().requests(), requests, "a replay calls nobody");
        are_equal_to_the_byte(&project.path("out"), &other.path("out"));
    }
}
