//! Power cuts: a run on a disk that records what is done to it; then, for each moment, states that
//! the disk may be in if the power fails there.
//!
//! No state breaks the order journal, decision, list, commit record, and the same command finishes
//! the work. Each state is looked at; in some of them that command is run. `CUTS` is how many times
//! as many states are tried, and `CUTS_SEED` repeats a failure.

mod disk;
mod walks;

use std::collections::HashSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::process::Command;

use chrono::TimeDelta;
use fanout::simulator::{Event, Simulator, Tag};
use serde_json::Value;

use crate::crash_safety::small_disk::way_to_mount;
use crate::places::mounts::FUSE;
use crate::places::python_with_fuse;
use crate::support::outputs::{openids, published};
use crate::support::{Ended, Project, Random, noon, say, seed, variable, wrapped};
use disk::{History, Kept, State, restore};
use walks::{Walk, walk_of, walks};

/// The states of each moment, besides [`ANY`] ones at random.
const STATES: [Kept; 3] = [Kept::Nothing, Kept::Everything, Kept::Names];
const ANY: usize = 2;
/// In how many states of each kind of run the command is run again.
const RUNS: usize = 20;

const APP_ID: &str = "wxpower";
const DATE: &str = "2026-11-22";
const DATE_BEFORE: &str = "2026-11-21";
const PAGE_SIZE: u64 = 40;
const PAGES: u64 = 4;
/// The most calls that a restart adds: the page that is read again, the one that was under way, and
/// a token.
const CALLS_OF_A_RESTART: u64 = 3;
const OLDER_PAGES: u64 = 2;

/// A sink: its name, type, list, and options.
type Sink = (&'static str, &'static str, &'static str, &'static str);

/// The sinks in the order in which they commit.
const OF_FOLLOWERS: &[Sink] = &[
    ("lake", "parquet", "followers", ""),
    ("lines", "ndjson", "followers", ""),
    ("single", "ndjson", "followers", "layout = 'followers.ndjson'"),
];
const OF_TAGS: &[Sink] = &[("people", "ndjson", "tag_members", ""), ("tags", "ndjson", "tags", "")];
const TAGS: [(i32, u64); 3] = [(100, 25), (101, 30), (102, 0)];
const OF_PROFILES: &[Sink] = &[("people", "ndjson", "profiles", ""), ("lines", "ndjson", "followers", "")];
const OF_CHANGES: &[Sink] = &[("changes", "ndjson", "changes", "")];
/// Who leaves between two nights, and who comes.
const LEAVE: [u64; 2] = [3, 77];
const FOLLOW: [u64; 3] = [160, 161, 162];

/// Makes a project with everything that it writes on the disk.
fn project(sinks: &[Sink], pages: u64) -> Project {
    let simulator = Simulator::builder().followers(pages * PAGE_SIZE).page_size(PAGE_SIZE).seed(pages);
    let simulator =
        simulator.tag_page_size(10).tags(TAGS.map(|(id, people)| Tag::new(id, format!("tag {id}"), people)));
    let keys =
        "[journal]\npath = 'disk/state'\n[tags]\nrecount_after_secs = 0\n[source]\nprofiles.ask_again_after_secs = 0";
    let builder = Project::builder().name("power").keys(keys).account("brand", APP_ID).date(DATE).simulator(simulator);
    let sinks = sinks.iter().map(|(sink, kind, list, options)| {
        let options = format!("[sinks.{sink}.options]\nroot = 'disk/out/{sink}'\n{options}\n");
        format!("[sinks.{sink}]\ntype = '{kind}'\nlist = '{list}'\n{options}")
    });
    builder.sinks(&sinks.collect::<String>()).build()
}

/// Returns what the rows of a list are, in their order.
fn truth(project: &Project, list: &str) -> Vec<String> {
    let roster = project.api().roster(APP_ID);
    let of_tag = |(id, _)| roster.members(id).map(|index| roster.openid(index)).collect::<Vec<_>>();
    match list {
        "followers" | "profiles" => project.truth(),
        "changes" => {
            let each = |change, people: &[u64]| {
                people.iter().map(|&index| format!("{change} {}", roster.openid(index))).collect::<Vec<_>>()
            };
            let mut changes = [each("unfollowed", &LEAVE), each("followed", &FOLLOW)].concat();
            changes.sort();
            changes
        }
        "tag_members" => TAGS.into_iter().flat_map(of_tag).collect(),
        "tags" => TAGS.map(|(id, _)| format!("tag {id}")).into(),
        _ => unreachable!("no sink takes it"),
    }
}

