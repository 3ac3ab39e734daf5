//! Disturbances of a process, and damage to its state between two runs.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::crash_safety::file_size_limit::limited;
use crate::crash_safety::kill_moments::Moment;
use crate::support::journal::{current_walk, walks};
use crate::support::{Ended, Project, Random, signal};

use super::faults::List;

/// No run of this test takes nearly as long.
const LONGEST_RUN: Duration = Duration::from_secs(60);
/// Between two looks.
const BETWEEN_LOOKS: Duration = Duration::from_micros(500);
/// How long the last undisturbed run took: it depends on the machine.
static RUN_MICROS: AtomicU64 = AtomicU64::new(100_000);
/// After a call was made, a run is hit within this time.
const SOON_MICROS: u64 = 8_000;

/// What happens to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Disturbance {
    Nothing,
    /// `kill -9`.
    Kill,
    /// SIGTERM.
    Terminate,
    /// A limit on the size of its files, in blocks of 512 bytes.
    FileLimit(u64),
}

/// How a process has ended.
pub(super) struct Run {
    pub(super) ended: Ended,
    /// Whether it was still running when it was to be disturbed.
    pub(super) was_hit: bool,
    pub(super) hung: bool,
}

impl Disturbance {
    pub(super) fn random(random: &mut Random) -> Self {
        match random.below(10) {
            0..3 => Self::Nothing,
            3..8 => Self::Kill,
            8 => Self::Terminate,
            _ => Self::FileLimit(random.below(64)),
        }
    }

    /// Runs a command, and disturbs it at a random moment.
    pub(super) fn run(self, random: &mut Random, command: Command, project: &Project, list: &List) -> Run {
        let mut command = match self {
            Self::FileLimit(blocks) => limited(&command, blocks),
            _ => command,
        };
        let moment = moment(random, project, list);
        let process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut process = Watched { process, started: Instant::now() };
        let name = match self {
            Self::Kill => Some("KILL"),
            Self::Terminate => Some("TERM"),
            Self::Nothing | Self::FileLimit(_) => None,
        };
        let was_hit = name.is_some_and(|name| {
            let has_come = process.lives_until(&moment.has_come);
            thread::sleep(moment.delay);
            // A process keeps its id until it is waited for, so no other process is hit.
            let is_hit = has_come && process.lives();
            if is_hit {
                signal(&process.process, name);
            }
            is_hit
        });
        process.end(was_hit)
    }
}

/// Returns a random moment: any time of a run, shortly after a call, or shortly after a step of the
/// publishing.
fn moment<'a>(random: &mut Random, project: &'a Project, list: &List) -> Moment<'a> {
    let made = project.calls();
    match random.below(3) {
        0 => {
            let calls = 1 + random.below(list.pages() + 1);
            let delay = Duration::from_micros(random.below(SOON_MICROS));
            Moment { has_come: Box::new(move || project.calls() - made >= calls), delay }
        }
        1 => Moment::within(random, RUN_MICROS.load(Ordering::Relaxed)),
        _ => Moment::of_a_step(random, project, walks(project).len().saturating_sub(1)),
    }
}

/// A process that must end within [`LONGEST_RUN`].
struct Watched {
    process: Child,
    started: Instant,
}

impl Watched {
    fn lives(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    /// Waits until `has_come` holds. Returns `false` if the process ends or runs for too long
    /// before.
    fn lives_until(&mut self, has_come: impl Fn() -> bool) -> bool {
        while !has_come() {
            if !self.lives() || self.started.elapsed() > LONGEST_RUN {
                return false;
            }
            thread::sleep(BETWEEN_LOOKS);
        }
        true
    }

    fn end(mut self, was_hit: bool) -> Run {
        self.lives_until(|| false);
        if !was_hit {
            RUN_MICROS.store(self.started.elapsed().as_micros() as u64, Ordering::Relaxed);
        }
        let hung = self.lives();
        if hung {
            self.process.kill().unwrap();
        }
        Run { ended: Ended::after(self.process), was_hit, hung }
    }
}

/// Flips a bit in the pages of a walk that is not decided, or cuts them; returns whether there was
/// one.
pub(super) fn damage(random: &mut Random, project: &Project) -> bool {
    let Some(walk) = current_walk(project, walks(project).len().saturating_sub(1)) else { return false };
    let pages = walk.join("pages");
    let mut bytes = fs::read(&pages).unwrap();
    if walk.join("decision.json").exists() || bytes.is_empty() {
        return false;
    }
    let place = random.below(bytes.len() as u64) as usize;
    match random.below(2) {
        0 => bytes.truncate(place),
        _ => bytes[place] ^= 1 << random.below(8),
    }
    fs::write(pages, bytes).unwrap();
    true
}
