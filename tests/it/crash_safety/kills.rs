//! `kill -9` at random moments of a walk and of its publishing, and between two commits.

use std::collections::BTreeMap;

use super::kill_moments::{Moment, Phase, run_until};
use super::*;
use crate::support::four_sinks::{CALLS_OF_A_RESTART, SINKS, holds_nothing_or_a_whole_list, holds_the_list};
use crate::support::journal::{commits, walks};
use crate::support::{Random, say, seed, variable};

/// The default of `CRASH_ROUNDS`: how often a process is killed.
const KILLS: u64 = 20;
/// The most kills of one walk. After them its run may finish.
const MOST_KILLS_OF_A_WALK: u64 = 6;
/// The length of an older list that a newer one replaces.
pub(super) const OLDER_FOLLOWERS: u64 = 3 * PAGE_SIZE;

/// What was seen of all kills.
#[derive(Debug, Default)]
struct Tally {
    walks: u64,
    kills: BTreeMap<Phase, u64>,
    /// Calls beyond those of undisturbed walks.
    extra_calls: u64,
}

impl Tally {
    fn kills(&self) -> u64 {
        self.kills.values().sum()
    }

    /// Returns whether every phase in which a kill matters most was hit.
    fn is_telling(&self) -> bool {
        [Phase::Walking, Phase::Preparing, Phase::Committing].iter().all(|phase| self.kills.contains_key(phase))
    }
}

#[test]
fn however_often_a_run_is_killed_it_delivers_what_an_undisturbed_one_does() {
    let seed = seed("CRASH_SEED");
    let kills = variable("CRASH_ROUNDS").map_or(KILLS, |rounds| rounds.parse().unwrap());
    say(&format!("crash: CRASH_SEED={seed}"));
    let mut random = Random(seed);
    let mut tally = Tally::default();
    while tally.kills() < kills || !tally.is_telling() {
        let most = kills.saturating_sub(tally.kills()).clamp(1, MOST_KILLS_OF_A_WALK);
        kill_one_walk(&mut random, most, &mut tally);
        assert!(tally.kills() < kills + 10 * KILLS, "a phase is never hit: {tally:?}");
    }
    say(&format!("crash: {tally:?}"));
}

/// Kills the run of one walk up to `most` times, lets it finish, and asserts all promises.
fn kill_one_walk(random: &mut Random, most: u64, tally: &mut Tally) {
    let project = &large_list(random.below(u64::MAX), LATENCY);
    let older = if random.below(2) == 0 { 0 } else { publish_older(project) };
    let visible = if older == 0 { &[FOLLOWERS][..] } else { &[OLDER_FOLLOWERS, FOLLOWERS] };
    let mut kills = 0;
    while kills < most {
        // The older list is published already: only a new walk reads the list of now.
        let is_begun = older == 0 || current_walk(project, older).is_some();
        let more: &[&str] = if is_begun { &[] } else { &["--fresh"] };
        let ended = run_until(&mut project.run_command(more), &Moment::random(random, project, older));
        if ended.code.is_some() {
            assert_eq!(ended.code, Some(0), "{ended:?}");
            break;
        }
        kills += 1;
        *tally.kills.entry(Phase::of(project, older)).or_default() += 1;
        holds_nothing_or_a_whole_list(project, visible);
    }
    if older > 0 && current_walk(project, older).is_none() {
        project.finish(&["--fresh"]);
    }
    project.finish(&[]);
    holds_the_list(project, &project.truth());
    assert_eq!(walks(project).len(), older + 1, "a restart began another walk");

    let extra_calls = project.calls() - CALLS;
    assert!(extra_calls <= CALLS_OF_A_RESTART * kills, "{extra_calls} calls too many after {kills} kills");
    equals_an_undisturbed_delivery(project, &current_walk(project, older).unwrap());
    tally.walks += 1;
    tally.extra_calls += extra_calls;
}

/// Publishes a shorter list from an API of its own, and returns how many walks there are then.
pub(super) fn publish_older(project: &Project) -> usize {
    let older = four_sinks::project(Simulator::builder().followers(OLDER_FOLLOWERS).page_size(PAGE_SIZE));
    project.finish(&["--set", &format!("source.base_url={}", older.api().base_url())]);
    holds_nothing_or_a_whole_list(project, &[OLDER_FOLLOWERS]);
    walks(project).len()
}

#[test]
fn one_sink_committed_and_the_others_not_is_finished_without_a_call() {
    // The window is some milliseconds wide, and is rarely missed.
    for seed in 0..10 {
        let project = &large_list(seed, Duration::ZERO);
        let first = Moment::when(|| current_walk(project, 0).is_some_and(|walk| commits(&walk) > 0));
        run_until(&mut project.run_command(&["--json"]), &first);
        let walk = current_walk(project, 0).unwrap();
        let committed = commits(&walk);
        if committed == SINKS.len() {
            continue;
        }
        holds_nothing_or_a_whole_list(project, &[FOLLOWERS]);
        let requests = project.api().requests();
        let ended = project.finish(&["--json"]);
        assert_eq!(project.api().requests(), requests);
        let report = ended.json();
        for (place, (sink, _, _)) in SINKS.into_iter().enumerate() {
            let expected = if place < committed { "already_published" } else { "published" };
            let outcome = &report["accounts"][0]["sinks"][place];
            assert_eq!((&outcome["sink"], &outcome["state"]), (&sink.into(), &expected.into()), "{report:#}");
        }
        holds_the_list(project, &project.truth());
        equals_an_undisturbed_delivery(project, &walk);
        return;
    }
    panic!("a run was never killed between two commits");
}
