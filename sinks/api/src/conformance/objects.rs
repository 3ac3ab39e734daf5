//! What a sink has left in an object store: read and removed as files are.
//!
//! Before it: `scene` and `aftermath`. Behind it: the store, by the options of the sink.

use std::collections::BTreeMap;

use super::rows::ReadError;
use crate::root::Root;

/// The content of objects, by their URLs.
type Objects = BTreeMap<String, Vec<u8>>;

/// Reads every object below a root: the bytes by the URL. A root that is a folder has no objects.
#[cfg(feature = "object-store")]
pub(super) fn objects_under(root: &Root) -> Result<Objects, ReadError> {
    let Some((url, store)) = store(root)? else { return Ok(BTreeMap::new()) };
    let mut found = BTreeMap::new();
    for key in store.list(url.prefix())? {
        let content = store.get(&key)?.map(|(content, _)| content).unwrap_or_default();
        found.insert(url.object(&key), content);
    }
    Ok(found)
}

/// Removes every object below a root.
#[cfg(feature = "object-store")]
pub(super) fn remove_objects_under(root: &Root) -> Result<(), ReadError> {
    let Some((url, store)) = store(root)? else { return Ok(()) };
    for key in store.list(url.prefix())? {
        store.delete(&key)?;
    }
    Ok(())
}

#[cfg(feature = "object-store")]
fn store(root: &Root) -> Result<Option<(&crate::files::objects::ObjectUrl, crate::files::objects::Store)>, ReadError> {
    use crate::files::objects::{Store, StoreOptions};
    use crate::root::Place;
    let Place::Objects(url) = root.kind() else { return Ok(None) };
    Ok(Some((url, Store::open(url, root.store().unwrap_or(&StoreOptions::default()))?)))
}

#[cfg(not(feature = "object-store"))]
#[expect(clippy::unnecessary_wraps, reason = "with the feature it asks the store")]
pub(super) fn objects_under(_root: &Root) -> Result<Objects, ReadError> {
    Ok(BTreeMap::new())
}

#[cfg(not(feature = "object-store"))]
#[expect(clippy::unnecessary_wraps, reason = "with the feature it asks the store")]
pub(super) fn remove_objects_under(_root: &Root) -> Result<(), ReadError> {
    Ok(())
}
