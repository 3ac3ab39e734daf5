//! Power cuts: a run on a disk that records what is done to it; then, for each moment, states that
//! the disk may be in if the power fails there.
//!
//! No state breaks the order journal, decision, list, commit record, and the same command finishes
//! the work. Each state is looked at; in some of them that command is run. `CUTS` is how many times
//! as many states are tried, and `CUTS_SEED` repeats a failure.

mod disk;

use std::collections::HashSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use fanout::simulator::Simulator;
use serde_json::Value;

use crate::crash_safety::small_disk::way_to_mount;
use crate::places::mounts::FUSE;
use crate::places::python_with_fuse;
use crate::support::outputs::{openids, published};
use crate::support::{Ended, Project, Random, say, seed, variable, wrapped};
use disk::{History, Kept, State, restore};

/// The states of each moment, besides [`ANY`] ones at random.
const STATES: [Kept; 3] = [Kept::Nothing, Kept::Everything, Kept::Names];
const ANY: usize = 2;
/// In how many states of each kind of run the command is run again.
const RUNS: usize = 20;

const APP_ID: &str = "wxpower";
const DATE: &str = "2026-11-22";
const PAGE_SIZE: u64 = 40;
const PAGES: u64 = 4;
/// The pages, the empty one at the end, and those that a restart adds.
const MOST_CALLS: u64 = PAGES + 1 + 2;
const OLDER_PAGES: u64 = 2;

/// Each sink with its type and options, in the order in which they commit.
const SINKS: [(&str, &str, &str); 3] =
    [("lake", "parquet", ""), ("lines", "ndjson", ""), ("single", "ndjson", "layout = 'followers.ndjson'")];

/// Makes a project with everything that it writes on the disk.
fn project(pages: u64) -> Project {
    let simulator = Simulator::builder().followers(pages * PAGE_SIZE).page_size(PAGE_SIZE).seed(pages);
    let builder = Project::builder().name("power").keys("[journal]\npath = 'disk/state'");
    let builder = builder.account("brand", APP_ID).date(DATE).simulator(simulator);
    let builder = SINKS.into_iter().fold(builder, |builder, (sink, kind, options)| {
        builder.sink(sink, kind, &format!("root = 'disk/out/{sink}'\n{options}"))
    });
    builder.build()
}

fn root(project: &Project, sink: &str) -> PathBuf {
    project.path("disk/out").join(sink)
}

/// A kind of run.
struct Kind {
    name: &'static str,
    /// Whether an older list is published already.
    has_older: bool,
    /// The operations that the disk lacks.
    lacks: &'static str,
}

