//! Reads what sinks have published, with code of its own: manifests, markers, rows.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use fanout_sink::arrow::array::AsArray;
use fanout_sink::arrow::datatypes::Int64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::project::Project;

/// A whole list that a sink has published.
pub(crate) struct Published {
    pub(crate) rows: u64,
    /// The files of the list, in its order.
    pub(crate) files: Vec<PathBuf>,
}

/// Returns the list whose marker is below `root`, after its marker and manifest have been compared
/// with every file there; `None` without a marker.
pub(crate) fn published(root: &Path) -> Option<Published> {
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
        let first = rows;
        rows += file["rows"].as_u64().unwrap();
        // A file without rows has no positions.
        let positions = (rows > first).then(|| (first, rows - 1)).unzip();
        assert_eq!((file["first_position"].as_u64(), file["last_position"].as_u64()), positions);
        names.push(name);
    }
    assert_eq!(manifest["rows"], rows);
    // The lock of a place is there while a list is published, and after a kill. Readers skip it.
    let is_lock = |name: &PathBuf| name.to_string_lossy().ends_with("~lock");
    let vouched =
        |name: &PathBuf| names.contains(name) || name == marker_name || name == manifest_name || is_lock(name);
    assert!(files.keys().all(vouched), "{} holds more than its manifest says: {:?}", root.display(), files.keys());
    Some(Published { rows, files: names.into_iter().map(|name| root.join(name)).collect() })
}

fn named_with<'a>(files: &'a BTreeMap<PathBuf, Vec<u8>>, end: &str) -> (&'a PathBuf, &'a Vec<u8>) {
    files.iter().find(|(name, _)| name.to_string_lossy().ends_with(end)).expect("beside a marker there is a manifest")
}

/// Reads the `OpenID`s of a list, and asserts that each row is at its position.
pub(crate) fn openids(files: &[PathBuf]) -> Vec<String> {
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

/// Returns the `OpenID`s of all newline JSON files below a folder, as they stand there.
pub(crate) fn openids_of_lines(root: &Path) -> Vec<String> {
    let files = tree(root);
    let lines = files.iter().filter(|(name, _)| name.extension().is_some_and(|extension| extension == "ndjson"));
    lines.flat_map(|(_, content)| ndjson_rows(content)).map(|(_, openid)| openid).collect()
}

/// Returns the `OpenID`s of a newline JSON file whose only column is `openid`.
pub(crate) fn only_openids(text: &str) -> Vec<String> {
    let openid = |line: &str| line.strip_prefix(r#"{"openid":""#)?.strip_suffix(r#""}"#).map(str::to_owned);
    text.lines().map(|line| openid(line).unwrap_or_else(|| panic!("not only an OpenID: {line}"))).collect()
}

/// Returns how many rows a file of a list has; `None` for the files beside it.
pub(crate) fn rows_of(path: &Path) -> Option<u64> {
    match path.extension()?.to_str()? {
        "ndjson" => Some(fs::read_to_string(path).unwrap().lines().count() as u64),
        "parquet" => {
            let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
            Some(reader.metadata().file_metadata().num_rows() as u64)
        }
        _ => None,
    }
}

/// Counts the rows of all Parquet files of a project whose path has `part` in it.
pub(crate) fn parquet_rows_of(project: &Project, part: &str) -> u64 {
    let is_parquet = |path: &Path| path.extension().is_some_and(|extension| extension == "parquet");
    let files = project.files().into_iter().filter(|path| is_parquet(path) && path.to_string_lossy().contains(part));
    files.filter_map(|path| rows_of(&path)).sum()
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

/// Returns every file below a folder with its content; nothing if there is no folder. The content
/// of a link to nothing is its target. Hidden names are skipped, as readers do: a killed run may
/// leave a lock or a trial.
pub(crate) fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        // What is not there has no files.
        let Ok(entries) = fs::read_dir(&next) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.file_name().unwrap().to_string_lossy().starts_with('.') {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                let target = |_| fs::read_link(&path).map(|target| target.into_os_string().into_encoded_bytes());
                let content = fs::read(&path).or_else(target).unwrap();
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), content);
            }
        }
    }
    found
}

/// Asserts that two folders have the same files, without printing what is in them.
pub(crate) fn are_equal_to_the_byte(one: &Path, other: &Path) {
    let (one, other) = (tree(one), tree(other));
    assert!(one.keys().eq(other.keys()), "{:?} is not {:?}", one.keys(), other.keys());
    let differs: Vec<_> =
        one.iter().filter(|(name, content)| other[*name] != **content).map(|(name, _)| name).collect();
    assert!(differs.is_empty(), "{differs:?} differ");
}

/// Returns the SHA-256 of `content` in lower-case hexadecimal.
pub(crate) fn sha256(content: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(content).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
