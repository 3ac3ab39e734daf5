//! The two files beside those of a list: the manifest, and the marker of a complete list.
//!
//! Before it: `staged`, at prepare. Behind it: the storage, which writes them, and recognises an
//! earlier list by them; and readers.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::part::sha256;
use crate::context::SinkContext;
use crate::error::SinkError;
use crate::found::Found;
use crate::snapshot::Snapshot;
use crate::walk_id::WalkId;

/// The format of [`Manifest`]; a reader refuses a number that it does not know.
const FORMAT_VERSION: u32 = 2;

/// `_manifest.json`: every file of a published list, and the facts of the list. It is a function of
/// context, batches and snapshot, so it has the same bytes when a list is delivered again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The format of this file.
    pub version: u32,
    /// The owner of the list.
    #[serde(flatten)]
    pub owner: Owner,
    /// Always `complete`: only complete lists are published.
    pub verdict: String,
    /// The facts of the list: walk, date, rows, digest, proof.
    #[serde(flatten)]
    pub snapshot: Snapshot,
    /// The columns in their order.
    pub schema: Vec<Column>,
    /// Facts that only this kind of sink has; `None` if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<serde_json::Value>,
    /// The files; in the order of the list, if each continues where the one before ends.
    pub files: Vec<ManifestFile>,
}

/// The publisher of a list. Only a list of the same owner may replace it.
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
    /// Its size in bytes.
    pub bytes: u64,
    /// The number of its rows.
    pub rows: u64,
    /// The SHA-256 of its content, lower-case hexadecimal.
    pub sha256: String,
    /// The position in the list of its first row, counted from 0; `None` if it has no rows.
    pub first_position: Option<u64>,
    /// The position in the list of its last row; `None` if it has no rows.
    pub last_position: Option<u64>,
    /// Facts about the file that only this kind of sink has; `None` if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<serde_json::Value>,
}

/// `_SUCCESS`: written last, so a reader that sees it sees the whole list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// The number of rows in all files.
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
    /// The name of the upload that made the list's object, which is also in the object's metadata;
    /// `None` for files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<String>,
}

/// The part of a manifest that identifies its list. A manifest of version 1 has no `list`, so it
/// does not parse and counts as foreign.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ManifestHead {
    #[serde(flatten)]
    pub(super) owner: Owner,
    pub(super) walk: WalkId,
    pub(super) begun_at: DateTime<Utc>,
    pub(super) digest: String,
    pub(super) files: Vec<NamedFile>,
}

/// A file of a [`ManifestHead`].
#[derive(Clone, Debug, Deserialize)]
pub(super) struct NamedFile {
    pub(super) path: String,
    pub(super) bytes: u64,
}

/// A list that is complete: its manifest and marker, as they will be published.
#[derive(Debug)]
pub(super) struct StagedList {
    pub(super) manifest: Vec<u8>,
    pub(super) marker: Vec<u8>,
    /// What the manifest says.
    pub(super) head: ManifestHead,
}

impl ManifestHead {
    /// Returns what orders the lists of one owner: the newest one stays in its place.
    pub(super) fn order(&self) -> (DateTime<Utc>, u64) {
        (self.begun_at, self.walk.number())
    }

    /// Returns whether this is the list of a walk. Two states may give one name to two walks that
    /// began in the same second, so the instant counts, if it is known.
    pub(super) fn is_of(&self, walk: WalkId, begun_at: Option<DateTime<Utc>>) -> bool {
        self.walk == walk && begun_at.is_none_or(|begun_at| begun_at == self.begun_at)
    }

    /// Reads the manifest of the list of `context`. `place` is where it was found.
    ///
    /// # Errors
    ///
    /// What was found instead.
    pub(super) fn of_list(manifest: &[u8], context: &SinkContext, place: &str) -> Result<Self, Found> {
        let head: Self = serde_json::from_slice(manifest)
            .map_err(|_| Found::Altered(format!("`{place}` is not a manifest of this program")))?;
        match head.another_list(context, place) {
            Some(other) => Err(other),
            None => Ok(head),
        }
    }

    /// Returns the finding if this is not the manifest of the list of `context`; `None` if it is.
    fn another_list(&self, context: &SinkContext, place: &str) -> Option<Found> {
        if !Owner::new(context).may_replace(&self.owner) {
            return Some(Found::Taken(format!("`{place}` is that of {}", self.owner)));
        }
        let begun_at = context.begun_at.unwrap_or(context.walk.begun_at());
        if !self.is_of(context.walk, context.begun_at) {
            let is_newer = self.order() > (begun_at, context.walk.number());
            let older = || Found::Altered(format!("`{place}` is that of the older walk `{}`", self.walk));
            return Some(if is_newer { Found::Replaced } else { older() });
        }
        let digest = context.digest.as_ref().filter(|digest| **digest != self.digest)?;
        Some(Found::Altered(format!("`{place}` has the digest `{}`, and the list `{digest}`", self.digest)))
    }
}

/// Returns whether a marker belongs to a manifest.
pub(super) fn is_marker_of(marker: &[u8], manifest: &[u8]) -> bool {
    serde_json::from_slice::<Marker>(marker).is_ok_and(|marker| marker.manifest_sha256 == sha256(manifest))
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

    /// Returns whether a list of this owner may replace one of `other`. The account's name may have
    /// changed (it is only a name for the app id); everything else must be the same.
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

/// Renders indented JSON: keys in the order of the type, and a line end last.
pub(super) fn render(value: &impl Serialize) -> Result<Vec<u8>, SinkError> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|error| SinkError::permanent("cannot render the manifest").with_source(error))?;
    text.push(b'\n');
    Ok(text)
}
