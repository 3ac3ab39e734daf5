//! `fanout new sink`: the files that it writes and those that it leaves alone. `.ci/run` builds and
//! tests the crate.

use std::collections::BTreeSet;
use std::fs;

use crate::support::{Ended, Project, python_with};

const CHECKOUT: &str = env!("CARGO_MANIFEST_DIR");

/// Returns the files of a project, without the pipeline file that every project has.
fn files(project: &Project) -> BTreeSet<String> {
    let base = project.path("");
    let name = |path: std::path::PathBuf| path.strip_prefix(&base).unwrap().display().to_string();
    project.files().into_iter().map(name).filter(|name| name != "pipeline.toml").collect()
}

fn written(ended: &Ended) -> BTreeSet<String> {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.stdout.lines().take_while(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn a_crate_is_written_as_it_says_and_nothing_in_it_is_left_to_be_filled_in() {
    let project = Project::new("");
    let ended = project.fanout(&["new", "sink", "price_list", "--path", CHECKOUT]);
    assert_eq!(written(&ended), files(&project));
    assert!(ended.stdout.ends_with("next: cd price_list && cargo test\n"), "{ended:?}");
    for path in files(&project) {
        let text = fs::read_to_string(project.path(&path)).unwrap();
        assert!(!text.contains("{{"), "{path}: {text}");
    }
    let library = fs::read_to_string(project.path("price_list/src/lib.rs")).unwrap();
    assert!(library.contains("impl SinkFactory for PriceListFactory"));
}

#[test]
fn a_script_is_written_with_its_helper() {
    let project = Project::new("");
    let ended = project.fanout(&["new", "sink", "ledger", "--python"]);
    assert_eq!(written(&ended), files(&project));
    let helper = fs::read_to_string(project.path("ledger/fanout_etl/sink.py")).unwrap();
    assert_eq!(helper, include_str!("../../integrations/python/fanout_etl/sink.py"));
    let check = project.fanout(&["check", "ledger/ledger.toml"]);
    assert_eq!(check.code, Some(0), "{check:?}");
}

#[test]
fn nothing_is_written_over() {
    let project = Project::new("");
    fs::create_dir(project.path("ledger")).unwrap();
    fs::write(project.path("ledger/mine"), "mine").unwrap();
    for arguments in [&["--python"][..], &["--path", CHECKOUT]] {
        let ended = project.fanout(&[&["new", "sink", "ledger"], arguments].concat());
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains("hint: choose another name, or remove it first"), "{ended:?}");
        assert_eq!(files(&project), BTreeSet::from(["ledger/mine".to_owned()]));
    }
}

#[test]
fn a_name_that_cannot_be_one_is_refused() {
    let project = Project::new("");
    for (name, words) in
        [("Ledger", "one lower-case word"), ("../ledger", "one lower-case word"), ("parquet", "a type already")]
    {
        let ended = project.fanout(&["new", "sink", name, "--python"]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(words), "{ended:?}");
    }
    let nowhere = project.fanout(&["new", "sink", "ledger", "--path", "nowhere"]);
    assert_eq!(nowhere.code, Some(2), "{nowhere:?}");
    assert!(nowhere.stderr.contains("found no checkout of fanout in `nowhere`"), "{nowhere:?}");
    // A package of this name in a registry would be another's.
    let registry = project.fanout(&["new", "sink", "ledger"]);
    assert_eq!(registry.code, Some(2), "{registry:?}");
    assert!(registry.stderr.starts_with("error: a crate needs `--path FOLDER`, a checkout of fanout"), "{registry:?}");
    assert_eq!(files(&project), BTreeSet::new());
}

#[test]
fn the_script_publishes_a_list() {
    let Some(python) = python_with("pyarrow") else { return };
    let project = Project::new("");
    assert_eq!(project.fanout(&["new", "sink", "ledger", "--python"]).code, Some(0));
    let command = format!("sinks.mine.options.command=[{python:?}, \"ledger_sink.py\"]");
    let run = project.fanout(&["run", "ledger/ledger.toml", "--clock", "2026-01-31T04:00:00Z", "--set", &command]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let list = fs::read_to_string(project.path("ledger/out/2026-01-31-wxsimulated-followers.csv")).unwrap();
    assert_eq!(list.lines().count(), 1 + 23_000, "a line of names, and one for each follower");
}
