//! Publishing to an object store, tried out before a list is read: an object is written in parts,
//! completed and deleted.
//!
//! Before it: `storage`, for a sink's `check`. Behind it: the store. What has succeeded for a list
//! of the same run is not tried again: a sink has one root, in one bucket. What has failed is told
//! again at once, because a store that does not answer takes minutes.

use super::identity::attempt_name;
use super::place::ObjectPlace;
use crate::error::{SinkError, SinkErrorKind};
use crate::files::Trials;
use crate::files::manifest::Owner;
use crate::files::names::Names;
use crate::files::objects::{ObjectUrl, Probe, StoreOptions};

/// The name of the object that a check writes. Readers skip hidden names.
const PROBE: &str = ".fanout-check";

/// A trial that has succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// The root, in which an object was written, completed and deleted.
    pub root: String,
    /// Whether the store refuses a write whose condition does not hold. Without that, the last one
    /// of several publishers of a list wins.
    pub is_conditional: bool,
}

/// Checks whether a list could be published below `root`.
pub(in crate::files) fn check(root: &ObjectUrl, store: Option<&StoreOptions>, names: &Names) -> Result<(), SinkError> {
    let place = ObjectPlace::new(root, names)?;
    let bucket = names.context().trials.stores().open(root, store)?;
    let key = root.key(PROBE);
    try_out(&names.context().trials, &names.context().sink, &root.to_string(), || {
        bucket.probe(&key, &format!("{key}-{}", attempt_name()))
    })?;
    place.look(&bucket, &Owner::new(names.context())).map(drop)
}

/// Tries a root, unless its run has tried it already.
pub(super) fn try_out(
    trials: &Trials,
    sink: &str,
    root: &str,
    probe: impl FnOnce() -> Result<Probe, SinkError>,
) -> Result<(), SinkError> {
    if trials.probed(sink).iter().any(|probed| probed.root == root) {
        return Ok(());
    }
    if let Some(error) = trials.failed_probe(sink, root) {
        return Err(error);
    }
    match probe() {
        Ok(probe) => {
            trials.note_probe(sink, Probed { root: root.to_owned(), is_conditional: probe.keeps_conditions });
            Ok(())
        }
        // An option that is wrong is reported as such.
        Err(error) if error.kind() == SinkErrorKind::Option => Err(error),
        Err(error) => {
            trials.note(sink, &error);
            trials.note_failed_probe(sink, root, &error);
            Err(error)
        }
    }
}
