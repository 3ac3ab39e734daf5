//! A list that a publisher is told to publish.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use fanout_sink::arrow::datatypes::{DataType, Field, Schema};
use fanout_sink::files::FileOptions;
use fanout_sink::{SinkContext, Snapshot, WalkId};
use serde::{Deserialize, Serialize};

/// The second in which all walks of the tests begin, so that two states give them one name.
const SECOND: i64 = 1_795_309_323;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct List {
    pub(crate) directory: PathBuf,
    pub(crate) pipeline: String,
    pub(crate) is_single_file: bool,
    /// When the walk began, in microseconds after [`SECOND`].
    pub(crate) micros: i64,
    /// How long the publisher waits before it begins.
    pub(crate) pause_micros: u64,
}

impl List {
    pub(crate) fn begun_at(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(SECOND, 0).unwrap() + TimeDelta::microseconds(self.micros)
    }

    /// Returns the options. The pipelines name one place from two roots.
    pub(crate) fn options(&self) -> FileOptions {
        let (root, layout) = match (self.is_single_file, self.pipeline.as_str()) {
            (true, _) => ("out", "list.txt"),
            (false, "north") => ("out", "lists/dt={date}/account={account}/part-{part}.txt"),
            (false, _) => ("out/lists", "dt={date}/account={account}/part-{part}.txt"),
        };
        FileOptions { root: root.into(), layout: layout.to_owned(), rolling: !self.is_single_file }
    }

    pub(crate) fn context(&self) -> SinkContext {
        let schema = Arc::new(Schema::new(vec![Field::new("openid", DataType::Utf8, false)]));
        SinkContext::new("main", "wx1", schema)
            .with_names(&self.pipeline, "archive")
            .with_walk(WalkId::new(1, self.begun_at()), self.begun_at().date_naive())
            .with_facts(self.begun_at(), None)
            .with_directory(&self.directory)
    }

    /// Returns the files of the list, each with its lines. Two lists have files of one size.
    pub(crate) fn parts(&self) -> Vec<String> {
        let line = |part: usize, row: usize| format!("{}-{:09}-{part}-{row}", self.pipeline, self.micros);
        let part = |part: usize| [0, 1, 2].map(|row| line(part, row)).join("\n") + "\n";
        (0..if self.is_single_file { 1 } else { 2 }).map(part).collect()
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let context = self.context();
        Snapshot {
            walk: context.walk,
            date: context.date,
            begun_at: self.begun_at(),
            rows: self.parts().iter().map(|part| part.lines().count() as u64).sum(),
            first_fetched_at: None,
            last_fetched_at: None,
            digest: format!("sha256:{:064x}", self.micros),
            proof: serde_json::Map::default(),
        }
    }

    /// Returns the folder of the list, or of its file.
    pub(crate) fn folder(&self) -> PathBuf {
        let date = self.context().date;
        let below = if self.is_single_file { "out".to_owned() } else { format!("out/lists/dt={date}/account=main") };
        self.directory.join(below)
    }

    /// Returns the names of manifest, marker and lock, the last one with its folder.
    pub(crate) fn names(&self) -> (&'static str, &'static str, PathBuf) {
        let folder = self.folder();
        if self.is_single_file {
            ("_list.txt.manifest.json", "_list.txt.SUCCESS", folder.join(".list.txt~lock"))
        } else {
            ("_manifest.json", "_SUCCESS", folder.with_file_name(".account=main~lock"))
        }
    }

    /// Returns the folders in which lists for the place are staged.
    pub(crate) fn stagings(directory: &Path) -> [PathBuf; 2] {
        ["out.staging", "out/lists.staging"].map(|name| directory.join(name))
    }
}
