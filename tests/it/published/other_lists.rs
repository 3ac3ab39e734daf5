//! Other lists in the place of a published one: of another owner, of the same owner and newer, of
//! another date.

use super::*;
use crate::support::outputs::{openids, published, tree};

/// Runs the pipeline on a state of its own, as another machine would.
const OTHER_STATE: [&str; 2] = ["--set", "journal.path=other-state"];

#[test]
fn a_list_of_another_owner_in_its_place_fails_the_sink_and_keeps_nothing_from_the_others() {
    let project = project("");
    project.finish(&[]);
    for sink in ["lake", "single"] {
        remove(&project.path("out").join(sink));
    }
    let other = project.file().replace("name = 'test'", "name = 'other'");
    std::fs::write(project.path("other.toml"), other).unwrap();
    let keep_away = SINKS.map(|sink| format!("sinks.{sink}.options.root=elsewhere/{sink}"));
    let keep_away = keep_away.iter().filter(|set| !set.contains("lake") && !set.contains("single"));
    let mut theirs = project.command_with_secrets(&["run", "other.toml", "--date", DATE]);
    Ended::of(theirs.args(OTHER_STATE).args(keep_away.flat_map(|set| ["--set", set]))).good();
    let before = ["lake", "single"].map(|sink| tree(&project.path("out").join(sink)));
    remove(&project.path("out/lines"));

    let calls = project.api().requests().total();
    let ended = project.run(&["--json"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for sink in ["lake", "single"] {
        assert_eq!(state(&ended.json(), sink), ("failed", Some("taken")));
        let words = format!("sink `{sink}`: something else is in the place of the published list: ");
        assert!(ended.stderr.contains(&words) && ended.stderr.contains("pipeline `other`"), "{ended:?}");
    }
    assert_eq!(state(&ended.json(), "lines"), ("published", Some("gone")));
    assert_eq!(state(&ended.json(), "topic"), ("already_published", Some("held")));
    assert!(["lake", "single"].map(|sink| tree(&project.path("out").join(sink))) == before);
    assert_eq!(project.api().requests().total(), calls);
}

#[test]
fn a_newer_list_of_the_same_owner_counts_as_published() {
    let project = project("");
    project.finish(&[]);
    let earlier = tree(&project.path("out"));
    project.finish(&[&OTHER_STATE[..], &["--fresh"]].concat());
    let newer = tree(&project.path("out"));
    assert!(newer != earlier);
    let report = project.finish(&["--json"]).json();
    assert_eq!(report["accounts"][0]["verdict"], "already_published");
    assert!(SINKS.iter().all(|sink| state(&report, sink) == ("already_published", Some("replaced"))), "{report:#}");
    let shown = project.finish(&[]).stdout;
    assert!(shown.contains("lake: already published, replaced since"), "{shown}");
    assert!(project.fanout(&["status", "pipeline.toml"]).good().stdout.contains("replaced since: lake"));
    assert!(tree(&project.path("out")) == newer, "the older list was delivered over the newer one");
    // Of the other state it is the last list.
    let report = project.finish(&[&OTHER_STATE[..], &["--json"]].concat()).json();
    assert!(SINKS.iter().all(|sink| state(&report, sink) == ("already_published", Some("held"))), "{report:#}");
}

#[test]
fn a_replay_delivers_each_date_that_is_gone_and_a_run_only_its_own() {
    const LATER: &str = "2026-11-23";
    let project = project("");
    project.finish(&[]);
    let later = command(&project, &["run", "--date", LATER]).good();
    assert!(later.stdout.contains("published"));
    let both = tree(&project.path("out"));
    let requests = project.api().requests();

    remove(&project.path("out/lake"));
    remove(&project.path("out/single"));
    // A run delivers the list that it has chosen, and no other.
    let run = command(&project, &["run", "--date", LATER, "--json"]).good().json();
    assert_eq!(state(&run, "lake"), ("published", Some("gone")));
    let date_of = |date: &str| project.path(&format!("out/lake/dt={date}"));
    assert_eq!((date_of(DATE).exists(), date_of(LATER).exists()), (false, true));

    // The single file has a place for one date: the later list has replaced the earlier one there.
    remove(&project.path("out/single"));
    let replay = command(&project, &["replay", "--date", DATE, "--json"]).good().json();
    assert_eq!(state(&replay, "lake"), ("published", Some("gone")));
    assert_eq!(state(&replay, "single"), ("already_published", Some("replaced")));
    assert!(!project.path("out/single").exists());

    remove(&project.path("out/lake"));
    let replay = command(&project, &["replay", "--json"]).good().json();
    let dates: Vec<_> =
        replay["accounts"].as_array().unwrap().iter().map(|row| row["date"].as_str().unwrap()).collect();
    assert_eq!(dates, [DATE, LATER]);
    assert!(tree(&project.path("out")) == both, "what was gone is back, and nothing else has changed");
    assert_eq!(project.api().requests(), requests);
    let single = published(&project.path("out/single")).unwrap();
    assert!(openids(&single.files) == project.truth());
}

#[test]
fn of_two_walks_of_a_date_a_replay_delivers_the_newer_one_alone() {
    let project = project("");
    project.finish(&[]);
    let newer = project.finish(&["--fresh", "--json"]).json();
    let published = tree(&project.path("out"));
    remove(&project.path("out"));
    for more in [&[][..], &["--date", DATE]] {
        let replay = command(&project, &[&["replay", "--json"], more].concat()).good().json();
        assert_eq!(replay["accounts"].as_array().unwrap().len(), 1);
        assert_eq!(replay["accounts"][0]["walk"], newer["accounts"][0]["walk"]);
    }
    assert!(tree(&project.path("out")) == published);
}
