//! Reports sinks that write to the same place, because the second would replace what the first has
//! published.
//!
//! Before it: [`SinkRegistry::bind_all`](super::SinkRegistry::bind_all) has bound every sink.
//! Behind it: the problems of the pipeline file.

use std::path::{Component, Path, PathBuf};

use fanout_sink::Root;
use fanout_sink::files::staging_of;

use super::bound::BoundSink;
use crate::config::ConfigError;

/// Reports every sink that writes to the place of an earlier one, inside of it, or around it.
pub(super) fn report_shared(sinks: &[BoundSink], directory: &Path, problems: &mut Vec<ConfigError>) {
    let mut to_stdout = sinks.iter().filter(|sink| sink.uses_stdout());
    if let Some(first) = to_stdout.next() {
        let message = format!("found stdout, expected a place of its own: the sink `{}` writes there", first.name());
        problems.extend(to_stdout.map(|sink| sink.section().problem("options", message.clone())));
    }
    let mut owned: Vec<(&BoundSink, Root, Root)> = Vec::new();
    for sink in sinks {
        for root in sink.roots() {
            let place = root.as_path().map_or_else(|| root.clone(), |path| real_place(&directory.join(path)).into());
            let taken = owned.iter().find(|(other, _, taken)| other.name() != sink.name() && overlap(&place, taken));
            if let Some((other, other_root, _)) = taken {
                let other = other.name();
                let message =
                    format!("found `{root}`, expected a place of its own: the sink `{other}` writes to `{other_root}`");
                problems.push(sink.section().problem("options", message));
            }
            owned.push((sink, root, place));
        }
    }
}

/// Returns whether two places are the same, or one is inside the other.
fn overlap(one: &Root, other: &Root) -> bool {
    match (one.as_path(), other.as_path()) {
        (Some(one), Some(other)) => paths_overlap(one, other),
        _ => one.overlaps_in_store(other),
    }
}

/// Returns whether two folders are the same, or one is inside the other; each includes the staging
/// beside it.
fn paths_overlap(one: &Path, other: &Path) -> bool {
    let nested = |one: &Path, other: &Path| one.starts_with(other) || other.starts_with(one);
    // Only `/` has no staging, and every other place is inside of it.
    let is_staged_in = |one: &Path, other: &Path| staging_of(one).is_ok_and(|staging| nested(&staging, other));
    nested(one, other) || is_staged_in(one, other) || is_staged_in(other, one)
}

/// Returns `path` as an absolute path without `.` and `..`. Symbolic links are resolved in the part
/// that exists.
fn real_place(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut place = PathBuf::new();
    for component in absolute.components() {
        match component {
            Component::ParentDir => {
                place.pop();
            }
            component => place.push(component),
        }
        // Resolved at each step, because `..` after a link leads to the parent of the link's
        // target.
        if let Ok(real) = place.canonicalize() {
            place = real;
        }
    }
    place
}
