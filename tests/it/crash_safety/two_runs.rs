//! Two runs that are started together and publish in one place, some of them killed. (The rounds
//! of `sinks/api/tests/rounds` do that without the rest of a run, and so thousands of times.)

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use fanout::simulator::Simulator;
use serde_json::Value;

use crate::support::outputs::{openids, published, tree};
use crate::support::{Ended, Project, Random, say, seed, variable};

/// The default of `TWO_RUNS`: how often two runs are started.
const ROUNDS: u64 = 10;
/// A run of these tests ends within about this time.
const RUN_MICROS: u64 = 150_000;

/// What was seen of all rounds.
#[derive(Debug, Default)]
struct Tally {
    rounds: u64,
    kills: u64,
    published: u64,
    refused: u64,
}

/// Makes a project with a sink for a folder and one for a single file.
fn project() -> Project {
    Project::builder()
        .account("brand", "wx1")
        .simulator(Simulator::builder().followers(300).page_size(100))
        .sink_of_files("lines", "ndjson", "")
        .sink_of_files("single", "ndjson", "layout = 'followers.ndjson'")
        .build()
}

fn start(project: &Project, more: &[&str]) -> Child {
    let mut command: Command = project.run_command(&["--json"]);
    command.args(more).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Starts two runs together, each with its arguments, and kills some.
fn together(project: &Project, arguments: [&[&str]; 2], random: &mut Random, tally: &mut Tally) -> [Ended; 2] {
    let mut runs = arguments.map(|more| start(project, more));
    for run in &mut runs {
        if random.below(3) == 0 {
            thread::sleep(Duration::from_micros(random.below(RUN_MICROS)));
            run.kill().unwrap();
            tally.kills += 1;
        }
    }
    runs.map(Ended::after)
}

/// Runs rounds, in each of which `judge` gets two runs that were started together and may have been
/// killed, and then both once more.
fn rounds(name: &str, arguments: [&[&str]; 2], judge: impl Fn(&Project, &[Ended; 2]) -> Vec<bool>) {
    let seed = seed("CRASH_SEED");
    let rounds = variable("TWO_RUNS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    say(&format!("two runs, {name}: CRASH_SEED={seed}"));
    let (mut random, mut tally) = (Random(seed), Tally::default());
    let template = project();
    for _ in 0..rounds {
        let project = template.without_state();
        let first = together(&project, arguments, &mut random, &mut tally);
        let again = arguments.map(|more| Ended::after(start(&project, more)));
        let is_published = judge(&project, &again);
        for (ended, is_published_later) in first.iter().zip(&is_published) {
            assert!(ended.code != Some(0) || *is_published_later, "it was published: {first:?}, and then {again:?}");
        }
        let owners = ["lines", "single"].map(|sink| in_manifest(&project, sink, "pipeline"));
        for (sink, owner) in ["lines", "single"].iter().zip(&owners) {
            let root = project.path("out").join(sink);
            let list = published(&root).unwrap();
            assert_eq!(openids(&list.files), project.truth(), "{}", root.display());
            // A run that is refused before it opens its sinks leaves what a kill has left. Both
            // runs are refused where each of them has published one of the two lists.
            if owners[0] == owners[1] {
                let staging = root.with_extension("staging").join(format!("pipeline={owner}"));
                assert!(!staging.exists(), "{}", staging.display());
            }
        }
        tally.rounds += 1;
        let said = first.iter().filter(|ended| ended.code == Some(0)).count() as u64;
        tally.published += said;
        tally.refused += first.iter().filter(|ended| ended.code == Some(1)).count() as u64;
    }
    say(&format!("two runs, {name}: {tally:?}"));
}

/// Returns a key of the manifest of a sink.
fn in_manifest(project: &Project, sink: &str, key: &str) -> String {
    let files = tree(&project.path("out").join(sink));
    let (_, text) = files.iter().find(|(name, _)| name.to_string_lossy().ends_with("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(text).unwrap();
    manifest[key].as_str().unwrap().to_owned()
}

#[test]
fn of_two_pipelines_with_one_place_one_publishes_and_the_other_is_told_whose_it_is() {
    const NAMES: [&str; 2] = ["north", "south"];
    let arguments: [&[&str]; 2] = [
        &["--set", "name=north", "--set", "journal.path=north"],
        &["--set", "name=south", "--set", "journal.path=south"],
    ];
    rounds("two pipelines", arguments, |project, again| {
        let owners = ["lines", "single"].map(|sink| in_manifest(project, sink, "pipeline"));
        NAMES
            .iter()
            .zip(again)
            .map(|(name, ended)| {
                let owned = owners.iter().filter(|owner| owner == name).count();
                assert_eq!(ended.code, Some(i32::from(owned < owners.len())), "{ended:?}");
                let other = NAMES.iter().find(|other| other != &name).unwrap();
                assert!(owned == owners.len() || ended.stderr.contains(&format!("of pipeline `{other}`")), "{ended:?}");
                owned == owners.len()
            })
            .collect()
    });
}

#[test]
fn of_one_pipeline_on_two_hosts_the_newest_list_stays() {
    let arguments: [&[&str]; 2] = [&["--set", "journal.path=one"], &["--set", "journal.path=two"]];
    rounds("one pipeline on two hosts", arguments, |project, again| {
        let begun: Vec<String> = again
            .iter()
            .zip(["one", "two"])
            .map(|(ended, state)| {
                assert_eq!(ended.code, Some(0), "{ended:?}");
                begun_at(project, state, ended.json()["accounts"][0]["walk"].as_str().unwrap())
            })
            .collect();
        for sink in ["lines", "single"] {
            assert_eq!(Some(&in_manifest(project, sink, "begun_at")), begun.iter().max(), "{sink} of {begun:?}");
        }
        vec![true, true]
    });
}

/// Returns when a walk began, from the decision in its state.
fn begun_at(project: &Project, state: &str, walk: &str) -> String {
    let path = project.path(state).join("wx1/followers").join(walk).join("decision.json");
    let decision: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    decision["record"]["snapshot"]["begun_at"].as_str().unwrap().to_owned()
}
