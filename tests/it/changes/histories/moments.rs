//! Runs of the program that are killed at a random moment, or halted while people change.
//!
//! Before it: a [night](super::night) wants a run. Behind it: what the run has left.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{APP_ID, History, calls};
use crate::support::journal::{commits, has_end};
use crate::support::{Ended, Project, Random, while_halted};

/// Between two looks at a run.
const BETWEEN_LOOKS: Duration = Duration::from_micros(300);
/// A run takes about this long.
const RUN_MICROS: u64 = 250_000;
/// A run is killed within this time of its moment.
const WITHIN_MICROS: u64 = 6_000;
/// No run takes nearly as long.
const LONGEST_RUN: Duration = Duration::from_secs(120);

/// When a run is killed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moment {
    After(Duration),
    /// So many calls for pages, or about people, after its start.
    Pages(u64),
    Questions(u64),
    /// The followers' list of the day is complete.
    ListDecided,
    /// What the files show of the newest walk of changes that was begun on the day.
    Begun,
    Ended,
    Decided,
    Committed,
}

impl Moment {
    pub(super) fn random(random: &mut Random) -> Self {
        match random.below(10) {
            0 | 1 => Self::After(Duration::from_micros(random.below(RUN_MICROS))),
            2 => Self::Pages(1 + random.below(5)),
            3 | 4 => Self::Questions(1 + random.below(6)),
            5 => Self::ListDecided,
            6 => Self::Begun,
            7 => Self::Ended,
            8 => Self::Decided,
            _ => Self::Committed,
        }
    }
}

/// The walks of a list that were begun on a date, oldest first. All clocks show the same date in
/// Beijing and in UTC.
pub(super) fn walks(project: &Project, list: &str, date: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(project.path("state").join(APP_ID).join(list)) else { return Vec::new() };
    // A run may be changing the folder.
    let mut walks: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    let day = format!("-{}T", date.replace('-', ""));
    walks.retain(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.ends_with('Z') && name.contains(&day)
    });
    walks.sort();
    walks
}

fn is_decided(walk: &Path) -> bool {
    walk.join("decision.json").exists()
}

/// Whether the list of followers of a date is complete.
pub(super) fn has_list(project: &Project, date: &str) -> bool {
    walks(project, "followers", date).iter().any(|walk| is_decided(walk))
}

/// Whether a list of followers of a date is being read.
pub(super) fn is_reading(project: &Project, date: &str) -> bool {
    !walks(project, "followers", date).iter().all(|walk| is_decided(walk))
}

/// Returns what a run was doing, as the files show.
fn doing(project: &Project, date: &str) -> &'static str {
    match walks(project, "changes", date).last() {
        _ if is_reading(project, date) => "reading",
        None if !has_list(project, date) => "beginning",
        None => "comparing",
        Some(walk) if !has_end(walk) => "asking",
        Some(walk) if !is_decided(walk) => "preparing",
        Some(walk) if commits(walk) == 0 => "committing",
        Some(_) => "finishing",
    }
}

impl History<'_> {
    /// Runs the program. It is killed at `moment`, if that comes. If `halts`, and this run
    /// completes the list of the date, people change then. Returns `None` if it was killed.
    pub(super) fn run_until(
        &mut self,
        date: &str,
        more: &[&str],
        moment: Option<Moment>,
        mut halts: bool,
    ) -> Option<Ended> {
        self.tally.runs += 1;
        // A second list of the date may be read while people change, and would be a mixture.
        halts &= !has_list(&self.project, date);
        let (pages, asked) = (self.project.calls(), calls(&self.project));
        let mut command = self.project.run_command(more);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let started = Instant::now();
        while process.try_wait().unwrap().is_none() {
            assert!(started.elapsed() < LONGEST_RUN, "{date}: it goes on and on");
            if halts && calls(&self.project) == asked && has_list(&self.project, date) {
                halts = false;
                self.change_while_halted(&process, date);
            }
            if moment.is_some_and(|moment| self.has_come(moment, date, started, pages, asked)) {
                thread::sleep(Duration::from_micros(self.random.below(WITHIN_MICROS)));
                process.kill().unwrap();
                break;
            }
            thread::sleep(BETWEEN_LOOKS);
        }
        let ended = Ended::after(process);
        if ended.code.is_none() {
            *self.tally.kills.entry(doing(&self.project, date)).or_default() += 1;
            return None;
        }
        assert_eq!(ended.code, Some(0), "{date}: {ended:?}");
        Some(ended)
    }

    fn has_come(&self, moment: Moment, date: &str, started: Instant, pages: u64, asked: u64) -> bool {
        let walks = || walks(&self.project, "changes", date);
        match moment {
            Moment::After(duration) => started.elapsed() >= duration,
            Moment::Pages(count) => self.project.calls() >= pages + count,
            Moment::Questions(count) => calls(&self.project) >= asked + count,
            Moment::ListDecided => has_list(&self.project, date),
            Moment::Begun => !walks().is_empty(),
            Moment::Ended => walks().last().is_some_and(|walk| has_end(walk)),
            Moment::Decided => walks().last().is_some_and(|walk| is_decided(walk)),
            Moment::Committed => walks().last().is_some_and(|walk| commits(walk) > 0),
        }
    }

    fn change_while_halted(&mut self, process: &Child, date: &str) {
        while_halted(process, || {
            // What it has sent already is answered meanwhile.
            thread::sleep(Duration::from_millis(3));
            if !is_reading(&self.project, date) {
                self.note_list(date);
                self.change_in_between();
            }
        });
    }
}
