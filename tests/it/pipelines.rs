//! The pipeline files in `pipelines/`: each one loads, binds and passes the check.

use std::path::{Path, PathBuf};

use fanout::SinkRegistry;
use fanout::config::{Overrides, Pipeline};
use fanout::engine;

use crate::support::{Ended, fanout};

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
        let sinks = engine::bind(&pipeline, &SinkRegistry::builtin()).unwrap_or_else(|errors| panic!("{errors}"));
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
        for sink in load(&file).sinks {
            let root = format!("FANOUT_SINKS__{}__OPTIONS__ROOT", sink.name.to_uppercase());
            command.env(root, folder.path().join("out").join(&sink.name));
        }
        let ended = Ended::of(&mut command);
        assert_eq!(ended.code, Some(0), "{}: {ended:?}", file.display());
        assert!(!folder.path().join("out").exists(), "`check` wrote something");
    }
}
