//! One round: a place, two or three lists for it, kills, and the same commands again.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::list::List;
use crate::locks::Locks;
use crate::observer::{Observation, instant, look, watch_marker};
use crate::publisher::{Order, Said};
use crate::tally::Tally;
use crate::worker::Pool;
use fastrand::Rng;

/// A publisher waits up to this long before it begins.
const LONGEST_PAUSE_MICROS: u64 = 500;
/// A process is killed or stopped within this time.
const LATEST_SIGNAL_MICROS: u64 = 6_000;
/// A process is stopped for up to this long: others publish in the meantime.
const LONGEST_STOP_MICROS: u64 = 6_000;

pub(crate) struct Round {
    directory: TempDir,
    /// A list that is published before, if there is one.
    older: Option<List>,
    lists: Vec<List>,
}

impl Round {
    /// Makes a round: of two owners, of two states of one pipeline, or of both; for a folder or for
    /// a single file.
    pub(crate) fn of(number: u64, random: &mut Rng) -> Self {
        // In memory, if there is such a file system: a round takes milliseconds there.
        let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let pipelines: &[&str] = match number % 3 {
            0 => &["north", "south"],
            1 => &["north", "north"],
            _ => &["north", "south", "north"],
        };
        let mut list = |pipeline: &str, micros: i64| List {
            directory: directory.path().to_owned(),
            pipeline: pipeline.to_owned(),
            is_single_file: number / 3 % 2 == 1,
            micros,
            pause_micros: random.u64(..LONGEST_PAUSE_MICROS),
        };
        let lists: Vec<List> =
            pipelines.iter().enumerate().map(|(place, pipeline)| list(pipeline, 10 + place as i64)).collect();
        let older = (number % 4 >= 2).then(|| list(if number % 8 < 4 { "north" } else { "south" }, 1));
        Self { directory, older, lists }
    }

    pub(crate) fn run(&self, pool: &mut Pool, calm: &mut Pool, random: &mut Rng, tally: &mut Tally) {
        tally.rounds += 1;
        let is_locked = pool.locks == Locks::Shared;
        if let Some(older) = &self.older {
            let answers = calm.ask(&Order { lists: vec![older.clone()], is_locked: true });
            assert!(matches!(answers[..], [Said::Published(..)]), "{answers:?}");
        }

        let is_over = AtomicBool::new(false);
        let (said, cut_off) = thread::scope(|scope| {
            let watched = self.lists.first().filter(|list| list.is_single_file);
            let watch = watched.map(|list| scope.spawn(|| watch_marker(list, &is_over)));
            let published = self.publish(pool, random, tally);
            is_over.store(true, Ordering::Relaxed);
            let (looks, problems) = watch.map(|watch| watch.join().unwrap()).unwrap_or_default();
            tally.markers += looks;
            tally.violations.extend(problems.into_iter().map(|problem| format!("under a marker: {problem}")));
            published
        });
        self.judge(&said, &cut_off, is_locked, tally);
        self.finish(calm, is_locked, tally);
    }

    /// Has the lists published, and stops and kills publishers. Returns what they said, and the
    /// lists whose publisher was killed before it said what came of them.
    fn publish(&self, pool: &mut Pool, random: &mut Rng, tally: &mut Tally) -> (Vec<Said>, Vec<&List>) {
        // One or two processes: two lists may be two threads of one.
        let split = random.u64(..=self.lists.len() as u64) as usize;
        let mut workers = Vec::new();
        for lists in [&self.lists[..split], &self.lists[split..]] {
            if !lists.is_empty() {
                let mut worker = pool.take();
                worker.order(&Order { lists: lists.to_vec(), is_locked: pool.locks == Locks::Shared });
                workers.push((worker, lists));
            }
        }
        let started = Instant::now();
        let mut moments: Vec<(u64, usize, Signal)> = Vec::new();
        for place in 0..workers.len() {
            if random.u64(..3) > 0 {
                moments.push((random.u64(..LATEST_SIGNAL_MICROS), place, Signal::KILL));
            }
            if random.u64(..3) == 0 {
                let stop = random.u64(..LATEST_SIGNAL_MICROS);
                moments.push((stop, place, Signal::STOP));
                moments.push((stop + random.u64(..LONGEST_STOP_MICROS), place, Signal::CONT));
            }
        }
        moments.sort_unstable_by_key(|(micros, ..)| *micros);
        for (micros, place, signal) in &moments {
            thread::sleep(Duration::from_micros(*micros).saturating_sub(started.elapsed()));
            workers[*place].0.signal(*signal);
            tally.kills += u64::from(*signal == Signal::KILL);
            tally.stops += u64::from(*signal == Signal::STOP);
        }
        let mut said = Vec::new();
        let mut cut_off = Vec::new();
        for (place, (mut worker, lists)) in workers.into_iter().enumerate() {
            let is_killed = moments.iter().any(|(_, other, signal)| (*other, *signal) == (place, Signal::KILL));
            let answers = worker.answers(is_killed);
            let is_said = |list: &&List| answers.iter().any(|said| said.list() == Some(*list));
            let silent: Vec<&List> = lists.iter().filter(|list| !is_said(list)).collect();
            tally.kills_at_work += u64::from(!silent.is_empty());
            cut_off.extend(silent);
            said.extend(answers);
            if !is_killed {
                pool.give(worker);
            }
        }
        (said, cut_off)
    }

