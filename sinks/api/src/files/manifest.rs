//! What lies beside the files of a list: the manifest, and the marker that says that all of it is there.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::context::SinkContext;
use crate::error::SinkError;
use crate::snapshot::Snapshot;
use crate::walk_id::WalkId;

/// The format of [`Manifest`]; a reader refuses a number it does not know.
const FORMAT_VERSION: u32 = 2;

/// `_manifest.json`: every file of a published list, and what the list is. A function of context, batches and
/// snapshot, and so equal to the byte when a list is delivered again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The format of this file.
    pub version: u32,
    /// Whose list it is.
    #[serde(flatten)]
    pub owner: Owner,
    /// Always `complete`: nothing else is ever published.
    pub verdict: String,
    /// The facts of the list: walk, date, rows, digest, proof.
    #[serde(flatten)]
    pub snapshot: Snapshot,
    /// The columns in their order.
    pub schema: Vec<Column>,
    /// What only this kind of sink has to say, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<serde_json::Value>,
    /// The files, in the order of the list if it goes from one to the next.
    pub files: Vec<ManifestFile>,
}

/// Who published a list. Another list may take its place only if it comes from the same owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The pipeline's `name`.
    pub pipeline: String,
    /// The sink's name in the pipeline file.
    pub sink: String,
    /// The account's name in the pipeline file.
    pub account: String,
    /// The account's app id.
    pub app_id: String,
    /// Which list of the account.
    pub list: String,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its Arrow type, as Arrow displays it.
    #[serde(rename = "type")]
    pub data_type: String,
    /// Whether it may hold nulls.
    pub nullable: bool,
}

/// One file of a published list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// Its name in the folder of the manifest.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its rows.
    pub rows: u64,
    /// The SHA-256 of its content, lower-case hexadecimal.
    pub sha256: String,
    /// The place in the list of its first row, counted from 0; `None` if it has no rows.
    pub first_position: Option<u64>,
    /// The place in the list of its last row; `None` if it has no rows.
    pub last_position: Option<u64>,
    /// What only this kind of sink has to say about the file, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<serde_json::Value>,
}

/// `_SUCCESS`: written last, so who sees it sees all of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// Rows in all files.
    pub rows: u64,
    /// The number of files.
    pub files: u64,
    /// Which list of the account.
    pub list: String,
    /// The walk that read the list.
    pub walk: WalkId,
    /// The logical date.
    pub date: NaiveDate,
    /// The SHA-256 of the manifest, lower-case hexadecimal.
    pub manifest_sha256: String,
}

/// As much of a manifest as tells which list it is about, whatever its version.
#[derive(Debug, Deserialize)]
pub(super) struct ManifestHead {
    #[serde(flatten)]
    pub(super) owner: Owner,
    pub(super) walk: WalkId,
    pub(super) begun_at: DateTime<Utc>,
    pub(super) digest: String,
    pub(super) files: Vec<NamedFile>,
}

/// A file of a [`ManifestHead`].
#[derive(Debug, Deserialize)]
pub(super) struct NamedFile {
    pub(super) path: String,
    pub(super) bytes: u64,
}

impl Manifest {
    pub(super) fn new(
        context: &SinkContext,
        snapshot: &Snapshot,
        details: Option<serde_json::Value>,
        files: Vec<ManifestFile>,
    ) -> Self {
        let column = |field: &crate::arrow::datatypes::FieldRef| Column {
            name: field.name().clone(),
            data_type: field.data_type().to_string(),
            nullable: field.is_nullable(),
        };
        Self {
            version: FORMAT_VERSION,
            owner: Owner::new(context),
            verdict: "complete".to_owned(),
            snapshot: snapshot.clone(),
            schema: context.schema.fields().iter().map(column).collect(),
            details,
            files,
        }
    }
}

impl Owner {
    pub(super) fn new(context: &SinkContext) -> Self {
        Self {
            pipeline: context.pipeline.clone(),
            sink: context.sink.clone(),
            account: context.account.clone(),
            app_id: context.app_id.clone(),
            list: context.list.clone(),
        }
    }

    /// Returns whether a list of `other` may be replaced by one of this owner. The account's name may have changed
    /// (it is only a name for the app id); everything else must be the same.
    pub(super) fn may_replace(&self, other: &Self) -> bool {
        let Self { pipeline, sink, account: _, app_id, list } = self;
        (pipeline, sink, app_id, list) == (&other.pipeline, &other.sink, &other.app_id, &other.list)
    }
}

impl std::fmt::Display for Owner {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { pipeline, sink, account, app_id, list } = self;
        write!(
            formatter,
            "the list `{list}` of app id `{app_id}` (account `{account}`, sink `{sink}` of pipeline `{pipeline}`)"
        )
    }
}

/// Renders for people and machines: indented, keys in the order of the type, a line end last.
pub(super) fn render(value: &impl Serialize) -> Result<Vec<u8>, SinkError> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|error| SinkError::permanent("cannot render the manifest").with_source(error))?;
    text.push(b'\n');
    Ok(text)
}
