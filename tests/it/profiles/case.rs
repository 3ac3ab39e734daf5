//! One case: what is odd about the API, what comes of the list, and how many calls that takes.
//!
//! The list has 300 people in four batches: 99 of their own, 99 and the seam twice, and at last
//! three and the seam. The program makes one call at a time, so that the calls can be counted.

use std::path::PathBuf;

use chrono::{DateTime, SecondsFormat};
use fanout::simulator::{
    Effect, Endpoint, Fault, Flaw, Oddity, Profile, Simulator, SimulatorBuilder, Standing, When, Who,
};
use serde_json::{Value, json};

use crate::support::Project;

const APP_ID: &str = "wx0000000000000001";

pub(super) const PEOPLE: u64 = 300;
/// The batches of the list.
pub(super) const BATCHES: u64 = 4;
/// The calls of an undisturbed walk: its batches, and the last person alone, whom no other batch
/// repeats.
pub(super) const CALLS: Calls = Calls { batches: BATCHES, singles: 1 };

/// People in the second batch and in no other: behind its beginning, in its middle.
pub(super) const EARLIER: u64 = 120;
pub(super) const MIDDLE: u64 = 150;
/// The last person of the first batch, with whom the second one begins.
pub(super) const SEAM: u64 = 98;
/// The last person of the list.
pub(super) const LAST: u64 = PEOPLE - 1;
/// The people of the second batch, and those of them who are its own.
pub(super) const WIDTH: u64 = 100;
pub(super) const OWN: u64 = 99;

/// Returns the place of a person in the second batch.
pub(super) fn place(index: u64) -> u64 {
    index - SEAM
}

/// The calls for batches and for single people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Calls {
    pub(super) batches: u64,
    pub(super) singles: u64,
}

/// Returns the calls until each of `width` people has been in a reply, if each request with one of
/// those at `bad` fails.
pub(super) fn halved(width: u64, bad: &[u64]) -> u64 {
    fn calls(from: u64, to: u64, bad: &[u64]) -> u64 {
        if to - from == 1 || !bad.iter().any(|place| (from..to).contains(place)) {
            return 1;
        }
        let middle = from + (to - from).div_ceil(2);
        1 + calls(from, middle, bad) + calls(middle, to, bad)
    }
    calls(0, width, bad)
}

/// A case, which begins as an undisturbed walk.
pub(super) struct Case {
    simulator: SimulatorBuilder,
    set: Vec<&'static str>,
    /// The rows that differ from what the simulator says at the end of the run.
    rows: Vec<(u64, Instead)>,
    empty_is_absent: bool,
    expected: Expected,
}

/// What the row of a person says, if not what is true at the end of the run.
#[derive(Clone, Copy)]
pub(super) enum Instead {
    /// What is true without any flaw.
    Plain,
    /// This outcome, and nothing else.
    Nothing(Standing),
}

enum Expected {
    List { calls: Calls },
    Error { exit: i32, calls: Calls, words: Vec<&'static str>, next_day: Calls },
}

/// Makes a test of each row of a table.
macro_rules! cases {
    ($($name:ident: $case:expr;)*) => {
        $(
            #[test]
            fn $name() {
                $case.check();
            }
        )*
    };
}
pub(super) use cases;

impl Case {
    pub(super) fn undisturbed() -> Self {
        let simulator = Simulator::builder().followers(PEOPLE);
        let expected = Expected::List { calls: CALLS };
        Self { simulator, set: Vec::new(), rows: Vec::new(), empty_is_absent: false, expected }
    }

    /// Changes the API.
    pub(super) fn of(change: impl FnOnce(SimulatorBuilder) -> SimulatorBuilder) -> Self {
        let case = Self::undisturbed();
        Self { simulator: change(case.simulator), ..case }
    }

    pub(super) fn fault(fault: Fault) -> Self {
        Self::undisturbed().and(fault)
    }

    /// Meets the first call for a batch with the person in the middle of the second one.
    pub(super) fn once(effect: Effect) -> Self {
        Self::fault(Fault::new(Endpoint::BatchGet, When::Naming(MIDDLE), effect).times(1))
    }

    /// Meets every call for a batch with that person.
    pub(super) fn there(effect: Effect) -> Self {
        Self::fault(Fault::new(Endpoint::BatchGet, When::Naming(MIDDLE), effect))
    }

    /// Meets every call of this endpoint.
    pub(super) fn every(endpoint: Endpoint, effect: Effect) -> Self {
        Self::fault(Fault::new(endpoint, When::Always, effect))
    }

    /// Makes this person odd.
    pub(super) fn odd(index: u64, oddity: Oddity) -> Self {
        Self::flawed(Who::Index(index), oddity)
    }

    /// Makes these people odd.
    pub(super) fn flawed(who: Who, oddity: Oddity) -> Self {
        Self::undisturbed().and_flaw(who, oddity)
    }

    /// Adds a fault.
    pub(super) fn and(self, fault: Fault) -> Self {
        Self { simulator: self.simulator.fault(fault), ..self }
    }

    /// Makes these people odd as well.
    pub(super) fn and_flaw(self, who: Who, oddity: Oddity) -> Self {
        Self { simulator: self.simulator.flaw(Flaw::new(who, oddity)), ..self }
    }

