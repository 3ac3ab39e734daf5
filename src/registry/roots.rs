//! Two sinks must not write to one place: the second would publish over the first.

use std::path::{Component, Path, PathBuf};

use fanout_sink::files::staging_of;

use super::BoundSink;
use crate::config::ConfigError;

/// Reports every pair of sinks of which one writes where the other does, or inside of it.
pub(super) fn report_shared(sinks: &[BoundSink], directory: &Path, problems: &mut Vec<ConfigError>) {
    let mut owned: Vec<(&BoundSink, PathBuf, PathBuf)> = Vec::new();
    for sink in sinks {
        for root in sink.roots() {
            let place = real_place(&directory.join(&root));
            let taken = owned.iter().find(|(other, _, taken)| other.name() != sink.name() && overlap(&place, taken));
            if let Some((other, other_root, _)) = taken {
                let message = format!(
                    "found `{}`, expected a place of its own: the sink `{}` writes to `{}`",
                    root.display(),
                    other.name(),
                    other_root.display()
                );
                problems.push(sink.section().problem("options", message));
            }
            owned.push((sink, root, place));
        }
    }
}

/// Returns whether one of two places is the other, or inside of it, the staging beside each included.
fn overlap(one: &Path, other: &Path) -> bool {
    let nested = |one: &Path, other: &Path| one.starts_with(other) || other.starts_with(one);
    // A place without a name has no staging, and every other place lies in it.
    let is_staged_in = |one: &Path, other: &Path| staging_of(one).is_ok_and(|staging| nested(&staging, other));
    nested(one, other) || is_staged_in(one, other) || is_staged_in(other, one)
}

/// Returns where `path` leads: absolute, without `.` and `..`, and through symbolic links as far as it exists.
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
        // Step by step, for `..` behind a link leads out of the link's target.
        if let Ok(real) = place.canonicalize() {
            place = real;
        }
    }
    place
}