impl Kind {
    fn check(&self) {
        let Some(way) = way_to_mount() else { return };
        let Some(python) = python_with_fuse() else { return };
        let seed = seed("CUTS_SEED");
        say(&format!("power cuts: CUTS_SEED={seed}"));
        let project = project(PAGES);
        fs::create_dir(project.path("disk")).unwrap();
        let mut older = None;
        if self.has_older {
            let other = self::project(OLDER_PAGES);
            project.finish(&["--set", &format!("source.base_url={}", other.api().base_url())]);
            older = Some(other.truth());
        }
        let more: &[&str] = if self.has_older { &["--fresh"] } else { &[] };
        let history = record(&project, way, &python, self.lacks, more);
        let case = Case { kind: self, project: &project, older };

        let disk = project.path("disk");
        fs::create_dir_all(&disk).unwrap();
        let times = variable("CUTS").map_or(1, |times| times.parse().unwrap());
        let mut random = Random(seed);
        let (mut states, mut seen, mut on_disk) = (Vec::new(), HashSet::new(), State::new());
        for moment in history.moments() {
            for kept in STATES.into_iter().chain(std::iter::repeat_n(Kept::Any, ANY * times)) {
                let seed = random.below(u64::MAX);
                let mut hasher = DefaultHasher::new();
                let state = history.state(moment, kept, &mut Random(seed));
                state.hash(&mut hasher);
                if seen.insert(hasher.finish()) {
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

/// A walk, as it lies on the disk.
struct Walk {
    name: String,
    is_decided: bool,
    /// The sinks that have a commit record.
    committed: Vec<String>,
}

struct Case<'a> {
    kind: &'a Kind,
    project: &'a Project,
    /// The followers of the older list.
    older: Option<Vec<String>>,
}

impl Case<'_> {
    /// Asserts that what is on the disk now is there in the promised order, and that readers find
    /// whole lists.
    fn keeps_the_order(&self) {
        let walks = walks(self.project);
        for (sink, ..) in SINKS {
            let list = published(&root(self.project, sink));
            let committed = walks.iter().rposition(|walk| walk.committed.iter().any(|committed| committed == sink));
            let shown = list.map(|list| {
                let walk = walk_of(&list.files[0]);
                let shown = walks.iter().position(|other| other.name == walk && other.is_decided);
                shown.unwrap_or_else(|| panic!("{sink} shows a list of {walk}, which is not decided"))
            });
            // The older list may be out of its place while a newer one takes it.
            let is_replaced = (sink == "single" || !self.kind.lacks.is_empty())
                && walks[committed.unwrap_or(0) + usize::from(committed.is_some())..]
                    .iter()
                    .any(|walk| walk.is_decided);
            assert!(
                shown >= committed || (shown.is_none() && is_replaced),
                "{sink} shows {shown:?}, and {committed:?} has its commit record"
            );
        }
    }

    /// Runs the same command, and asserts that it finishes the work.
    fn is_finished_by_the_same_command(&self) {
        let project = self.project;
        let new = usize::from(self.older.is_some());
        let before = walks(project);
        let is_decided = before.get(new).is_some_and(|walk| walk.is_decided);
        let calls = project.calls();
        project.finish(&[]);
        let mut truth = project.truth();
        if walks(project).len() == new {
            // The new walk was lost as a whole.
            assert!(!is_decided);
            truth.clone_from(self.older.as_ref().expect("a first run begins a walk"));
        }
        let most = if is_decided { 0 } else { MOST_CALLS };
        assert!(project.calls() - calls <= most, "{} calls", project.calls() - calls);
        self.keeps_the_order();
        for (sink, ..) in SINKS {
            let list = published(&root(project, sink)).unwrap_or_else(|| panic!("{sink} has published nothing"));
            assert!(openids(&list.files) == truth, "{sink} has other followers, or another order");
            // What the power cut has brought back beside a committed list, the next delivery removes.
            let is_delivered =
                before.get(new).is_some_and(|walk| !walk.committed.iter().any(|committed| committed == sink));
            let staging = project.path("disk/out").join(format!("{sink}.staging"));
            assert!(!is_delivered || !staging.exists(), "{} was left behind", staging.display());
        }
    }
}

/// Returns the walks on the disk, oldest first. Asserts that the records can be read, and that a
/// decided walk is whole.
fn walks(project: &Project) -> Vec<Walk> {
    let folder = project.path("disk/state").join(APP_ID).join("followers");
    let mut walks = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.ends_with('Z') {
            continue;
        }
        let is_decided = path.join("decision.json").exists();
        if is_decided {
            record_in(&path.join("decision.json"));
            assert!(is_whole(&path.join("pages")), "{name} is decided, and its journal is not whole");
        }
        let records = fs::read_dir(path.join("commits")).into_iter().flatten().map(|entry| entry.unwrap().path());
        let records = records.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
        let sink = |path: PathBuf| record_in(&path)["sink"].as_str().unwrap().to_owned();
        let committed: Vec<String> = records.map(sink).collect();
        assert!(is_decided || committed.is_empty(), "{name} has commit records, and no decision");
        walks.push(Walk { name, is_decided, committed });
    }
    walks.sort_by(|one, other| one.name.cmp(&other.name));
    walks
}

/// Reads a record, and asserts that it is what was written.
fn record_in(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    let sealed: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {}", path.display()));
    let (_, record) = text.split_once("\"record\": ").unwrap();
    let record = record.trim_end().strip_suffix('}').unwrap().trim_end();
    assert_eq!(sealed["crc32c"], format!("{:08x}", crc32c::crc32c(record.as_bytes())), "{}", path.display());
    sealed["record"].clone()
}

/// Returns whether each frame of a journal is what was written, and the last one is the end.
fn is_whole(pages: &Path) -> bool {
    const END: u8 = 3;
    let bytes = fs::read(pages).unwrap_or_default();
    let mut rest = &bytes[..];
    let mut last = 0;
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let length = u32::from_le_bytes(*length) as usize;
        let Some((&kind, behind)) = behind.split_first() else { return false };
        let Some((checksum, behind)) = behind.split_first_chunk::<4>() else { return false };
        let Some((payload, behind)) = behind.split_at_checked(length) else { return false };
        if crc32c::crc32c_append(crc32c::crc32c(&[kind]), payload) != u32::from_le_bytes(*checksum) {
            return false;
        }
        (last, rest) = (kind, behind);
    }
    last == END
}

/// Returns the walk of the list that this file belongs to, as its manifest has it.
fn walk_of(file: &Path) -> String {
    let manifests = fs::read_dir(file.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let mut manifests = manifests.filter(|path| path.to_string_lossy().ends_with("manifest.json"));
    let manifest: Value = serde_json::from_slice(&fs::read(manifests.next().unwrap()).unwrap()).unwrap();
    manifest["walk"].as_str().unwrap().to_owned()
}

#[test]
fn a_first_list_is_whole_and_in_order_after_a_power_cut_at_any_moment() {
    Kind { name: "a first list", has_older: false, lacks: "" }.check();
}

#[test]
fn a_list_that_replaces_another_one_is_whole_and_in_order_after_a_power_cut_at_any_moment() {
    Kind { name: "a newer list", has_older: true, lacks: "" }.check();
}

#[test]
fn a_list_is_whole_and_in_order_after_a_power_cut_where_names_cannot_be_exchanged() {
    Kind { name: "a newer list, without exchange", has_older: true, lacks: "exchange=EINVAL" }.check();
}