    /// Sets keys of the pipeline file.
    pub(super) fn set(mut self, keys: &[&'static str]) -> Self {
        self.set.extend(keys);
        self
    }

    /// Expects that a reader takes what is empty for absent.
    pub(super) fn without_what_is_empty(self) -> Self {
        Self { empty_is_absent: true, ..self }
    }

    /// Expects another row of this person than what is true at the end.
    pub(super) fn but(mut self, index: u64, row: Instead) -> Self {
        self.rows.push((index, row));
        self
    }

    /// Expects the list, after this number of calls for batches and for single people.
    pub(super) fn publishes(self, batches: u64, singles: u64) -> Self {
        Self { expected: Expected::List { calls: Calls { batches, singles } }, ..self }
    }

    /// Expects that nothing is published, that stderr has these words, and that the next day's run
    /// begins anew.
    pub(super) fn fails(self, exit: i32, batches: u64, singles: u64, words: &[&'static str]) -> Self {
        let expected =
            Expected::Error { exit, calls: Calls { batches, singles }, words: words.to_vec(), next_day: CALLS };
        Self { expected, ..self }
    }

    /// Expects that the next day's run asks for the rest of this list, which takes so many calls,
    /// and for its own list.
    pub(super) fn goes_on(mut self, batches: u64, singles: u64) -> Self {
        let Expected::Error { next_day, .. } = &mut self.expected else { panic!("it does not fail") };
        *next_day = Calls { batches: CALLS.batches + batches, singles: CALLS.singles + singles };
        self
    }

    pub(super) fn check(self) {
        let keys = "[source]\nretry = { attempts = 3, base_ms = 1, max_ms = 4 }\n\
                    [source.profiles]\nconcurrency = 1\nask_again_after_secs = 0";
        let project = Project::builder().keys(keys).account("brand", APP_ID).date("2026-01-15");
        let people = "[sinks.people]\ntype = 'ndjson'\nlist = 'profiles'\n[sinks.people.options]\nroot = 'out'";
        let project = project.sinks(people).simulator(self.simulator.clone()).build();
        let set: Vec<&str> = self.set.iter().flat_map(|key| ["--set", key]).collect();
        let ended = project.run(&set);
        match &self.expected {
            Expected::List { calls } => {
                assert_eq!(ended.code, Some(0), "{ended:?}");
                assert_eq!(rows(&project), [self.truth(&project)]);
                assert_eq!(calls_of(&project), *calls);
            }
            Expected::Error { exit, calls, words, next_day } => {
                assert_eq!(ended.code, Some(*exit), "{ended:?}");
                for word in words {
                    assert!(ended.stderr.contains(word), "`{word}` is not in: {}", ended.stderr);
                }
                assert_eq!(rows(&project), [[Value::Null; 0]; 0], "nothing is published");
                assert_eq!(calls_of(&project), *calls);

                project.api().clear_faults();
                project.api().clear_flaws();
                project.api().begin_next_day();
                project.finish(&set);
                let lists = rows(&project);
                let both = next_day.batches > CALLS.batches || next_day.singles > CALLS.singles;
                assert_eq!(lists.len(), if both { 2 } else { 1 });
                assert!(lists.iter().all(|list| *list == self.truth(&project)));
                let after = calls_of(&project);
                let today = Calls { batches: after.batches - calls.batches, singles: after.singles - calls.singles };
                assert_eq!(today, *next_day);
            }
        }
    }

    /// Returns the rows that the list should have.
    fn truth(&self, project: &Project) -> Vec<Value> {
        let now = project.api().profiles(APP_ID);
        let row = |index| {
            let instead = self.rows.iter().find(|(other, _)| *other == index).map(|(_, row)| *row);
            let profile = match instead {
                None => now.get(index),
                Some(Instead::Plain) => now.without_flaws(index),
                Some(Instead::Nothing(standing)) => Profile::without_row(now.get(index).openid, standing),
            };
            self.row(index, &profile)
        };
        (0..PEOPLE).map(row).collect()
    }

    fn row(&self, position: u64, profile: &Profile) -> Value {
        let text = |text: &Option<String>| text.clone().filter(|text| !self.empty_is_absent || !text.is_empty());
        let time = profile
            .subscribe_time
            .map(|time| DateTime::from_timestamp(time, 0).unwrap().to_rfc3339_opts(SecondsFormat::Micros, true));
        let tags = profile.tagid_list.clone().filter(|tags| !self.empty_is_absent || !tags.is_empty());
        json!({
            "app_id": APP_ID,
            "openid": profile.openid,
            "outcome": outcome(profile.standing),
            "unionid": profile.unionid,
            "subscribe_time": time,
            "subscribe_scene": profile.subscribe_scene,
            "qr_scene": profile.qr_scene,
            "qr_scene_str": text(&profile.qr_scene_str),
            "remark": text(&profile.remark),
            "tagid_list": tags,
            "groupid": profile.groupid,
            "language": profile.language,
            "position": position,
        })
    }
}

fn outcome(standing: Standing) -> &'static str {
    match standing {
        Standing::Follows => "follows",
        Standing::Left => "left",
        Standing::Refused => "refused",
        Standing::Unreadable => "unreadable",
    }
}

fn calls_of(project: &Project) -> Calls {
    let requests = project.api().requests();
    Calls { batches: requests.batch_get, singles: requests.user_info }
}

/// Returns the rows of each list that is published, without the time at which they were fetched.
fn rows(project: &Project) -> Vec<Vec<Value>> {
    let is_list = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "ndjson");
    let row = |line: &str| {
        let mut row: Value = serde_json::from_str(line).unwrap();
        let fetched_at = row.as_object_mut().unwrap().remove("fetched_at").unwrap();
        assert!(fetched_at.as_str().unwrap().starts_with("2026-01-1"), "{fetched_at}");
        row
    };
    let lists = project.files().into_iter().filter(|path| path.starts_with(project.path("out")) && is_list(path));
    lists.map(|path| std::fs::read_to_string(path).unwrap().lines().map(row).collect()).collect()
}
