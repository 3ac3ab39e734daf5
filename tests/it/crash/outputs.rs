//! What stands at the targets of the sinks, read apart from the program.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use fanout_sink::arrow::array::AsArray;
use fanout_sink::arrow::datatypes::Int64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::Project;

use super::{SINKS, root};

/// A list that a sink has published, whole.
struct Published {
    rows: u64,
    /// The files of the list, in its order.
    files: Vec<PathBuf>,
}

/// Holds every sink's target to the promise about readers: there is nothing, or a whole list of one of these lengths.
pub(crate) fn holds_nothing_or_a_whole_list(project: &Project, lengths: &[u64]) {
    for (sink, _, options) in SINKS {
        let root = root(project, sink);
        match published(&root) {
            Some(list) => assert!(lengths.contains(&list.rows), "{sink} has published {} rows", list.rows),
            // A single file is published file by file: without a marker nobody vouches for it, but it is whole.
            None if options.contains("layout") => {
                for file in tree(&root).into_keys().filter(|name| !name.to_string_lossy().starts_with('_')) {
                    let rows = openids(&[root.join(file)]).len() as u64;
                    assert!(lengths.contains(&rows), "{sink} shows {rows} rows");
                }
            }
            None => assert_eq!(tree(&root), BTreeMap::new(), "{sink} shows what has no marker"),
        }
    }
}

/// Holds every sink to the truth, and its target to what it says of itself; nothing but that may be left.
pub(crate) fn holds_the_list(project: &Project, truth: &[String]) {
    for (sink, _, _) in SINKS {
        let list = published(&root(project, sink)).unwrap_or_else(|| panic!("{sink} has published nothing"));
        assert_eq!(list.rows, truth.len() as u64, "{sink}");
        assert!(openids(&list.files) == truth, "{sink} has other followers, or another order");
        let staging = project.path("out").join(format!("{sink}.staging"));
        assert!(!staging.exists(), "{} was left behind", staging.display());
    }
    let parts = published(&root(project, SINKS[0].0)).unwrap().files.len() as u64;
    assert_eq!(parts, (truth.len() as u64).div_ceil(5_000).max(1));
}

/// Returns what a target says that it holds, after everything it says has been checked; none without a marker.
fn published(root: &Path) -> Option<Published> {
    let files = tree(root);
    let (marker_name, marker) = files.iter().find(|(name, _)| name.to_string_lossy().ends_with("SUCCESS"))?;
    let (manifest_name, manifest_text) = named_with(&files, "manifest.json");
    let [marker, manifest] = [marker, manifest_text].map(|text| serde_json::from_slice::<Value>(text).unwrap());
    assert_eq!(marker["manifest_sha256"], sha256(manifest_text), "{}", root.display());
    assert_eq!((&marker["rows"], &marker["walk"]), (&manifest["rows"], &manifest["walk"]));

    let folder = marker_name.parent().unwrap();
    let listed = manifest["files"].as_array().unwrap();
    assert_eq!(marker["files"], listed.len());
    let mut rows = 0;
    let mut names = Vec::new();
    for file in listed {
        let name = folder.join(file["path"].as_str().unwrap());
        let content = &files[&name];
        assert_eq!(
            (&file["bytes"], &file["sha256"]),
            (&content.len().into(), &sha256(content).into()),
            "{}",
            name.display()
        );
        assert_eq!(file["first_position"], rows);
        rows += file["rows"].as_u64().unwrap();
        assert_eq!(file["last_position"], rows - 1);
        names.push(name);
    }
    assert_eq!(manifest["rows"], rows);
    let vouched = |name: &PathBuf| names.contains(name) || name == marker_name || name == manifest_name;
    assert!(files.keys().all(vouched), "{} holds more than its manifest says: {:?}", root.display(), files.keys());
    Some(Published { rows, files: names.into_iter().map(|name| root.join(name)).collect() })
}

fn named_with<'a>(files: &'a BTreeMap<PathBuf, Vec<u8>>, end: &str) -> (&'a PathBuf, &'a Vec<u8>) {
    files.iter().find(|(name, _)| name.to_string_lossy().ends_with(end)).expect("beside a marker there is a manifest")
}

/// Reads the `OpenID`s of a list; each row must be at its position.
fn openids(files: &[PathBuf]) -> Vec<String> {
    let rows = files.iter().flat_map(|path| match path.extension().unwrap().to_str() {
        Some("parquet") => parquet_rows(path),
        Some("zst") => ndjson_rows(&zstd::decode_all(File::open(path).unwrap()).unwrap()),
        _ => ndjson_rows(&fs::read(path).unwrap()),
    });
    let at_its_place = |(place, (position, openid)): (usize, (i64, String))| {
        assert_eq!(position, place as i64);
        openid
    };
    rows.enumerate().map(at_its_place).collect()
}

/// Returns the `OpenID`s that the plain lines have, as they stand there.
pub(crate) fn openids_of_lines(project: &Project) -> Vec<String> {
    let files = tree(&root(project, "lines"));
    let lines = files.iter().filter(|(name, _)| name.extension().is_some_and(|extension| extension == "ndjson"));
    lines.flat_map(|(_, content)| ndjson_rows(content)).map(|(_, openid)| openid).collect()
}

fn parquet_rows(path: &Path) -> Vec<(i64, String)> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
    let mut rows = Vec::new();
    for records in reader {
        let records = records.unwrap();
        let positions = records["position"].as_primitive::<Int64Type>().values();
        let openids = records["openid"].as_string::<i32>();
        rows.extend(positions.iter().zip(openids).map(|(&position, openid)| (position, openid.unwrap().to_owned())));
    }
    rows
}

fn ndjson_rows(text: &[u8]) -> Vec<(i64, String)> {
    let row = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        (row["position"].as_i64().unwrap(), row["openid"].as_str().unwrap().to_owned())
    };
    std::str::from_utf8(text).unwrap().lines().map(row).collect()
}

/// Returns every file below a folder with its content.
pub(crate) fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        // What is not there has no files.
        let Ok(entries) = fs::read_dir(&next) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Holds two trees against each other without printing what they hold.
pub(crate) fn are_equal_to_the_byte(one: &Path, other: &Path) {
    let (one, other) = (tree(one), tree(other));
    assert!(one.keys().eq(other.keys()), "{:?} is not {:?}", one.keys(), other.keys());
    let differs: Vec<_> =
        one.iter().filter(|(name, content)| other[*name] != **content).map(|(name, _)| name).collect();
    assert!(differs.is_empty(), "{differs:?} differ");
}

fn sha256(content: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(content).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
