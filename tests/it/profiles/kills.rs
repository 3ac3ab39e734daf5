//! `kill -9` at random moments of a walk of profiles with sixteen calls at the same time: what was
//! answered is not asked again, and what is published is what the journal says.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fanout::simulator::{Flaw, Move, Oddity, Who};

use super::*;
use crate::crash_safety::kill_moments::{Moment, run_until};
use crate::support::four_sinks::{self, SINKS, holds_nothing_or_a_whole_list, holds_the_list};
use crate::support::journal::{commits, has_end};
use crate::support::outputs::are_equal_to_the_byte;
use crate::support::{Random, say, seed, variable};

/// The default of `CRASH_ROUNDS`: how often a process is killed while it asks for profiles.
const KILLS: u64 = 20;
/// The most kills of one walk, and of its publishing. After them its run may finish.
const MOST_KILLS_OF_A_WALK: u64 = 10;
const MOST_KILLS_OF_PUBLISHING: u64 = 2;

const CONCURRENCY: u64 = 16;
/// More than one file of the sink that rolls.
const COUNT: u64 = 6_000;
/// How long a call takes, so that a walk takes about a second and can be hit.
const LATENCY: Duration = Duration::from_millis(40);
/// One of so many kills hits a step of the publishing.
const OF_A_STEP: u64 = 10;
/// A walk is killed within this time of the call at which its moment has come.
const WITHIN_MICROS: u64 = 60_000;

/// A question about profiles: the endpoint, the first follower, and the number of followers.
type Question = (Endpoint, Option<u64>, usize);

/// What was seen of all kills.
#[derive(Debug, Default)]
struct Tally {
    walks: u64,
    /// By what the run was doing.
    kills: BTreeMap<&'static str, u64>,
    /// Calls beyond those of undisturbed walks.
    asked_again: u64,
    questions: usize,
}

impl Tally {
    fn kills(&self, doing: &str) -> u64 {
        self.kills.get(doing).copied().unwrap_or(0)
    }
}

/// Makes a project whose followers, and what is odd about them, are determined by a seed.
fn sixteen_at_once(seed: u64) -> Project {
    let flaws = [
        (Who::Share { share: 0.003, seed }, Oddity::FalselyLeftInBatches),
        (Who::Share { share: 0.003, seed: seed ^ 1 }, Oddity::Left),
        (Who::Share { share: 0.002, seed: seed ^ 2 }, Oddity::Missing { alone: false }),
        (Who::Index(seed % COUNT), Oddity::MovesUnionids(Move::Up)),
        (Who::Index(seed / 7 % COUNT), Oddity::Refused { alone: false }),
    ];
    let simulator = followers(COUNT).seed(seed).latency(LATENCY);
    let simulator =
        flaws.into_iter().fold(simulator, |simulator, (who, oddity)| simulator.flaw(Flaw::new(who, oddity)));
    let keys = format!("[source.profiles]\nconcurrency = {CONCURRENCY}\nask_again_after_secs = 0");
    let builder = Project::builder().name("crash").keys(&keys).account("brand", four_sinks::APP_ID);
    let sinks = SINKS.iter().fold(String::new(), |mut text, (sink, kind, options)| {
        let list = "list = 'profiles'";
        write!(
            text,
            "[sinks.{sink}]\ntype = '{kind}'\n{list}\n[sinks.{sink}.options]\nroot = 'out/{sink}'\n{options}\n"
        )
        .unwrap();
        text
    });
    builder.sinks(&sinks).simulator(simulator).date(four_sinks::DATE).build()
}

/// Returns how often each question about profiles was asked.
fn questions(project: &Project) -> HashMap<Question, u64> {
    let mut asked = HashMap::new();
    for call in project.api().log().into_iter().filter(|call| call.people > 0) {
        *asked.entry((call.endpoint, call.start, call.people)).or_default() += 1;
    }
    asked
}

/// Returns the walks of profiles, oldest first.
fn walks(project: &Project) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(project.path("state").join(four_sinks::APP_ID).join("profiles")) else {
        return Vec::new();
    };
    let mut walks: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    walks.retain(|path| path.to_string_lossy().ends_with('Z'));
    walks.sort();
    walks
}

fn walk(project: &Project) -> Option<PathBuf> {
    walks(project).into_iter().next()
}

/// Returns what a run was doing when it was killed, as the files show.
fn doing(project: &Project) -> &'static str {
    match walk(project) {
        None => "beginning",
        Some(walk) if !has_end(&walk) => "asking",
        Some(walk) if !walk.join("decision.json").exists() => "preparing",
        Some(walk) if commits(&walk) < SINKS.len() => "committing",
        Some(_) => "finishing",
    }
}

