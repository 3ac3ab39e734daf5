//! The pipeline files in `pipelines/`: each one loads, binds and passes the check.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fanout::SinkRegistry;
use fanout::config::{Overrides, Pipeline};
use fanout::engine;
use fanout::simulator::{Nights, Roster, Simulator};
use serde_json::Value;

use crate::support::outputs::rows_of;
use crate::support::{Ended, Project, fanout};

/// The secrets that the files refer to.
const SECRETS: [(&str, &str); 1] = [("BRAND_SECRET", "not-a-real-secret")];

/// Returns every pipeline file.
pub(crate) fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    files.sort_unstable();
    assert!(files.iter().any(|file| file.ends_with("demo.toml")), "{files:?}");
    files
}

fn load(file: &Path) -> Pipeline {
    let overrides = Overrides { environment: SECRETS.into_iter().collect(), ..Overrides::default() };
    Pipeline::load(file, &overrides).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn every_file_begins_by_saying_what_it_shows() {
    for file in files() {
        let text = std::fs::read_to_string(&file).unwrap();
        // The first line names the schema for editors.
        let text = text.strip_prefix("#:schema schema.json\n").unwrap_or_else(|| panic!("{}", file.display()));
        assert!(text.starts_with("# Shows "), "{}", file.display());
    }
}

#[test]
fn every_file_is_named_as_its_pipeline() {
    for file in files() {
        assert_eq!(file.file_stem().unwrap().to_str(), Some(load(&file).name.as_str()));
    }
}

#[test]
fn every_file_binds_to_the_built_in_sinks() {
    for file in files() {
        let pipeline = load(&file);
        let sinks = match engine::bind(&pipeline, &SinkRegistry::builtin()) {
            Ok(sinks) => sinks,
            Err(errors) if !cfg!(feature = "object-store") && file.ends_with("object-store.toml") => {
                assert!(errors.to_string().contains("the feature `object-store`"), "{errors}");
                continue;
            }
            Err(errors) => panic!("{errors}"),
        };
        assert_eq!(sinks.len(), pipeline.sinks.len(), "{}", file.display());
    }
}

#[test]
fn every_file_passes_the_check() {
    for file in files() {
        // State and output go to a folder of this test; the rest is as in the file.
        let folder = tempfile::tempdir().unwrap();
        let mut command = fanout(&["check", file.to_str().unwrap()]);
        command.envs(SECRETS).env("FANOUT_JOURNAL__PATH", folder.path().join("state"));
        // A program has no root, and is not started.
        for sink in load(&file).sinks.iter().filter(|sink| sink.kind != "command") {
            let root = format!("FANOUT_SINKS__{}__OPTIONS__ROOT", sink.name.to_uppercase());
            command.env(root, folder.path().join("out").join(&sink.name));
        }
        let ended = Ended::of(&mut command);
        assert_eq!(ended.code, Some(0), "{}: {ended:?}", file.display());
        assert!(!folder.path().join("out").exists(), "`check` wrote something");
    }
}

#[test]
fn the_second_run_of_the_example_of_changes_tells_who_came_and_who_left() {
    let project = Project::new("");
    let file = include_str!("../../pipelines/changes.toml");
    std::fs::create_dir(project.path("pipelines")).unwrap();
    std::fs::write(project.path("pipelines/changes.toml"), file).unwrap();
    let run = || project.fanout(&["run", "pipelines/changes.toml", "--clock", "2026-11-29T18:30:00Z"]).good();

    let simulate = load(&project.path("pipelines/changes.toml")).source.simulate.unwrap();
    let nights = Nights { per_mille: simulate.changes_per_mille, holes: simulate.holes };
    let simulator = || Simulator::builder().seed(simulate.seed).followers(simulate.followers).nights(nights);
    let [before, after] =
        ["2026-11-30", "2026-12-01"].map(|date| simulator().roster("wxsimulated", date.parse().unwrap()));
    let listed = |roster: &Roster| roster.listed().collect::<BTreeSet<_>>();

    run();
    let folder = |sink: &str, date: &str| project.path(&format!("out/changes/{sink}/dt={date}/account=simulated"));
    let baseline = rows_of(&folder("parquet", "2026-11-30").join("part-00000.parquet"));
    assert_eq!(baseline, Some(listed(&before).len() as u64));
    assert!(!project.path("out/changes/ndjson").exists(), "who does not ask for a baseline has none");

    let second = run();
    assert!(!second.stderr.contains("WARN"), "{second:?}");
    let text = std::fs::read_to_string(folder("ndjson", "2026-12-01").join("part-00000.ndjson")).unwrap();
    let told = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        assert_eq!(row["verified"], true, "{line}");
        (row["change"].as_str().unwrap().to_owned(), row["openid"].as_str().unwrap().to_owned())
    };
    let told: BTreeSet<(String, String)> = text.lines().map(told).collect();
    let joined = listed(&after).difference(&listed(&before)).copied().collect::<Vec<_>>();
    let missing = listed(&before).difference(&listed(&after)).copied().collect::<Vec<_>>();
    let named = |change: &str, index: u64| (change.to_owned(), after.openid(index));
    let came = |person| if before.follows(person) { "reappeared" } else { "followed" };
    let came = joined.iter().map(|&person| named(came(person), person));
    let left = missing.iter().filter(|person| !after.follows(**person)).map(|&person| named("unfollowed", person));
    assert_eq!(told, came.chain(left).collect());
    for change in ["followed", "unfollowed", "reappeared"] {
        assert!(told.iter().any(|row| row.0 == change), "nobody {change}");
    }
    assert!(missing.iter().any(|person| after.follows(*person)), "no list lacks anybody");
    let lake = rows_of(&folder("parquet", "2026-12-01").join("part-00000.parquet"));
    assert_eq!(lake, Some(told.len() as u64));
}