    /// Judges what was said, and what stands there after the kills.
    fn judge(&self, said: &[Said], cut_off: &[&List], is_locked: bool, tally: &mut Tally) {
        let after = look(&self.lists[0]);
        for said in said {
            match said {
                Said::Published(list, seen) => {
                    tally.published += 1;
                    tally.replaced +=
                        u64::from(seen.manifest.as_ref().is_some_and(|(_, begun)| *begun > instant(list)));
                    judge_published(list, seen, cut_off, is_locked, tally);
                    if after.manifest.as_ref().is_some_and(|(pipeline, _)| *pipeline != list.pipeline) {
                        tally
                            .violations
                            .push(format!("{list:?} was published, and another owner has the place: {after:?}"));
                    }
                }
                Said::Refused(list, text) => {
                    tally.refused += 1;
                    if !text.contains("is in the way: the list there is") {
                        tally.violations.push(format!("{list:?} was refused: {text}"));
                    }
                }
                Said::Temporary(list, text) => {
                    tally.temporary += 1;
                    if is_locked {
                        tally.violations.push(format!("{list:?} could not be published: {text}"));
                    }
                }
                Said::Done => {}
            }
        }
        let is_half = after.manifest.is_some() && !after.is_whole();
        if is_half {
            let is_of_a_kill = self.lists[0].is_single_file && !after.has_marker && !cut_off.is_empty();
            tally.without_marker += u64::from(is_of_a_kill);
            if !is_of_a_kill {
                tally.violations.push(format!("after the kills: {after:?} in a round of {:?}", self.lists));
            }
        }
    }

    /// Gives every command again, and judges what stands there in the end.
    fn finish(&self, calm: &mut Pool, is_locked: bool, tally: &mut Tally) {
        // At the same time, or without locks one after the other.
        let orders =
            if is_locked { vec![self.lists.clone()] } else { self.lists.chunks(1).map(<[List]>::to_vec).collect() };
        let said: Vec<Said> =
            orders.into_iter().flat_map(|lists| calm.ask(&Order { lists, is_locked: true })).collect();
        let after = look(&self.lists[0]);
        let winner = after.manifest.as_ref().map(|(pipeline, _)| pipeline.clone()).unwrap_or_default();
        let newest = self.lists.iter().filter(|list| list.pipeline == winner).max_by_key(|list| list.micros);
        let newest = newest.or(self.older.as_ref());
        let is_right = newest.is_some_and(|newest| after.serves(newest));
        if !is_right || self.older.as_ref().is_some_and(|older| older.pipeline != winner) {
            tally
                .violations
                .push(format!("in the end: {after:?} in a round of {:?} over {:?}", self.lists, self.older));
        }
        for said in &said {
            let is_right = match said {
                Said::Published(list, seen) => list.pipeline == winner && seen.serves(list),
                Said::Refused(list, text) => {
                    list.pipeline != winner && text.contains(&format!("of pipeline `{winner}`"))
                }
                Said::Temporary(..) | Said::Done => false,
            };
            if !is_right {
                tally.violations.push(format!("the command again: {said:?}, and {winner} has the place"));
            }
        }
        // What a list has staged that was refused goes with the next attempt.
        let others = self.lists.iter().filter(|list| list.pipeline != winner);
        calm.ask(&Order { lists: others.cloned().collect(), is_locked: true });
        for path in List::stagings(self.directory.path()).iter().chain([&self.lists[0].names().2]) {
            if path.exists() {
                tally.violations.push(format!("left behind: {}", files(path).join(", ")));
            }
        }
    }
}

fn judge_published(list: &List, seen: &Observation, cut_off: &[&List], is_locked: bool, tally: &mut Tally) {
    if seen.serves(list) {
        return;
    }
    let of_owner = |other: &&&List| other.pipeline == list.pipeline && other.micros != list.micros;
    let is_newer_cut_off = cut_off.iter().filter(of_owner).any(|other| other.micros > list.micros);
    // A newer single file of this owner was cut off between its steps, right after the word.
    if list.is_single_file && is_newer_cut_off && !seen.has_marker {
        return;
    }
    // Two folders change places before a publisher can look at what came out.
    if !is_locked && !list.is_single_file && cut_off.iter().any(|other| of_owner(&other)) {
        tally.disturbed += 1;
        return;
    }
    tally.violations.push(format!("{list:?} was published, and the observer saw {seen:?}; cut off: {cut_off:?}"));
}

impl Said {
    fn list(&self) -> Option<&List> {
        match self {
            Self::Published(list, _) | Self::Refused(list, _) | Self::Temporary(list, _) => Some(list),
            Self::Done => None,
        }
    }
}

/// Returns the files below a path, for a message.
fn files(path: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(path) else { return vec![path.display().to_string()] };
    let below: Vec<String> = entries.flat_map(|entry| files(&entry.unwrap().path())).collect();
    if below.is_empty() { vec![path.display().to_string()] } else { below }
}