/// A random moment: shortly after a random call of those that are left, or after a step of the
/// publishing. `all` is the number of questions of an undisturbed walk.
fn moment<'a>(random: &mut Random, project: &'a Project, all: usize) -> Moment<'a> {
    let walk = move || walk(project);
    let has_come: Box<dyn Fn() -> bool> = if walk().is_some_and(|walk| has_end(&walk)) || random.below(OF_A_STEP) == 0 {
        match random.below(3) {
            0 => Box::new(move || walk().is_some_and(|walk| has_end(&walk))),
            1 => Box::new(move || walk().is_some_and(|walk| walk.join("decision.json").exists())),
            _ => Box::new(move || walk().is_some_and(|walk| commits(&walk) > 0)),
        }
    } else {
        let asked = calls_of(project);
        let left = (all as u64).saturating_sub(questions(project).len() as u64);
        let until = asked + 1 + random.below(left.max(1));
        Box::new(move || calls_of(project) >= until)
    };
    Moment { has_come, delay: Duration::from_micros(random.below(WITHIN_MICROS)) }
}

fn calls_of(project: &Project) -> u64 {
    let requests = project.api().requests();
    requests.batch_get + requests.user_info
}

#[test]
fn however_often_a_walk_of_profiles_is_killed_it_delivers_what_its_journal_says() {
    let seed = seed("CRASH_SEED");
    let kills = variable("CRASH_ROUNDS").map_or(KILLS, |rounds| rounds.parse().unwrap());
    say(&format!("crash of profiles: CRASH_SEED={seed}"));
    let mut random = Random(seed);
    let mut tally = Tally::default();
    while tally.kills("asking") < kills {
        kill_one_walk(&mut random, &mut tally);
        assert!(tally.walks < 10 * KILLS + kills, "no walk is hit: {tally:?}");
    }
    say(&format!("crash of profiles: {tally:?}"));
}

/// Kills the run of one walk several times, lets it finish, and asserts all promises.
fn kill_one_walk(random: &mut Random, tally: &mut Tally) {
    let seed = random.below(u64::MAX);
    let undisturbed = sixteen_at_once(seed);
    undisturbed.finish(&[]);
    let expected = questions(&undisturbed);
    let project = &sixteen_at_once(seed);
    let (mut kills, mut of_publishing) = (0, 0);
    while kills < MOST_KILLS_OF_A_WALK && of_publishing < MOST_KILLS_OF_PUBLISHING {
        let ended = run_until(&mut project.run_command(&[]), &moment(random, project, expected.len()));
        if ended.code.is_some() {
            ended.good();
            break;
        }
        kills += 1;
        of_publishing += u64::from(walk(project).is_some_and(|walk| has_end(&walk)));
        *tally.kills.entry(doing(project)).or_default() += 1;
        holds_nothing_or_a_whole_list(project, &[COUNT]);
    }
    project.finish(&[]);
    holds_the_list(project, &project.truth());
    are_true(project, four_sinks::APP_ID, &published(project, "brand"));
    assert_eq!(walks(project).len(), 1, "a restart began another walk");

    let asked = questions(project);
    assert!(expected.iter().all(|(question, times)| asked.get(question) >= Some(times)), "{expected:?} {asked:?}");
    let strange: Vec<_> = asked.keys().filter(|question| !expected.contains_key(question)).collect();
    assert!(strange.is_empty(), "not asked undisturbed: {strange:?}");
    // An element that two batches share may be asked about by both.
    let again: u64 = asked.iter().map(|(question, times)| times - expected[question]).sum();
    assert!(again <= CONCURRENCY * kills, "{again} questions asked again after {kills} kills");
    equals_an_undisturbed_delivery(project, &walk(project).unwrap());
    tally.walks += 1;
    tally.asked_again += again;
    tally.questions += asked.len();
}

/// Delivers the replies of a walk in another folder, and compares decision and output.
fn equals_an_undisturbed_delivery(project: &Project, walk: &Path) {
    let undisturbed = project.without_state();
    let there = |path: &Path| undisturbed.path("").join(path.strip_prefix(project.path("")).unwrap());
    let is_of_publishing = |path: &Path| path.starts_with(walk) && path.file_name().unwrap() != "pages";
    let state = project.files().into_iter().filter(|path| path.starts_with(project.path("state")));
    for path in state.filter(|path| !is_of_publishing(path)) {
        fs::create_dir_all(there(path.parent().unwrap())).unwrap();
        fs::copy(&path, there(&path)).unwrap();
    }
    fs::create_dir_all(there(walk).join("commits")).unwrap();
    let requests = project.api().requests();
    undisturbed.finish(&[]);
    assert_eq!(project.api().requests(), requests, "a list that was read needs no call, not even for a token");
    are_equal_to_the_byte(&project.path("out"), &undisturbed.path("out"));
    let decision = |walk: &Path| fs::read_to_string(walk.join("decision.json")).unwrap();
    assert_eq!(decision(walk), decision(&there(walk)));
}
