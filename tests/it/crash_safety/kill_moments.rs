//! Moments at which a run is killed, and what it was doing then.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::four_sinks::SINKS;
use crate::support::journal::{commits, current_walk, has_end};
use crate::support::{Ended, Project, Random};

/// Between two looks: short enough to hit a publishing that takes some milliseconds, and long
/// enough to leave it a processor.
const BETWEEN_LOOKS: Duration = Duration::from_micros(200);
/// No run of these tests takes nearly as long.
const LONGEST_RUN: Duration = Duration::from_secs(120);
/// A walk takes about this long, start of the process included; a delivery from the journal, about
/// this long.
const WALK_MICROS: u64 = 1_000_000;
const DELIVERY_MICROS: u64 = 300_000;
/// The steps of the publishing that the files show.
const STEPS: u64 = 6;
/// After a step was seen, a run is killed within this time.
const LATEST_MICROS: u64 = 5_000;

/// When a process is killed: `delay` after `has_come` first holds.
pub(crate) struct Moment<'a> {
    pub(crate) has_come: Box<dyn Fn() -> bool + 'a>,
    pub(crate) delay: Duration,
}

impl<'a> Moment<'a> {
    /// As soon as `has_come` holds.
    pub(super) fn when(has_come: impl Fn() -> bool + 'a) -> Self {
        Self { has_come: Box::new(has_come), delay: Duration::ZERO }
    }

    /// A random moment: any time of a walk, or shortly after a step of the publishing. The first
    /// `older` walks do not count.
    pub(super) fn random(random: &mut Random, project: &'a Project, older: usize) -> Self {
        let has_end = current_walk(project, older).is_some_and(|walk| has_end(&walk));
        let (longest, share) = if has_end { (DELIVERY_MICROS, 8) } else { (WALK_MICROS, 12) };
        if random.below(share) < STEPS {
            Self::of_a_step(random, project, older)
        } else {
            Self::within(random, longest)
        }
    }

    /// Any time within the first `micros` microseconds of a run.
    pub(crate) fn within(random: &mut Random, micros: u64) -> Self {
        Self { has_come: Box::new(|| true), delay: Duration::from_micros(random.below(micros)) }
    }

    /// Shortly after a random step of the publishing. The first `older` walks do not count.
    pub(crate) fn of_a_step(random: &mut Random, project: &'a Project, older: usize) -> Self {
        let nth = random.below(SINKS.len() as u64) as usize + 1;
        let micros = if random.below(2) == 0 { 0 } else { random.below(LATEST_MICROS) };
        let walk = move || current_walk(project, older);
        let has_come: Box<dyn Fn() -> bool> = match random.below(STEPS) {
            0 => Box::new(move || walk().is_some_and(|walk| has_end(&walk))),
            1 => Box::new(move || count(&project.path("out"), is_staged_manifest) >= nth),
            2 => Box::new(move || walk().is_some_and(|walk| walk.join("decision.tmp").exists())),
            3 => Box::new(move || walk().is_some_and(|walk| walk.join("decision.json").exists())),
            4 => Box::new(move || count(&project.path("out"), is_visible_marker) >= nth),
            _ => Box::new(move || walk().is_some_and(|walk| commits(&walk) >= nth)),
        };
        Self { has_come, delay: Duration::from_micros(micros) }
    }
}

/// Starts a run, and kills it at `moment` unless it has ended before. A killed run has no exit
/// code.
pub(crate) fn run_until(command: &mut Command, moment: &Moment) -> Ended {
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let started = Instant::now();
    while process.try_wait().unwrap().is_none() {
        if (moment.has_come)() || started.elapsed() > LONGEST_RUN {
            thread::sleep(moment.delay);
            process.kill().unwrap();
            break;
        }
        thread::sleep(BETWEEN_LOOKS);
    }
    assert!(started.elapsed() < LONGEST_RUN, "{:?}", Ended::after(process));
    Ended::after(process)
}

/// What a run was doing when it was killed, as the files show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// There was no walk yet.
    Starting,
    /// The end was not in the journal yet.
    Walking,
    /// The end was in the journal, and nothing decided.
    Preparing,
    /// It was decided, and a sink lacked its commit record.
    Committing,
    /// Every sink had its commit record.
    Finishing,
}

impl Phase {
    /// Returns in which phase a project was left.
    pub(super) fn of(project: &Project, older: usize) -> Self {
        match current_walk(project, older) {
            None => Self::Starting,
            Some(walk) if commits(&walk) == SINKS.len() => Self::Finishing,
            Some(walk) if walk.join("decision.json").exists() => Self::Committing,
            Some(walk) if has_end(&walk) => Self::Preparing,
            Some(_) => Self::Walking,
        }
    }
}

fn is_staged_manifest(path: &Path) -> bool {
    let path = path.to_string_lossy();
    path.contains(".staging/") && path.ends_with("manifest.json")
}

fn is_visible_marker(path: &Path) -> bool {
    let path = path.to_string_lossy();
    !path.contains(".staging/") && path.ends_with("SUCCESS")
}

fn count(folder: &Path, is_counted: impl Fn(&Path) -> bool) -> usize {
    files(folder).iter().filter(|path| is_counted(path)).count()
}

/// Returns the files below a folder that a run may be changing.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