/// Reads the rows that a sink has published.
fn rows(files: &[PathBuf], list: &str) -> Vec<String> {
    if list == "followers" {
        return openids(files);
    }
    let text: String = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let columns: &[&str] = match list {
        "tags" => &["name"],
        "changes" => &["change", "openid"],
        _ => &["openid"],
    };
    let row = |line| {
        let row: Value = serde_json::from_str(line).unwrap();
        columns.iter().map(|column| row[column].as_str().unwrap()).collect::<Vec<_>>().join(" ")
    };
    let mut rows: Vec<String> = text.lines().map(row).collect();
    if list == "changes" {
        rows.sort();
    }
    rows
}

fn root(project: &Project, sink: &str) -> PathBuf {
    project.path("disk/out").join(sink)
}

/// What has happened before a run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    /// A list of the same date is published.
    List,
    /// The night before has run, and people have come and left since.
    Night,
}

/// A kind of run.
struct Kind {
    name: &'static str,
    sinks: &'static [Sink],
    before: Before,
    /// The operations that the disk lacks.
    lacks: &'static str,
}

impl Kind {
    fn check(&self) {
        let Some(way) = way_to_mount() else { return };
        let Some(python) = python_with_fuse() else { return };
        let seed = seed("CUTS_SEED");
        say(&format!("power cuts: CUTS_SEED={seed}"));
        let project = project(self.sinks, PAGES);
        fs::create_dir(project.path("disk")).unwrap();
        let (mut older, mut more) = (None, &[][..]);
        match self.before {
            Before::Nothing => {}
            Before::List => {
                let other = self::project(self.sinks, OLDER_PAGES);
                project.finish(&["--set", &format!("source.base_url={}", other.api().base_url())]);
                (older, more) = (Some(other.truth()), &["--fresh"]);
            }
            Before::Night => {
                project.clock.set(noon(DATE_BEFORE));
                project.finish(&[]);
                let between = noon(DATE) - TimeDelta::hours(9);
                for event in [Event::leave(LEAVE), Event::follow(FOLLOW, between)] {
                    project.api().happen(APP_ID, &event);
                }
                project.clock.set(noon(DATE));
            }
        }
        let calls = project.api().requests().total();
        let history = record(&project, way, &python, self.lacks, more);
        let case = Case { kind: self, project: &project, older, calls: project.api().requests().total() - calls };

        let disk = project.path("disk");
        fs::create_dir_all(&disk).unwrap();
        let times = variable("CUTS").map_or(1, |times| times.parse().unwrap());
        let mut random = Random(seed);
        let (mut states, mut digests, mut on_disk) = (Vec::new(), HashSet::new(), State::new());
        for moment in history.moments() {
            for kept in STATES.into_iter().chain(std::iter::repeat_n(Kept::Any, ANY * times)) {
                let seed = random.below(u64::MAX);
                let mut hasher = DefaultHasher::new();
                let state = history.state(moment, kept, &mut Random(seed));
                state.hash(&mut hasher);
                if digests.insert(hasher.finish()) {
                    restore(&state, &on_disk, &disk);
                    on_disk = state;
                    let _place = Place(&case, moment, kept);
                    case.keeps_the_order();
                    states.push((moment, kept, seed));
                }
            }
        }
        let runs = states.len().min(RUNS * times);
        for run in 0..runs {
            let other = run + random.below((states.len() - run) as u64) as usize;
            states.swap(run, other);
            let (moment, kept, seed) = states[run];
            fs::remove_dir_all(&disk).unwrap();
            fs::create_dir(&disk).unwrap();
            restore(&history.state(moment, kept, &mut Random(seed)), &State::new(), &disk);
            let _place = Place(&case, moment, kept);
            case.is_finished_by_the_same_command();
        }
        say(&format!(
            "power cuts: {}: {} moments, {} syncs, {} states, {runs} of them finished by a run",
            self.name,
            history.moments().count(),
            history.syncs(),
            states.len(),
        ));
    }
}

/// Runs the pipeline on the disk, and returns what was done to it.
fn record(project: &Project, way: &[&str], python: &str, lacks: &str, more: &[&str]) -> History {
    fs::rename(project.path("disk"), project.path("elsewhere")).unwrap();
    let script = format!("set -e; trap 'umount disk' EXIT; {FUSE}; \"$@\"");
    let mut outer = Command::new("unshare");
    outer.args(way).arg("env").arg(format!("PYTHON={python}")).arg(format!("OPERATIONS=log {lacks}"));
    outer
        .arg(format!("SCRIPT={}/tests/it/power_cuts/recorder.py", env!("CARGO_MANIFEST_DIR")))
        .args(["sh", "-c", &script, "sh"]);
    Ended::of(&mut wrapped(outer, &project.run_command(more))).good();
    History::read(&project.path("log"))
}

/// Says in a failure where it was, and what is on the disk.
struct Place<'a>(&'a Case<'a>, usize, Kept);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self(case, moment, kept) = self;
            say(&format!("{}: the power fails at {moment}, {kept:?} is kept", case.kind.name));
            let files = case.project.files().into_iter().filter(|path| path.starts_with(case.project.path("disk")));
            say(&format!("{:#?}", files.collect::<Vec<_>>()));
        }
    }
}

