//! The metadata of an object: which list of which owner it is.
//!
//! Before it: `files`, which begins an object with it. Behind it: `place`, which compares it with a
//! manifest.
//!
//! The names have only letters (see `objects::metadata`). The account's name is left out, because
//! it may change; the manifest has it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::SecondsFormat::AutoSi;
use chrono::Utc;

use crate::context::SinkContext;
use crate::files::layout::sanitise;
use crate::files::manifest::{ManifestHead, Owner};
use crate::walk_id::WalkId;

const PIPELINE: &str = "pipeline";
const SINK: &str = "sink";
const APP_ID: &str = "appid";
const LIST: &str = "list";
const WALK: &str = "walk";
const BEGUN_AT: &str = "begunat";
/// Tells the uploads of one walk apart, which may have other options: an answer to `complete` that
/// was lost is taken for a success only if the object is of this upload.
const UPLOAD: &str = "upload";

/// Returns the metadata of the list of `context`.
pub(super) fn metadata(context: &SinkContext) -> BTreeMap<String, String> {
    let begun_at = context.begun_at.unwrap_or(context.walk.begun_at());
    BTreeMap::from(
        [
            (PIPELINE, context.pipeline.clone()),
            (SINK, context.sink.clone()),
            (APP_ID, context.app_id.clone()),
            (LIST, context.list.clone()),
            (WALK, context.walk.to_string()),
            (BEGUN_AT, begun_at.to_rfc3339_opts(AutoSi, true)),
            (UPLOAD, attempt_name()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    )
}

/// Makes a name that no other attempt has: of the host, the process, the instant, and a number.
pub(super) fn attempt_name() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let system = rustix::system::uname();
    let host = sanitise(&system.nodename().to_string_lossy());
    let instant = Utc::now().timestamp_micros();
    format!("{host}-{}-{instant}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// Returns whether an object with this metadata is a list of `owner`.
pub(super) fn is_of_owner(metadata: &BTreeMap<String, String>, owner: &Owner) -> bool {
    let Owner { pipeline, sink, account: _, app_id, list } = owner;
    [(PIPELINE, pipeline), (SINK, sink), (APP_ID, app_id), (LIST, list)]
        .iter()
        .all(|(name, value)| metadata.get(*name) == Some(value))
}

/// Returns whether an object with this metadata is the list of the manifest. The metadata may know
/// only the second in which the walk began.
pub(super) fn is_of_list(metadata: &BTreeMap<String, String>, head: &ManifestHead) -> bool {
    let instants = [head.begun_at, head.walk.begun_at()].map(|instant| instant.to_rfc3339_opts(AutoSi, true));
    is_of_owner(metadata, &head.owner)
        && walk(metadata) == Some(head.walk)
        && metadata.get(BEGUN_AT).is_some_and(|begun_at| instants.contains(begun_at))
}

/// Returns the walk that has written an object.
pub(super) fn walk(metadata: &BTreeMap<String, String>) -> Option<WalkId> {
    metadata.get(WALK)?.parse().ok()
}

/// Returns the name of the upload that made an object.
pub(super) fn upload(metadata: &BTreeMap<String, String>) -> Option<String> {
    metadata.get(UPLOAD).cloned()
}