struct Case<'a> {
    kind: &'a Kind,
    project: &'a Project,
    /// The followers of the older list.
    older: Option<Vec<String>>,
    /// The calls of the run.
    calls: u64,
}

impl Case<'_> {
    /// Returns the walks of a list that are on the disk.
    fn walks(&self, list: &str) -> Vec<Walk> {
        walks(&self.project.path("disk/state").join(APP_ID).join(list))
    }

    /// Asserts that what is on the disk now is there in the promised order, and that readers find
    /// whole lists.
    fn keeps_the_order(&self) {
        for &(sink, _, list, _) in self.kind.sinks {
            let walks = self.walks(list);
            let committed = walks.iter().rposition(|walk| walk.has_commit_of(sink));
            let shown = published(&root(self.project, sink)).map(|list| {
                let walk = walk_of(&list.files[0]);
                let shown = walks.iter().position(|other| other.name == walk && other.is_decided);
                shown.unwrap_or_else(|| panic!("{sink} shows a list of {walk}, which is not decided"))
            });
            // The older list may be out of its place while a newer one takes it.
            let newer = &walks[committed.map_or(0, |committed| committed + 1)..];
            let is_replaced =
                (sink == "single" || !self.kind.lacks.is_empty()) && newer.iter().any(|walk| walk.is_decided);
            assert!(
                shown >= committed || (shown.is_none() && is_replaced),
                "{sink} shows {shown:?}, and {committed:?} has its commit record"
            );
        }
    }

    /// Runs the same command, and asserts that it finishes the work.
    fn is_finished_by_the_same_command(&self) {
        let project = self.project;
        let new = usize::from(self.kind.before != Before::Nothing);
        let first_list = self.kind.sinks[0].2;
        let is_decided = self.walks(first_list).get(new).is_some_and(|walk| walk.is_decided);
        let had_commit =
            |(sink, _, list, _): &Sink| self.walks(list).get(new).is_some_and(|walk| walk.has_commit_of(sink));
        let had_commit: Vec<bool> = self.kind.sinks.iter().map(had_commit).collect();
        let calls = project.api().requests().total();
        project.finish(&[]);
        let calls = project.api().requests().total() - calls;
        assert!(calls <= if is_decided { 0 } else { self.calls + CALLS_OF_A_RESTART }, "{calls} calls");
        self.keeps_the_order();
        // Of a walk that was lost, a folder without a reply may be left.
        let is_lost = !self.walks(first_list).iter().skip(new).any(|walk| walk.is_decided);
        assert!(!is_lost || (!is_decided && self.older.is_some()), "the run has read no list");
        for (&(sink, _, list, _), had_commit) in self.kind.sinks.iter().zip(had_commit) {
            let published = published(&root(project, sink)).unwrap_or_else(|| panic!("{sink} has published nothing"));
            let truth = if is_lost { self.older.clone().unwrap() } else { truth(project, list) };
            assert!(rows(&published.files, list) == truth, "{sink} has other rows, or another order");
            // What comes back beside a list with its commit record, the next delivery removes.
            let staging = project.path("disk/out").join(format!("{sink}.staging"));
            assert!(is_lost || had_commit || !staging.exists(), "{} was left behind", staging.display());
        }
    }
}

#[test]
fn a_first_list_is_whole_and_in_order_after_a_power_cut_at_any_moment() {
    Kind { name: "a first list", sinks: OF_FOLLOWERS, before: Before::Nothing, lacks: "" }.check();
}

#[test]
fn a_list_that_replaces_another_one_is_whole_and_in_order_after_a_power_cut_at_any_moment() {
    Kind { name: "a newer list", sinks: OF_FOLLOWERS, before: Before::List, lacks: "" }.check();
}

#[test]
fn a_list_is_whole_and_in_order_after_a_power_cut_where_names_cannot_be_exchanged() {
    Kind {
        name: "a newer list, without exchange",
        sinks: OF_FOLLOWERS,
        before: Before::List,
        lacks: "exchange=EINVAL",
    }
    .check();
}

#[test]
fn lists_of_many_journals_are_whole_and_in_order_after_a_power_cut_at_any_moment() {
    Kind { name: "tags and their people", sinks: OF_TAGS, before: Before::Nothing, lacks: "" }.check();
}

#[test]
fn profiles_are_whole_and_in_order_after_a_power_cut_at_any_moment() {
    Kind { name: "profiles", sinks: OF_PROFILES, before: Before::Nothing, lacks: "" }.check();
}

#[test]
fn changes_are_whole_and_in_order_after_a_power_cut_at_any_moment() {
    Kind { name: "changes", sinks: OF_CHANGES, before: Before::Night, lacks: "" }.check();
}
